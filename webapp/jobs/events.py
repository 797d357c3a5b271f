"""The log of a job: appended by its supervisor and its child, read from any sequence number on."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from webapp.storage.tables import JobEvent

# Code points that PostgreSQL refuses in text and JSON; a notebook may print any of them.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def append(session: Session, job_id: str, attempt: int, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Adds (type, data) events in order; the caller holds the job's row, so that numbers follow commits."""
    for kind, data in events:
        # One insert each: a bulk insert would leave the order of the numbers to the database.
        session.add(JobEvent(job_id=job_id, attempt=attempt, type=kind, data=storable(data)))
        session.flush()


def read_events(
    session: Session, job_id: str, after: int = 0, limit: int = 500, *conditions: ColumnElement[bool]
) -> list[JobEvent]:
    """The next events of a job whose `seq` is greater than `after` and that meet the conditions, oldest first."""
    statement = select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.seq > after, *conditions)
    return list(session.scalars(statement.order_by(JobEvent.seq).limit(limit)))


def storable(value: Any) -> Any:
    """`value` as JSON for every database: NUL and lone surrogates become U+FFFD, NaN and infinities null."""
    match value:
        case str():
            return _UNSTORABLE.sub("\ufffd", value)
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {storable(str(name)): storable(item) for name, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case _:
            return value
