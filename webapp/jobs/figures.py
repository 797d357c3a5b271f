"""What the queue looks like as a whole, for who watches over an installation."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.jobs.queue import waiting_lines
from webapp.jobs.states import STATES
from webapp.storage.tables import Job, utc_now


@dataclass(frozen=True)
class QueueFigures:
    """How many jobs are in each state, and for how many seconds the oldest has waited since it was made."""

    by_status: dict[str, int]
    oldest_seconds: float


def queue_figures(session: Session) -> QueueFigures:
    """The figures of this moment."""
    rows = session.execute(select(Job.status, func.count()).group_by(Job.status))
    counted = {status: count for status, count in rows}  # noqa: C416
    since = [line.since for line in waiting_lines(session)]
    oldest = (utc_now() - min(since)).total_seconds() if since else 0.0
    return QueueFigures({status: counted.get(status, 0) for status in STATES}, max(0.0, oldest))
