"""Runs on Colab from a real server: no session outlives its run, whatever ends it."""

import json
import os
import sqlite3

import pytest

from tests.conftest import Server, until
from tests.jobs.executors.installing import install_stand_in
from tests.notebooks.trivial import REPORT, write_trivial

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def server(folder):
    (folder / "home").mkdir()
    program = install_stand_in(folder, folder / "machines")
    made = Server(folder / "home", {"TUNEBOOK_COLAB_COMMAND": str(program)})
    made.start()
    yield made
    if made.process.poll() is None:
        made.stop()


@pytest.fixture
def go(folder):
    """The file that notebooks wait for."""
    yield folder / "go"
    (folder / "go").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def order(server, folder):
    """Orders a run on Colab of a notebook that waits for the file `go`; answers its path."""
    session_id = server.post("/samples/harbour-bikes").json()["session_id"]
    while server.get(f"/analyze/{session_id}").status_code == 202:
        pass
    made = server.post("/generate", json={"session_id": session_id, "model_id": "smollm2-360m"}).json()
    waits = (
        f"import time, os\nprint('on', flush=True)\nwhile not os.path.exists({str(folder / 'go')!r}): time.sleep(.1)"
    )
    [stored] = (server.home / "files" / "notebooks").glob("*.ipynb")
    write_trivial(stored, waits, REPORT)
    body = {"session_id": session_id, "notebook_id": made["notebook_id"], "kind": "run", "executor": "colab"}
    return lambda: server.post("/jobs", json=body | {"start": True}).json()["status_url"]


def sessions(server):
    path = server.home / "colab" / "sessions.json"
    return list(json.loads(path.read_text())) if path.exists() else []


def at_work(server, url):
    return lambda: "on\n" in server.get(f"{url}/logs").text


def ended(server, url):
    def look():
        job = server.get(url).json()
        return job if job["status"] in ("completed", "failed", "cancelled") else None

    return look


def test_a_run_on_colab_has_the_files_and_the_report_of_any_other(server, order, go):
    go.write_text("")
    url = order()
    job = until(ended(server, url), 90)
    assert (job["error"], job["status"], job["executor"], job["result"]["steps"]) == (None, "completed", "colab", 7)
    names = {item["name"] for item in server.get(f"{url}/artifacts").json()}
    assert names == {"executed.ipynb", "tunebook-run/report.json", "tunebook-run/model/adapter"}
    assert server.get(f"{url}/report").json() == {"steps": 7}
    assert sessions(server) == []


def test_a_cancelled_run_leaves_no_session(server, order):
    url = order()
    until(at_work(server, url), 90)
    server.post(f"{url}/cancel")
    assert until(ended(server, url), 90)["status"] == "cancelled"
    until(lambda: sessions(server) == [], 10)


def test_a_run_in_whose_midst_everything_is_killed_ends_its_session_and_has_another(server, order, go, folder):
    url = order()
    until(at_work(server, url), 90)
    [first] = sessions(server)
    kill_everything(server)
    assert sessions(server) == [first]  # nobody is left to end it
    with sqlite3.connect(server.home / "tunebook.db") as database:
        database.execute("UPDATE jobs SET lease_until = '2000-01-01 00:00:00.000000'")
    go.write_text("")
    server.start()
    job = until(ended(server, url), 90)
    assert (job["status"], job["attempt"]) == ("completed", 2)
    assert sessions(server) == []
    calls = [
        json.loads(line)["arguments"][2:] for line in (folder / "machines" / "calls.jsonl").read_text().splitlines()
    ]
    assert calls.index(["stop", "-s", first]) < max(place for place, call in enumerate(calls) if call[0] == "new")


def kill_everything(server):
    """kill -9 of the server, its worker and the worker's children, each in a session of its own."""
    import psutil

    for process in [*psutil.Process(server.process.pid).children(recursive=True), psutil.Process(server.process.pid)]:
        os.kill(process.pid, 9)
    server.process.wait()
    server.process.stdout.close()
