"""A store with one dataset, jobs on it, and supervisors with real child processes."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from webapp.jobs import Supervisor, enqueue, read_events
from webapp.jobs.states import FINAL
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, JobEvent

PROGRAM = Path(__file__).with_name("program.py")


class Store:
    """The database and what tests do with it most."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.db = Database(url)
        with self.db.session() as session:
            session.add(dataset := Dataset(filename="f", size=1, sha256="", blob=""))
        self.dataset_id = dataset.id

    def add(self, kind: str = "quick", executor: str = "local", **params: object) -> str:
        with self.db.session() as session:
            job = enqueue(session, kind, owner=None, dataset_id=self.dataset_id, params=params)
            job.executor = executor
        return job.id

    def job(self, job_id: str) -> Job:
        with self.db.reading() as session:
            return session.get(Job, job_id)

    def events(self, job_id: str, after: int = 0) -> list[JobEvent]:
        with self.db.reading() as session:
            return read_events(session, job_id, after)

    def story(self, job_id: str) -> list[str]:
        """The states a job went through."""
        return [event.data["status"] for event in self.events(job_id) if event.type == "status"]

    def until(self, job_id: str, holds: Callable[[Job], object], seconds: float = 20) -> Job:
        deadline = time.monotonic() + seconds
        while not holds(job := self.job(job_id)):
            assert time.monotonic() < deadline, f"still {job.status}: {job.message}"
            time.sleep(0.02)
        return job

    def ended(self, job_id: str, seconds: float = 20) -> Job:
        return self.until(job_id, lambda job: job.status in FINAL, seconds)


@pytest.fixture
def store(database_url):
    made = Store(database_url)
    yield made
    made.db.close()


class Watch:
    """A supervisor at work in a thread."""

    def __init__(self, store: Store, folder: Path, **options: object) -> None:
        command = [sys.executable, "-W", "error", str(PROGRAM), store.url, str(folder)]
        self.stop_event = threading.Event()
        supervisor = Supervisor(store.db, command, **options)
        self.thread = threading.Thread(target=supervisor.run, args=(self.stop_event,))
        self.thread.start()

    def stop(self) -> float:
        """Stops it; answers how many seconds that took."""
        began = time.monotonic()
        self.stop_event.set()
        self.thread.join()
        return time.monotonic() - began


@pytest.fixture
def supervise(store, tmp_path):
    watches = []

    def start(**options: object) -> Watch:
        watches.append(Watch(store, tmp_path, **options))
        return watches[-1]

    yield start
    for watch in watches:
        watch.stop()
