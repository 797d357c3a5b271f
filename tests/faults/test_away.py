"""A database that goes away and comes back, a full disk, a home that cannot be written: said clearly, survived."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Server, jsonl
from webapp import workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.server import serve
from webapp.settings import Settings
from webapp.storage.tables import Dataset
from webapp.workflow import open_services

pytestmark = pytest.mark.timeout(180)

AWAY_SECONDS = 5
MIB = 1024 * 1024


def analysed(server, session_id, seconds=60):
    deadline = time.monotonic() + seconds
    while (answer := server.get(f"/analyze/{session_id}")).status_code == 202:
        assert time.monotonic() < deadline
    return answer


def upload(server, content):
    return server.post("/upload", files={"file": ("a.jsonl", content)})


@pytest.fixture(scope="module")
def on_postgres(postgres, tmp_path_factory):
    url = postgres.fresh(migrated=False)
    made = Server(tmp_path_factory.mktemp("home"), {"DATABASE_URL": url})
    made.start()
    yield made
    made.stop()
    postgres.drop(url)


def test_the_main_job_on_postgresql(on_postgres):
    server = on_postgres
    session_id = server.post("/samples/harbour-bikes").json()["session_id"]
    assert analysed(server, session_id).json()["total_examples"] == 300
    purpose = {"session_id": session_id, "task_type": "conversation", "deployment_target": "desktop"}
    best = server.post("/recommend", json=purpose).json()["recommendations"][0]
    made = server.post("/generate", json={"session_id": session_id, "model_id": best["model_id"]}).json()
    assert server.get(made["download_url"]).json()["nbformat"] == 4
    body = {"operations": [{"name": "validation_split"}]}
    fix = server.post(f"/datasets/{session_id}/fix", json=body).json()["status_url"]
    while server.get(fix).json()["status"] in ("queued", "running"):
        pass
    assert server.get(fix).json()["status"] == "completed"
    assert len(server.get(f"/datasets/{session_id}/versions").json()["versions"]) == 2
    order = {"session_id": session_id, "notebook_id": made["notebook_id"], "kind": "dry_run"}
    job = server.post("/jobs", json=order).json()
    assert job["id"] in [listed["id"] for listed in server.get("/jobs").json()]
    assert server.post(f"{job['status_url']}/cancel").json()["status"] == "cancelled"
    assert server.get(f"{job['status_url']}/events").status_code == 200


def test_a_postgresql_that_crashes_and_comes_back(on_postgres, postgres):
    """In its absence every answer is a clear 503; a job in whose midst it went is done when it is there again."""
    server = on_postgres
    before = upload(server, jsonl(20)).json()["session_id"]
    report = analysed(server, before).json()
    large = upload(server, jsonl(20_000)).json()["session_id"]
    postgres.crash()
    gone = time.monotonic()
    try:
        refused = [upload(server, jsonl(5)), server.get(f"/analyze/{before}")]
        time.sleep(max(0, gone + AWAY_SECONDS - time.monotonic()))
    finally:
        postgres.start()
    assert [answer.status_code for answer in refused] == [503, 503]
    assert {answer.json()["error"]["code"] for answer in refused} == {"storage_unavailable"}
    assert analysed(server, before).json() == report
    assert analysed(server, large).json()["total_examples"] == 20_000
    assert analysed(server, upload(server, jsonl(7)).json()["session_id"]).json()["total_examples"] == 7
    assert server.process.poll() is None


def test_a_postgresql_that_does_not_answer_for_a_while(on_postgres, postgres):
    """Stopped, its connections stay open: whoever asks waits, and gets the answer."""
    server = on_postgres
    postgres.tell_all(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor() as pool:
            answers = [pool.submit(upload, server, jsonl(9 + number)) for number in range(4)]
            time.sleep(AWAY_SECONDS)
            postgres.tell_all(signal.SIGCONT)
            ids = [answer.result().json()["session_id"] for answer in answers]
    finally:
        postgres.tell_all(signal.SIGCONT)
    counts = [analysed(server, session_id).json()["total_examples"] for session_id in ids]
    assert counts == [9, 10, 11, 12]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 32 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a disk of a given size takes the right to mount one: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_is_named_and_work_goes_on_when_there_is_room(small_disk):
    server = Server(small_disk)
    server.start()
    before = upload(server, jsonl(20)).json()["session_id"]
    report = analysed(server, before).json()
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file:
        free = os.statvfs(small_disk)
        file.write(bytes(free.f_bavail * free.f_frsize - 2 * MIB))
    refused = upload(server, jsonl(40_000))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "disk_full")
    with ballast.open("ab") as file:
        free = os.statvfs(small_disk)
        file.write(bytes(free.f_bavail * free.f_frsize))
    refused = upload(server, jsonl(20))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "disk_full")
    assert server.get(f"/analyze/{before}").json() == report
    ballast.unlink()
    assert analysed(server, upload(server, jsonl(11)).json()["session_id"]).json()["total_examples"] == 11
    assert len(list((small_disk / "files" / "datasets").iterdir())) == 2  # nothing is kept of what was refused
    server.stop()


def test_a_home_that_cannot_be_written_is_named_at_the_start_and_stays_as_it_was(small_disk):
    services = open_services(Settings(home=small_disk))
    services.db.migrate()
    session_id = workflow.upload(services, LOCAL, "a.jsonl", [jsonl(12)]).id
    services.db.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    try:
        with pytest.raises(Problem) as caught:
            serve(Settings(home=small_disk), "127.0.0.1", 0)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert caught.value.code == "read_only"
    with services.db.reading() as session:
        assert session.get(Dataset, session_id).size == len(jsonl(12))
    services.db.close()
