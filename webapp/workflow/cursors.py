"""Places in lists that are newest first: what is made or deleted meanwhile neither repeats nor hides others."""

import re
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement

from webapp.storage.tables import Dataset, Job, Notebook

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The microsecond in which a row was made, since 1970, and its id.
CURSOR_PATTERN = r"^[0-9]{1,16}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def is_place(text: str) -> bool:
    """Whether this is how a place is written."""
    return re.fullmatch(CURSOR_PATTERN, text, re.ASCII) is not None


def cursor(row: Job | Dataset | Notebook) -> str:
    """The place of a row."""
    return f"{(row.created_at - _EPOCH) // _MICROSECOND}-{row.id}"


def behind(table: type[Job | Dataset | Notebook], place: str) -> ColumnElement[bool]:
    """Whether a row comes after a place, given that the newest come first, of equal ones the greatest id."""
    microseconds, _, row_id = place.partition("-")
    made = _EPOCH + int(microseconds) * _MICROSECOND
    return (table.created_at < made) | ((table.created_at == made) & (table.id < row_id))
