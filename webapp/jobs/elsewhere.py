"""Runs of people's own, in Colab or on any machine: no supervisor has them, they stand as their notebook reports.

Each start of the notebook is an attempt, known by the name that it gives itself. So a report that comes twice, late or
out of order adds nothing twice and changes nothing that a later start has said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.errors import Problem
from webapp.jobs import events
from webapp.jobs.events import News, storable
from webapp.jobs.metrics import metrics_key, step_in_words, steps_done
from webapp.jobs.queue import AFRESH, get_job
from webapp.jobs.states import ELSEWHERE, change, final, running
from webapp.storage.tables import Job, JobEvent, utc_now

MOST_STARTS = 1000  # of one job; reports of further ones are not kept


@dataclass(frozen=True)
class Ending:
    """How a notebook says that it ended; `error` is `{code, message, status, param, details}` of one that failed."""

    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Heard:
    """What became of a report: how many of its steps were new, and how the job stands."""

    accepted: int
    status: str
    cancel: bool  # whether the notebook is to stop


def hand_over(session: Session, job_id: str, until: datetime) -> Job:
    """Makes a created job one that is run elsewhere and reports `until` then.

    So is one that was run elsewhere and has failed or was cancelled: it is as created again. Raises Problem
    `job_not_found`, or `invalid_transition` (409) in any other state.
    """
    theirs = {"executor": ELSEWHERE, "lease_until": until}
    ended = (Job.executor == ELSEWHERE) & Job.status.in_(("failed", "cancelled"))
    if (job := change(session, (Job.id == job_id) & ended, AFRESH | theirs | {"status": "created"})) is not None:
        return job
    session.execute(update(Job).where(Job.id == job_id, Job.status == "created").values(theirs))
    job = get_job(session, job_id)
    if job.status != "created":
        raise Problem(
            "invalid_transition",
            f"This job is {job.status}; only one that was not started yet is handed over to a notebook.",
            status=409,
            details={"status": job.status, "allowed": ["created"]},
        )
    return job


def hear(
    session: Session,
    job_id: str,
    run: str,
    until: datetime,
    steps: Sequence[Mapping[str, Any]],
    ending: Ending | None,
) -> Heard:
    """Takes a report of the start `run` of a notebook: figures of steps, and how it ended if it has.

    The first report of a start makes the job `running`, silent `until` then at most. A job that was completed or
    cancelled stays so. Of a job that a supervisor has, only figures are taken, for its running attempt. Raises Problem
    `job_not_found`.
    """
    job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
    if job is None:
        raise Problem("job_not_found", "There is no such job.", status=404)
    if job.executor != ELSEWHERE:
        attempt, ending = (job.attempt if job.status == "running" else None), None
    else:
        attempt = None if job.status == "cancelled" else _attempt(session, job, run, until)
    if attempt is None:
        return _heard(0, job)
    told = [News("metrics", figures, metrics_key(attempt, figures["step"])) for figures in steps]
    accepted = events.append(session, job_id, attempt, told)
    if steps:
        _move_on(session, job_id, attempt, max(steps, key=lambda figures: figures["step"]))
    if ending is not None:
        change(session, running(job_id, attempt), _ended(ending))
    return _heard(accepted, get_job(session, job_id))


def _heard(accepted: int, job: Job) -> Heard:
    # One that waits again, for another notebook, was cancelled before: this one has not heard of it yet.
    superseded = job.executor == ELSEWHERE and job.status == "created"
    return Heard(accepted, job.status, job.cancel_requested or job.status == "cancelled" or superseded)


def _attempt(session: Session, job: Job, run: str, until: datetime) -> int | None:
    """The attempt that `run` is, a new one if it has not been heard of; None when the job takes no further one."""
    key = f"run:{run}"
    known = select(JobEvent.attempt).where(JobEvent.job_id == job.id, JobEvent.key == key)
    if (attempt := session.scalar(known)) is not None:
        return attempt
    if job.status == "completed" or job.attempt >= MOST_STARTS:
        return None
    begun = AFRESH | {"status": "running", "attempt": job.attempt + 1, "started_at": utc_now(), "lease_until": until}
    started = change(session, Job.id == job.id, begun, key)
    return started.attempt if started else None


def _move_on(session: Session, job_id: str, attempt: int, figures: Mapping[str, Any]) -> None:
    """Says how far the job is; what comes late takes it not back."""
    share = steps_done(figures)
    values = {"message": storable(step_in_words(figures))} | ({} if share is None else {"progress": share})
    statement = update(Job).where(running(job_id, attempt), Job.progress <= (share or 0.0)).values(values)
    session.execute(statement, execution_options={"synchronize_session": False})


def _ended(ending: Ending) -> dict[str, Any]:
    if ending.error is not None:
        return final("failed", error=storable(ending.error))
    return final("completed", progress=1.0, result={})
