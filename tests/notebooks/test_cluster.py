"""Notebooks on a Ray cluster: a real head of this machine, with ports and a home of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from tests.conftest import until
from tests.notebooks.trivial import REPORT, write_trivial
from webapp.errors import Problem
from webapp.jobs import Remote
from webapp.jobs.executors import ray as ray_jobs
from webapp.notebooks.cluster import Cluster
from webapp.notebooks.results import EXECUTED, RESULTS
from webapp.notebooks.running import Watch
from webapp.settings import Settings

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(180),
    # Ray's own way to its log.
    pytest.mark.filterwarnings("ignore:ssl=None is deprecated"),
]

ROOT = Path(__file__).parents[2]


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    pytest.importorskip("ray")
    home = tmp_path_factory.mktemp("ray-home")
    # The paths of Ray's sockets are long.
    temporary = Path(f"/tmp/tb-ray-{os.getpid()}")  # noqa: S108
    names = (
        "port",
        "dashboard-port",
        "dashboard-agent-listen-port",
        "dashboard-agent-grpc-port",
        "ray-client-server-port",
    )
    ports = free_ports(len(names))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {
        "HOME": str(home),
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SECRET_TOKEN": "s3cret",
    }
    command = [Path(sys.executable).with_name("ray"), "start", "--head", "--block", "--num-cpus=2", "--num-gpus=1"]
    command += [f"--{name}={port}" for name, port in zip(names, ports, strict=True)]
    command += ["--dashboard-host=127.0.0.1", f"--temp-dir={temporary}", "--object-store-memory=80000000"]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    address = f"http://127.0.0.1:{ports[1]}"
    try:
        until(lambda: answers(f"{address}/api/jobs/"), 90, 0.2, lambda: (home / "log").read_text())
        yield address
    finally:
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        _, left = psutil.wait_procs(started, timeout=5)
        for one in left:
            one.kill()
        shutil.rmtree(temporary, ignore_errors=True)


def answers(url):
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


class Bench:
    """A folder, an executor, and what runs tell."""

    def __init__(self, folder, address):
        self.folder, self.work, self.address = folder, folder / "work", address
        self.cluster = Cluster(Settings(home=folder, ray_address=address))
        self.events, self.noted = [], []

    def run(self, *sources, name="tunebook-1", earlier=None, timeout=120, cancelled=lambda: False, data=None, **made):
        notebook = write_trivial(self.folder / "n.ipynb", *sources, **made)
        watch = Watch(timeout, self.events.append, cancelled, Remote(name, earlier, self.noted.append))
        return self.cluster.run(notebook, self.work, watch, data)

    def printed(self):
        told = [event.data for event in self.events if event.type == "stream" and event.data["cell"] is not None]
        return "".join(data["text"] for data in told)

    def jobs(self):
        return {
            job["submission_id"]: job["status"] for job in requests.get(f"{self.address}/api/jobs/", timeout=5).json()
        }


@pytest.fixture
def bench(tmp_path, head):
    return Bench(tmp_path, head)


def test_a_run_is_followed_and_its_results_come_back(bench):
    (bench.folder / "rows.gz").write_bytes(b"rows")
    asks = "import os; print(open(data_file).read(), os.environ['CUDA_VISIBLE_DEVICES'], 'SECRET_TOKEN' in os.environ)"
    report = bench.run(asks, REPORT, rows="rows.gz", data=bench.folder / "rows.gz", data_file="")
    assert (report.status, report.error, report.steps) == ("completed", None, 7)
    assert report.cells == {"total": 5, "executed": 5}  # one sets where the rows are
    assert report.artifacts == [f"{RESULTS}/model/adapter", f"{RESULTS}/report.json"]
    assert bench.printed() == "rows 0 False\nstep 7/7  loss 1.0\n"
    assert [event.data["cell"] for event in bench.events if event.type == "cell_started"] == list(range(5))
    assert (bench.work / RESULTS / "model" / "adapter").stat().st_size == 1000
    assert "step 7/7" in (bench.work / EXECUTED).read_text()
    assert bench.noted == ["tunebook-1", None]
    assert bench.jobs() == {}


def test_a_cancelled_run_is_stopped_and_forgotten(bench):
    sources = ("import time; print('on', flush=True); time.sleep(100)",)
    report = bench.run(*sources, name="tunebook-3", cancelled=lambda: "on" in bench.printed())
    assert (report.status, report.error["code"]) == ("cancelled", "cancelled")
    assert (bench.noted, bench.jobs()) == (["tunebook-3", None], {})


def test_the_next_attempt_goes_on_with_what_one_that_died_had_submitted(bench, tmp_path, monkeypatch):
    flag = tmp_path / "go"
    waits = f"import time; from pathlib import Path\nwhile not Path({str(flag)!r}).exists(): time.sleep(.1)"
    sources = ("print('on', flush=True)", waits, "1 / 0", "print('never')")

    class Died(BaseException):
        """As kill -9: nothing is done any more."""

    def hear(event):
        if event.type == "stream" and event.data["text"] == "on\n":
            raise Died

    bench.events = type("Deaf", (), {"append": staticmethod(hear)})
    with monkeypatch.context() as patch:
        patch.setattr(ray_jobs.RayJobs, "end", refuse)
        with pytest.raises(Died):
            bench.run(*sources, name="tunebook-4", gpu="cpu")
    assert bench.noted == ["tunebook-4"]
    flag.write_text("")
    again = Bench(tmp_path, bench.address)
    report = again.run(*sources, name="tunebook-5", earlier="tunebook-4")
    assert (report.status, report.error["code"], report.error["cell"]) == ("failed", "cell_failed", 4)
    assert "ZeroDivisionError" in (again.work / EXECUTED).read_text()
    assert "never" not in again.printed()
    assert (again.noted, again.jobs()) == ([None], {})


def refuse(*_):
    raise Problem("ray_not_reachable", "no", status=503)


def test_what_cannot_be_carried_is_refused(bench, monkeypatch):
    monkeypatch.setattr(ray_jobs, "MOST_SENT", 100)
    with pytest.raises(Problem, match="fetches its rows by a link") as caught:
        bench.run("print('never')", name="tunebook-6")
    assert caught.value.code == "ray_too_large"


def test_without_a_cluster_it_says_how_to_start_one(tmp_path):
    with pytest.raises(Problem, match="ray start --head") as caught:
        Bench(tmp_path, f"http://127.0.0.1:{free_ports(1)[0]}").run("1")
    assert (caught.value.code, caught.value.exit_code) == ("ray_not_reachable", 3)


def test_without_ray_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray.job_submission", None)
    with pytest.raises(Problem, match=r"tunebook\[ray\]") as caught:
        Bench(tmp_path, None).run("1")
    assert caught.value.code == "ray_not_installed"
