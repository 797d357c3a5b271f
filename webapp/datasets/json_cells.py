"""Cells of a table that hold JSON as text: chats and tools, which have no type of their own there."""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from webapp.datasets.formats import CHAT_NAMES

# Columns whose cells may be JSON, beside those with chats.
_NAMES = CHAT_NAMES | {"tools", "history"}


def json_columns(header: Iterable[str], more: Collection[str] = ()) -> list[str]:
    """The columns of a header whose cells may hold JSON; `more` are the names of further ones."""
    return [name for name in header if name.strip().casefold() in _NAMES or name in more]


def open_cells(row: dict[str, Any], columns: Iterable[str]) -> None:
    """Puts values in the place of texts that are JSON lists or objects, in these columns of a row."""
    for name in columns:
        cell = row.get(name)
        if isinstance(cell, str) and cell.lstrip().startswith(("[", "{")):
            row[name] = json_of(cell)


def json_of(value: Any) -> Any:
    """What a text holds as JSON; the value itself where that is nothing, or no text."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return value
