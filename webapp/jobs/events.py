"""The log of a job: appended by its supervisor and its child, read from any sequence number on."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from webapp.storage.tables import JobEvent

# Code points that PostgreSQL refuses in text and JSON; a notebook may print any of them.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

# The traceback of a fault of ours is for the log of the installation.
SHOWN = JobEvent.type != "traceback"


# Texts in pieces, by the type of their events: what two pieces of one text have in common.
_PIECES = {"stream": ("cell", "name"), "piece": ("prompt", "side")}
# A piece of text that is longer is not joined with the next.
_JOINED_CHARACTERS = 64 * 1024


class News(NamedTuple):
    """An event still to be written; one with a `key` is kept once, whatever else comes under that key later."""

    type: str
    data: Mapping[str, Any]
    key: str | None = None


Told = tuple[str, Mapping[str, Any]]  # an event without a key


def append(session: Session, job_id: str, attempt: int, events: Iterable[News | Told]) -> int:
    """Adds the events in order and answers how many were new; the caller holds the job's row.

    Holding it makes numbers follow commits, and keys be looked up and written at once.
    """
    told = [News(*event) for event in events]
    keys = {event.key for event in told if event.key}
    known = select(JobEvent.key).where(JobEvent.job_id == job_id, JobEvent.key.in_(keys))
    seen = set(session.scalars(known)) if keys else set()
    added = 0
    for kind, data, key in told:
        if key and key in seen:
            continue
        seen.add(key)
        # One insert each: a bulk insert would leave the order of the numbers to the database.
        session.add(JobEvent(job_id=job_id, attempt=attempt, type=kind, key=key, data=storable(data)))
        session.flush()
        added += 1
    return added


def joined(events: Iterable[News]) -> list[News]:
    """The same events, pieces of one text that follow each other made one: a flood of them stays a few."""
    made: list[News] = []
    for event in events:
        before = made[-1] if made else None
        if before is not None and before.type == event.type and _one_text(event.type, before.data, event.data):
            made[-1] = News(event.type, {**before.data, "text": before.data["text"] + event.data["text"]})
        else:
            made.append(event)
    return made


def _one_text(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two events of that type are pieces from one place, whole and short enough."""
    if kind not in _PIECES:
        return False
    whole = "left_out" not in before and "left_out" not in after
    alike = all(before.get(name) == after.get(name) for name in _PIECES[kind])
    return whole and alike and len(before["text"]) + len(after["text"]) <= _JOINED_CHARACTERS


def read_events(
    session: Session, job_id: str, after: int = 0, limit: int = 500, *conditions: ColumnElement[bool]
) -> list[JobEvent]:
    """The next events of a job whose `seq` is greater than `after` and that meet the conditions, oldest first."""
    statement = select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.seq > after, *conditions)
    return list(session.scalars(statement.order_by(JobEvent.seq).limit(limit)))


def last_events(session: Session, job_id: str, count: int, *conditions: ColumnElement[bool]) -> list[JobEvent]:
    """The last events of a job that meet the conditions, oldest first."""
    statement = select(JobEvent).where(JobEvent.job_id == job_id, *conditions)
    return list(session.scalars(statement.order_by(JobEvent.seq.desc()).limit(count)))[::-1]


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
