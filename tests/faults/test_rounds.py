"""kill -9 of one process after another, at random moments, while people upload, analyse, fix, run and cancel.

`TUNEBOOK_TEST_SEED` repeats what was drawn; the seed is in the output of a test that failed.
"""

import hashlib
import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
import pytest
import requests
from sqlalchemy import select

from tests.conftest import Server, jsonl, until
from tests.faults.size import FULL, ROUNDS
from webapp.jobs.family import MARK
from webapp.jobs.states import FINAL
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, JobEvent

VICTIMS = ("gunicorn worker", "gunicorn master", "supervisor", "child", "kernel")
PATIENCE = 240

pytestmark = pytest.mark.timeout(PATIENCE * (ROUNDS + 1))


class Installation:
    """A server, what it has acknowledged, and what can be seen of it from outside."""

    def __init__(self, home, url) -> None:
        self.server = Server(home, {"DATABASE_URL": url})
        self.server.start()
        self.db = Database(url)
        self.home = str(home)
        self.datasets: dict[str, bytes] = {}
        self.jobs: set[str] = set()
        self.twice: set[str] = set()
        self._watching = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()

    def close(self) -> None:
        self._watching.set()
        self._watcher.join()
        self.db.close()
        if self.server.process.poll() is None:
            self.server.stop()

    def rows(self, statement) -> list:
        with self.db.reading() as session:
            return list(session.execute(statement).all())

    def events(self) -> dict[int, tuple]:
        """Every event that a reader could have seen by now."""
        return {row[0]: tuple(row[1:]) for row in self.rows(select(JobEvent.seq, JobEvent.job_id, JobEvent.type))}

    def unfinished(self) -> list:
        return self.rows(select(Job.id, Job.kind, Job.status, Job.error).where(Job.status.not_in(FINAL)))

    def attempts(self) -> list[str]:
        """The mark of every process that belongs to an attempt of this installation."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                environ = process.environ()
                if environ.get("TUNEBOOK_HOME") == self.home and MARK in environ:
                    found.append(environ[MARK])
        return found

    def _watch(self) -> None:
        """Notes every job of which two attempts have a process at the same time."""
        while not self._watching.wait(0.2):
            marks = {tuple(mark.split("/")) for mark in self.attempts()}
            ids = [job_id for job_id, _ in marks]
            self.twice |= {job_id for job_id in ids if ids.count(job_id) > 1}

    def find(self, victim) -> psutil.Process | None:
        """A process in that part."""
        words = {"supervisor": "workflow.worker", "child": "workflow.child", "kernel": "ipykernel_launcher"}
        found, leads = [], victim in ("gunicorn master", "supervisor")
        with suppress(psutil.Error):
            for process in psutil.Process(self.server.process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    line = " ".join(process.cmdline())
                    if words.get(victim, "gunicorn") in line and leads == (process.ppid() == self.server.process.pid):
                        found.append(process)
        return found[0] if found else None

    def ask(self, method, path, **arguments) -> dict | None:
        """What was acknowledged; None for a refusal or no answer, which promise nothing."""
        try:
            answer = self.server.request(method, path, **arguments)
        except requests.RequestException:
            return None
        return answer.json() if answer.status_code < 300 else None

    def use(self, draw, ends) -> None:
        """What one person does until `ends`."""
        while time.monotonic() < ends:
            content = jsonl(draw.choice([15, 40, 3000]))
            if (uploaded := self.ask("POST", "/upload", files={"file": ("a.jsonl", content)})) is None:
                time.sleep(0.2)
                continue
            session_id = uploaded["session_id"]
            self.datasets[session_id] = content
            if draw.random() < 0.6 and self.ask("GET", f"/analyze/{session_id}"):
                fix = {"operations": [{"name": "dedupe", "kind": "exact"}]}
                if (job := self.ask("POST", f"/datasets/{session_id}/fix", json=fix)) is not None:
                    self.jobs.add(job["id"])
                    if draw.random() < 0.3:
                        self.ask("POST", f"/jobs/{job['id']}/cancel")
            time.sleep(draw.uniform(0.1, 0.6))

    def order_dry_run(self) -> str:
        """A dry run whose kernel is at work; answers the job's path."""
        session_id = self.server.post("/samples/harbour-bikes").json()["session_id"]
        until(lambda: self.server.get(f"/analyze/{session_id}").status_code == 200, PATIENCE)
        made = self.server.post("/generate", json={"session_id": session_id, "model_id": "smollm2-360m"}).json()
        order = {"session_id": session_id, "notebook_id": made["notebook_id"], "kind": "dry_run", "start": True}
        job = self.server.post("/jobs", json=order).json()
        self.jobs.add(job["id"])
        until(lambda: self.find("kernel"), PATIENCE)
        return str(job["status_url"])


@pytest.fixture
def installation(empty_url, tmp_path):
    made = Installation(tmp_path, empty_url)
    yield made
    made.close()


def play(installation, victim, draw) -> None:
    """One round: work goes on, one process is killed in its midst, what a service manager would start is started."""
    server = installation.server
    path = installation.order_dry_run() if victim == "kernel" else None
    ends = time.monotonic() + 4
    with ThreadPoolExecutor() as people:
        for _ in range(2):
            people.submit(installation.use, random.Random(draw.random()), ends)
        time.sleep(draw.uniform(0.3, 2.5))
        seen = installation.events()
        process = until(lambda: installation.find(victim), PATIENCE, pause=0.01)
        with suppress(psutil.NoSuchProcess):
            os.kill(process.pid, signal.SIGKILL)
        if victim in ("gunicorn master", "supervisor"):
            assert server.process.wait(20) != 0
            server.process.stdout.close()
            server.start()
    if path is not None:
        job = until(lambda: (job := server.get(path).json())["attempt"] == 2 and job, PATIENCE)
        assert job["status"] in ("queued", "running")
        if not FULL:  # the rest of it takes longer than all other rounds together
            server.post(f"{path}/cancel")
    check(installation, seen)


def check(installation, seen) -> None:
    """Nothing that was acknowledged is lost, every job has ended, nothing runs any more."""
    until(lambda: not installation.unfinished(), PATIENCE)
    jobs = {row[0]: tuple(row[1:]) for row in installation.rows(select(Job.id, Job.status, Job.dataset_id, Job.error))}
    assert installation.jobs <= set(jobs)
    assert {status for status, _, _ in jobs.values()} <= {"completed", "cancelled"}, jobs.values()
    events = installation.events()
    assert {seq: events.get(seq) for seq in seen} == seen
    datasets = dict(installation.rows(select(Dataset.id, Dataset.analysis)))
    for dataset_id, content in installation.datasets.items():
        assert datasets[dataset_id]["total_examples"] == content.count(b"\n")
        stored = installation.server.home / "files" / "datasets" / dataset_id / hashlib.sha256(content).hexdigest()
        assert stored.read_bytes() == content
    until(lambda: not installation.attempts(), seconds=10)
    assert installation.twice == set()


def test_whatever_is_killed_nothing_is_lost_and_nothing_is_left_behind(installation):
    seed = int(os.environ.get("TUNEBOOK_TEST_SEED") or random.SystemRandom().randrange(10**6))
    draw = random.Random(seed)
    # Every victim comes before any comes again.
    victims = [victim for _ in range(ROUNDS) for victim in draw.sample(VICTIMS, len(VICTIMS))][:ROUNDS]
    print(f"TUNEBOOK_TEST_SEED={seed}: {', '.join(victims)}")
    for number, victim in enumerate(victims):
        print(f"round {number + 1}: {victim}")
        play(installation, victim, draw)
    assert installation.datasets
    installation.server.stop()
    until(lambda: not installation.attempts(), seconds=5)
