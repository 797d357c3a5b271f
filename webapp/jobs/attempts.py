"""One attempt at a job, from its start to its end; an attempt that is no longer current changes nothing."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from webapp.errors import Problem
from webapp.jobs import events
from webapp.jobs.events import News, Told, storable
from webapp.jobs.family import started
from webapp.jobs.queue import Line, waiting_lines
from webapp.jobs.states import ELSEWHERE, QUEUED, change, final, running
from webapp.storage import Database
from webapp.storage.tables import Job, utc_now

# A job whose process dies gets one more try.
MAX_DEATHS = 2
_UNHEARD = Problem(
    "timed_out", "The notebook of this job did not report its end before its token expired.", status=500
).to_dict()


def start(db: Database, job_id: str, attempt: int, pid: int) -> Job | None:
    """The claimed job, its process recorded with its start; None when this attempt is not the current one."""
    with db.session() as session:
        statement = update(Job).where(running(job_id, attempt)).values(pid=pid, pid_started=started(pid)).returning(Job)
        return session.scalars(statement).one_or_none()


def renew(db: Database, attempts: Iterable[tuple[str, int]], lease_seconds: float) -> None:
    """Holds the (job id, attempt) pairs for `lease_seconds` from now; those that were lost stay lost."""
    until = utc_now() + timedelta(seconds=lease_seconds)
    with db.session() as session:
        for job_id, attempt in attempts:
            session.execute(update(Job).where(running(job_id, attempt)).values(lease_until=until))


def write(
    db: Database,
    job_id: str,
    attempt: int,
    news: Iterable[News | Told],
    progress: tuple[float, str] | None,
) -> bool:
    """Adds events and the latest (share 0..1, message); False when it is not current."""
    with db.session() as session:
        current = select(Job.id).where(running(job_id, attempt)).with_for_update()
        if session.scalar(current) is None:
            return False
        if progress is not None:
            values = {"progress": progress[0], "message": storable(progress[1])}
            session.execute(update(Job).where(Job.id == job_id).values(values))
        events.append(session, job_id, attempt, news)
        return True


def note_remote(db: Database, job_id: str, attempt: int, name: str | None) -> bool:
    """Records what the attempt goes by elsewhere, None for nothing any more; False when it is not current."""
    with db.session() as session:
        statement = update(Job).where(running(job_id, attempt)).values(remote=name).returning(Job.id)
        return session.scalar(statement) is not None


def forget_remote(db: Database, job_id: str, name: str) -> None:
    """Notes that what a job of the past went by elsewhere is gone, if it still goes by this name."""
    with db.session() as session:
        session.execute(update(Job).where(Job.id == job_id, Job.remote == name).values(remote=None))


def finish(db: Database, job_id: str, attempt: int, result: Mapping[str, Any]) -> bool:
    """Completes the job; False when the attempt is not current."""
    return _change(db, job_id, attempt, final("completed", progress=1.0, result=storable(result), error=None))


def fail(db: Database, job_id: str, attempt: int, error: Mapping[str, Any]) -> bool:
    """Fails the job with `{code, message, status, param, details}`; False when the attempt is not current."""
    return _change(db, job_id, attempt, final("failed", error=storable(error)))


def release(db: Database, job_id: str, attempt: int) -> bool:
    """Ends the attempt through no fault of its own: back into the queue; False when it is not current."""
    return _bury(db, job_id, attempt, error=None)


def confess(db: Database, job_id: str, attempt: int, error: Mapping[str, Any]) -> bool:
    """Notes of what the attempt is about to die; whoever buries it says so. False when it is not current.

    It does not end here: the job must not be queued again while its process lives.
    """
    with db.session() as session:
        statement = update(Job).where(running(job_id, attempt)).values(error=storable(error)).returning(Job.id)
        return session.scalar(statement) is not None


def bury(db: Database, job_id: str, attempt: int, error: Mapping[str, Any]) -> bool:
    """Ends an attempt that died: queued once more, then failed with what it confessed, else with `error`."""
    return _bury(db, job_id, attempt, error)


def lost(db: Database, gone: Collection[str]) -> list[Job]:
    """The attempts that nobody watches over: their lease ran out, or their supervisor is among those `gone`."""
    with db.reading() as session:
        return list(session.scalars(select(Job).where(_lost(gone))))


def bury_expired(db: Database, gone: Collection[str] = (), job_ids: Collection[str] | None = None) -> None:
    """Ends them (those of the given jobs) as `bury` does; first see to it that their processes have ended.

    One that runs elsewhere has failed: its notebook could report no longer.
    """
    error = Problem("job_died", "The process that watched over this job is gone.", status=500).to_dict()
    expired = select(Job).where(_lost(gone))
    if job_ids is not None:
        expired = expired.where(Job.id.in_(job_ids))
    with db.session() as session:
        for job in session.scalars(expired.with_for_update(skip_locked=True)).all():
            if job.executor == ELSEWHERE:
                change(session, running(job.id, job.attempt), final("failed", error=_UNHEARD))
            else:
                _lay_down(session, job, error)


def _lost(gone: Collection[str]) -> ColumnElement[bool]:
    return (Job.status == "running") & ((Job.lease_until < utc_now()) | Job.worker.in_(gone))


def _change(db: Database, job_id: str, attempt: int, values: Mapping[str, Any]) -> bool:
    with db.session() as session:
        return change(session, running(job_id, attempt), values) is not None


def _bury(db: Database, job_id: str, attempt: int, error: Mapping[str, Any] | None) -> bool:
    with db.session() as session:
        job = session.scalar(select(Job).where(running(job_id, attempt)).with_for_update())
        if job is not None:
            _lay_down(session, job, error)
        return job is not None


def _lay_down(session: Session, job: Job, error: Mapping[str, Any] | None) -> None:
    """Cancelled when that was asked; else queued again, unless this `error` is one too many."""
    deaths = job.deaths + (error is not None)
    if error is not None:
        error = job.error or error
        events.append(session, job.id, job.attempt, [("died", error)])
    if job.cancel_requested:
        values = final("cancelled", error=None)
    elif deaths < MAX_DEATHS:
        values = QUEUED | {"deaths": deaths, "error": None}
    else:
        values = final("failed", deaths=deaths, error=storable(error))
    change(session, running(job.id, job.attempt), values)


@dataclass(frozen=True)
class Glance:
    """What a supervisor asks several times a second.

    `lines` wait, `devices` are held, `workers` have a running job, `expired` says whether a lease ran out; `own`:
    {job id: (status, attempt, cancel asked)}.
    """

    lines: list[Line]
    devices: set[str]
    workers: set[str]
    expired: bool
    own: dict[str, tuple[str, int, bool]]


def glance(db: Database, job_ids: Collection[str]) -> Glance:
    """What waits, what has been lost, and how the given jobs stand; takes no lock."""
    at_work = select(Job.worker, Job.device, Job.lease_until).where(Job.status == "running")
    own = select(Job.id, Job.status, Job.attempt, Job.cancel_requested).where(Job.id.in_(job_ids))
    with db.reading() as session:
        lines, running_now = waiting_lines(session), session.execute(at_work).all()
        rows = session.execute(own).all() if job_ids else []
    now = utc_now()
    return Glance(
        lines=lines,
        devices={device for _, device, _ in running_now if device},
        workers={worker for worker, _, _ in running_now if worker},
        expired=any(until is not None and until < now for _, _, until in running_now),
        own={row[0]: (row[1], row[2], row[3]) for row in rows},
    )
