"""The one answer to "whose is this?" for every table."""

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select, false

from webapp.storage.tables import DataLink, Dataset, Job, Notebook

Statement = TypeVar("Statement", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True)
class Caller:
    """Who asks: `id` is the `owner` of what they make; a `local` caller owns the whole installation."""

    id: str | None
    local: bool = False


# The one person there is when TUNEBOOK_AUTH is off.
LOCAL = Caller(id=None, local=True)


def owned(statement: Statement, table: type[Dataset | Notebook | DataLink | Job], caller: Caller) -> Statement:
    """`statement`, which selects from `table`, narrowed to the rows that belong to `caller`."""
    if caller.local:
        return statement
    # Comparing with None would find the rows that have no owner: nobody's are not everybody's.
    return statement.where(table.owner == caller.id if caller.id is not None else false())
