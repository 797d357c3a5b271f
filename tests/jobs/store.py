"""A store with one dataset, and what tests do with its jobs most."""

import time
from collections.abc import Callable
from pathlib import Path

from webapp.jobs import enqueue, read_events
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
