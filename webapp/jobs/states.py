"""The states of a job, and the one way to change them: fenced by attempt, each change an event."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from webapp.jobs import events
from webapp.storage.tables import Job, utc_now

# created -> queued -> running -> one of these; running -> queued again when an attempt is lost.
FINAL = ("completed", "failed", "cancelled")
STATES = ("created", "queued", "running", *FINAL)

# The executor of a job whose notebook a person runs: no supervisor has it, it is never queued.
ELSEWHERE = "elsewhere"

# Jobs of these are run by a supervisor: here, or from here on a machine of somebody else's.
EXECUTORS = ("local", "colab", "ray")

# What a job holds only while an attempt runs.
_AT_REST: dict[str, Any] = {"lease_until": None, "pid": None, "pid_started": None, "device": None}
QUEUED: dict[str, Any] = {"status": "queued", "worker": None, **_AT_REST}


def final(status: str, **values: Any) -> dict[str, Any]:
    """The columns of a job that ends now, in one of the final states."""
    return {"status": status, "finished_at": utc_now(), **_AT_REST, **values}


def running(job_id: str, attempt: int) -> ColumnElement[bool]:
    """The fence: true only while this attempt is the one that runs."""
    return (Job.id == job_id) & (Job.attempt == attempt) & (Job.status == "running")


def change(
    session: Session, where: ColumnElement[bool], values: Mapping[str, Any], key: str | None = None
) -> Job | None:
    """Changes the one job that `where` finds, in one statement, and logs its state, under `key`; None: found none."""
    statement = update(Job).where(where).values(dict(values)).returning(Job)
    options = {"synchronize_session": False, "populate_existing": True}
    job = session.scalars(statement, execution_options=options).one_or_none()
    if job is not None:
        record(session, job, key)
    return job


def record(session: Session, job: Job, key: str | None = None) -> None:
    """Logs the state that `job` is in."""
    data: dict[str, Any] = {"status": job.status}
    if job.error is not None:
        data["error"] = {"code": job.error["code"], "message": job.error["message"]}
    events.append(session, job.id, job.attempt, [events.News("status", data, key)])
