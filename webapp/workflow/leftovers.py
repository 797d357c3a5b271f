"""What runs have left elsewhere: sessions and submissions whose run ended without being able to end them.

A run ends its own; the next attempt ends those of the one before. What is found here belongs to runs that will not be
attempted again: cancelled while nobody watched over them, or dead twice. It is ended by a process of its own,
`python -m webapp.workflow.leftovers`: it takes minutes when things go badly, and packages that a worker never needs.
"""

import os
import subprocess
import sys
import threading
from datetime import timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import ColumnElement, or_, select

from webapp.errors import Problem
from webapp.jobs import attempts
from webapp.jobs.environment import child_environment
from webapp.jobs.states import FINAL
from webapp.notebooks.executors import EXECUTORS, executor
from webapp.settings import Settings
from webapp.storage import Database
from webapp.storage.tables import Job, utc_now
from webapp.workflow.services import Services, open_services

SWEEP_SECONDS = 30.0
# Then it is given up: Colab ends a session by itself within a day, and what cannot be reached for so long has gone.
GIVEN_UP_AFTER = timedelta(days=1)
# For so long after a job's end, what is not there may still come: Colab takes minutes to give a machine.
STILL_COMING = timedelta(minutes=15)

log = structlog.get_logger(__name__)


class Leftover(NamedTuple):
    """What the run of a job left there, by its name; once `settled` it is there or will never be."""

    job_id: str
    executor: str
    name: str
    settled: bool


def has_left() -> ColumnElement[bool]:
    """True for jobs that may have left something elsewhere."""
    recent = or_(Job.finished_at.is_(None), Job.finished_at > utc_now() - GIVEN_UP_AFTER)
    return Job.remote.is_not(None) & Job.executor.in_(EXECUTORS) & recent


def leftovers(db: Database) -> list[Leftover]:
    """What is to be ended, of jobs that are over."""
    settled = Job.finished_at < utc_now() - STILL_COMING
    statement = select(Job.id, Job.executor, Job.remote, settled).where(has_left(), Job.status.in_(FINAL))
    with db.reading() as session:
        return [Leftover(job_id, place, name or "", past) for job_id, place, name, past in session.execute(statement)]


def end_leftovers(services: Services) -> None:
    """Ends all of it; what cannot be ended now is logged and stays for the next time, as does what may still come."""
    for left in leftovers(services.db):
        try:
            ended = executor(left.executor, services.settings).end(left.name)
        except Problem as problem:
            log.warning("left_elsewhere", job=left.job_id, name=left.name, reason=problem.message)
        else:
            if ended or left.settled:
                attempts.forget_remote(services.db, left.job_id, left.name)


def sweep(db: Database, stop: threading.Event) -> None:
    """Looks for leftovers until `stop` is set."""
    while not stop.wait(SWEEP_SECONDS):
        try:
            found = leftovers(db)
        except Problem:
            continue  # a database that is away for a moment
        if found:
            try:
                _in_a_process(stop)
            except OSError as error:  # no room for a process now
                log.warning("leftovers_wait", reason=error.strerror)


def _in_a_process(stop: threading.Event) -> None:
    command = [sys.executable, "-m", "webapp.workflow.leftovers"]
    with subprocess.Popen(command, env=child_environment(os.environ), stdin=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if stop.wait(0.2):
                process.terminate()
                return


def main() -> None:
    """Ends what is left elsewhere, once."""
    end_leftovers(open_services(Settings()))


if __name__ == "__main__":
    main()
