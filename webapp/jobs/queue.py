"""The job table as a queue: what puts work in, takes it out, calls it off, and takes it up again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.errors import Problem
from webapp.jobs.states import ELSEWHERE, EXECUTORS, QUEUED, change, final, record
from webapp.storage import Database
from webapp.storage.tables import Job, utc_now

_WAITS = (Job.status == "queued") & Job.executor.in_(EXECUTORS)
_RUNNING = (
    select(Job.owner, func.count().label("jobs"))
    .where(Job.status == "running", Job.executor.in_(EXECUTORS))
    .group_by(Job.owner)
    .subquery("running")
)

# Takes away what an earlier end left in a job that is begun again.
AFRESH: dict[str, Any] = {
    "deaths": 0,
    "cancel_requested": False,
    "progress": 0.0,
    "message": "",
    "result": None,
    "error": None,
    "finished_at": None,
}


def enqueue(
    session: Session,
    kind: str,
    *,
    owner: str | None,
    dataset_id: str,
    notebook_id: str | None = None,
    params: Mapping[str, Any] | None = None,
    timeout_seconds: float | None = None,
) -> Job:
    """A new job, waiting for a supervisor once the session has committed."""
    job = Job(
        kind=kind,
        owner=owner,
        dataset_id=dataset_id,
        notebook_id=notebook_id,
        params=dict(params or {}),
        timeout_seconds=timeout_seconds,
        status="queued",
    )
    return add_job(session, job)


def add_job(session: Session, job: Job) -> Job:
    """Adds a new job in the state that it has."""
    session.add(job)
    session.flush()
    record(session, job)
    return job


def submit(session: Session, job_id: str) -> Job:
    """Queues a created job; raises Problem `job_not_found`, or `invalid_transition` (409) in any other state."""
    return _queue(session, job_id, ("created",), QUEUED)


def resume(session: Session, job_id: str) -> Job:
    """Queues a failed or cancelled job again, as if nothing had been said; its attempts count on.

    Raises Problem `job_not_found`, or `invalid_transition` (409) in any other state.
    """
    return _queue(session, job_id, ("failed", "cancelled"), QUEUED | AFRESH)


def _queue(session: Session, job_id: str, states: tuple[str, ...], values: Mapping[str, Any]) -> Job:
    ours = (Job.id == job_id) & Job.status.in_(states) & (Job.executor != ELSEWHERE)
    if (job := change(session, ours, values)) is not None:
        return job
    job = get_job(session, job_id)
    if job.executor == ELSEWHERE:
        raise Problem(
            "runs_elsewhere",
            "This job was handed over to a notebook that you run: start that again, with a new progress token.",
            status=409,
        )
    status = job.status
    raise Problem(
        "invalid_transition",
        f"This job is {status}; that can be asked of a {' or '.join(states)} job only.",
        status=409,
        details={"status": status, "allowed": list(states)},
    )


def get_job(session: Session, job_id: str) -> Job:
    """The job as it stands; raises Problem `job_not_found`."""
    job = session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise Problem("job_not_found", "There is no such job.", status=404)
    return job


@dataclass(frozen=True)
class Line:
    """The jobs of one kind and executor that wait, the oldest since `since`."""

    kind: str
    executor: str
    since: datetime

    @property
    def name(self) -> str:
        """The kind of a job that runs here, else its executor: all that runs elsewhere needs the same of a machine."""
        return self.kind if self.executor == "local" else self.executor


def waiting_lines(session: Session) -> list[Line]:
    """Who waits for a supervisor, the line with the oldest job first."""
    since = func.min(Job.created_at)
    statement = select(Job.kind, Job.executor, since).where(_WAITS).group_by(Job.kind, Job.executor)
    return [Line(*row) for row in session.execute(statement.order_by(since)).all()]


def claim(
    db: Database, worker: str, lease_seconds: float, *, line: Line | None = None, device: str | None = None
) -> Job | None:
    """A waiting job (of that line), now running for `worker` as its next attempt and holding the `device`.

    It is the oldest of whoever has the fewest running, so that nobody's many jobs keep another's one waiting. None when
    none waits, or when the device is held already. Leases are measured by the supervisors' clocks, which must agree to
    well within `lease_seconds`.
    """
    waiting = _WAITS if line is None else _WAITS & (Job.kind == line.kind) & (Job.executor == line.executor)
    next_one = (
        select(Job.id)
        .outerjoin(_RUNNING, _RUNNING.c.owner == Job.owner)
        .where(waiting)
        .order_by(func.coalesce(_RUNNING.c.jobs, 0), Job.created_at, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Job)
        .scalar_subquery()
    )
    now = utc_now()
    taken = {
        "status": "running",
        "attempt": Job.attempt + 1,
        "worker": worker,
        "device": device,
        "lease_until": now + timedelta(seconds=lease_seconds),
        "started_at": now,
        "progress": 0.0,
        "message": "",
    }
    try:
        with db.session() as session:
            return change(session, Job.id == next_one, taken)
    except IntegrityError:  # another supervisor of this machine was quicker with the device
        return None


def job_at_rest(session: Session, job_id: str) -> Job:
    """The job, kept as it is until the session ends; raises Problem `job_not_found`, or `job_running` (409)."""
    job = session.get(Job, job_id, populate_existing=True, with_for_update=True) or get_job(session, job_id)
    if job.status == "running":
        raise Problem("job_running", "This job is running: cancel it first, and wait until it has stopped.", status=409)
    return job


def request_cancel(session: Session, job_id: str) -> Job:
    """Cancels a waiting job at once and asks a running one to stop; fine when it is cancelled already.

    One that runs elsewhere is cancelled at once too: its notebook hears of it when it reports next.

    Raises Problem `job_not_found`, or `job_finished` (409) when it has completed or failed.
    """
    unheld = Job.status.in_(("created", "queued")) | ((Job.status == "running") & (Job.executor == ELSEWHERE))
    waiting = (Job.id == job_id) & unheld
    # Held: given back by its supervisor between the two statements, it would be neither waiting nor running for them.
    session.execute(select(Job.id).where(Job.id == job_id).with_for_update())
    if (job := change(session, waiting, final("cancelled"))) is not None:
        return job
    session.execute(update(Job).where(Job.id == job_id, Job.status == "running").values(cancel_requested=True))
    job = get_job(session, job_id)
    if job.status in ("completed", "failed"):
        raise Problem("job_finished", f"This job has already {job.status}.", status=409)
    return job
