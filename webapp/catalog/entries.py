"""Reads the catalogue's data files into checked entries, and answers a name that is not among them."""

import difflib
import tomllib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any, TypeVar

import msgspec

from webapp.errors import Problem

Entry = TypeVar("Entry")


def read_entries(filename: str, key: str, kind: type[Entry]) -> tuple[Entry, ...]:
    """The `[[key]]` tables of a TOML file in this package, in the file's order.

    Raises ValueError with the file's and the entry's name when a field is unknown, missing or out of bounds.
    """
    text = files(__package__).joinpath(filename).read_text(encoding="utf-8")
    return decode_entries(tomllib.loads(text), filename, key, kind)


def decode_entries(document: dict[str, Any], filename: str, key: str, kind: type[Entry]) -> tuple[Entry, ...]:
    """The entries under `key` of a parsed file; ids are unique."""
    tables = document.get(key)
    if not tables or set(document) != {key}:
        raise ValueError(f"{filename}: expected only [[{key}]] tables")
    entries = []
    for table in tables:
        try:
            entries.append(msgspec.convert(table, kind, strict=True))
        except msgspec.ValidationError as error:
            raise ValueError(f"{filename}: {table.get('id', 'entry without id')}: {error}") from error
    ids = [table["id"] for table in tables]
    repeated = {identifier for identifier in ids if ids.count(identifier) > 1}
    if repeated:
        raise ValueError(f"{filename}: id used twice: {', '.join(sorted(repeated))}")
    return tuple(entries)


def unknown(
    noun: str,
    given: object,
    choices: Iterable[str],
    *,
    param: str,
    code: str | None = None,
    status: int = 400,
) -> Problem:
    """The Problem for a name that is not in the catalogue: it says the nearest choices, or all of them."""
    names: Sequence[str] = list(choices)
    near = difflib.get_close_matches(str(given).lower(), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(names)}."
    return Problem(
        code or f"unknown_{noun}",
        f"There is no {noun} named {str(given)[:80]!r}; {hint}",
        status=status,
        param=param,
        details={"choices": names, "near": near},
    )
