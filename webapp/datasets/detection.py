"""What a file holds, told by its first rows: never a guess, a question to its owner where they leave a choice."""

import difflib
import json
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from io import BytesIO
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

import msgspec

from webapp.datasets.formats import (
    CHAT_PARTS,
    ESSENTIALS,
    OPENAI_MESSAGES,
    PARTS,
    Layout,
    Mapped,
    Part,
    essentials,
    fits,
    format_of,
    is_preference,
    readings,
)
from webapp.datasets.reading import MAX_LINE_BYTES, read_lines
from webapp.datasets.streams import beginning
from webapp.errors import Problem

MAX_ROWS = 200
MAX_BYTES = 4 * 1024 * 1024
_EXAMPLE_CHARACTERS = 60
_SHOWN_COLUMNS, _NAMED_COLUMNS, _COMPARED_COLUMNS = 50, 20, 1000
_NAME_CHARACTERS = 200  # a longer name is no column's

_any_object = msgspec.json.Decoder(dict[str, object])
Row = Mapping[str, Any]


class Detected(NamedTuple):
    """The layout of a file, and the share (0 to 1) of the rows looked at that fit it.

    `columns` are those of these rows, at most 50 and those of the layout, as {name, example}.
    """

    layout: Layout
    confidence: float
    rows_looked_at: int
    columns: list[dict[str, str]]


def first_rows(stream: BinaryIO) -> tuple[list[bytes], BinaryIO]:
    """The first rows that are not blank, at most 200 or 4 MiB, and a stream that has them still."""
    if stream.seekable():
        start = stream.tell()
        found = list(_first(stream))
        stream.seek(start)
        return found, stream
    head, stream = beginning(stream, MAX_BYTES + MAX_LINE_BYTES)
    cut = len(head) == MAX_BYTES + MAX_LINE_BYTES
    return list(_first(BytesIO(head[: head.rfind(b"\n") + 1] if cut else head))), stream


def _first(stream: BinaryIO) -> Iterator[bytes]:
    count = size = 0
    for line in read_lines(stream):
        if line.content and not line.content.isspace():
            yield line.content
            count += 1
        size += MAX_LINE_BYTES if line.content is None else len(line.content) + 1
        if count == MAX_ROWS or size >= MAX_BYTES:
            return


def detect(lines: Sequence[bytes], mapping: Mapping[str, str] | None = None) -> Detected:
    """The layout of a file that begins with these rows; that of `mapping` (column to part) where it is given.

    Rows that are no JSON objects have no say. Raises Problem `ambiguous_format`, `preference_data`, `unknown_column`
    and `invalid_mapping`.
    """
    rows = list(_objects(lines))
    layout = _mapped(mapping, rows) if mapping else _majority(rows)
    fitting = sum(fits(row, layout) for row in rows)
    share = round(fitting / len(lines), 4) if lines else 0.0
    return Detected(layout, share, len(lines), _columns(rows, layout.mapping))


def checked_mapping(mapping: Mapping[str, str], rows: Sequence[Row] = ()) -> dict[str, Part]:
    """The mapping, if it makes a format; raises Problem `invalid_mapping`, whose details hold the columns of `rows`."""
    found: dict[str, Part] = {column: part for column, part in mapping.items() if part in PARTS}
    if unknown := mapping.keys() - found.keys():
        column = min(unknown)
        raise _invalid(rows, f"{column} cannot be {mapping[column]!r}: a column is {', '.join(PARTS)}.")
    for part, count in Counter(found.values()).items():
        if count > 1:
            raise _invalid(rows, f"{count} columns are mapped to {part}; one can be.")
    if tuple(part for part in PARTS if part in essentials(found).values()) not in ESSENTIALS:
        raise _invalid(
            rows,
            "Map one column to messages, conversations or text, or two to prompt and completion; only system, tools, "
            "input and history can be beside them.",
        )
    return found


def _objects(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            row = _any_object.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        yield {name: value for name, value in row.items() if len(name) <= _NAME_CHARACTERS}


def _mapped(mapping: Mapping[str, str], rows: Sequence[Row]) -> Layout:
    found = checked_mapping(mapping, rows)
    columns = dict.fromkeys(column for row in rows for column in row)
    for column in found if rows else ():
        if column not in columns:
            near = difflib.get_close_matches(column, list(columns)[:_COMPARED_COLUMNS], n=1)
            raise Problem(
                "unknown_column",
                f"There is no column {column!r} in the first rows. "
                + (f"Did you mean {near[0]!r}?" if near else f"There are {_named(columns)}."),
                param="map",
                details={"columns": _columns(rows)},
            )
    return Layout(format_of(found), found)


def _majority(rows: Sequence[Row]) -> Layout:
    """The layout that most rows have, all of its optional columns included."""
    if not any(rows):
        # Without a column there is nothing to ask about: the report says what is wrong with the lines.
        return OPENAI_MESSAGES
    if 2 * sum(map(is_preference, rows)) > len(rows):
        raise _preference(rows)
    votes: Counter[tuple[tuple[str, Part], ...]] = Counter()
    for row in rows:
        if len(kinds := {_kind(reading) for reading in readings(row)}) == 1:
            votes.update(kinds)
    winner, count = votes.most_common(1)[0] if votes else ((), 0)
    # A list of messages can be nothing else: beside it alone, rows that are nothing known are mistakes, not a question.
    certain = len(votes) == 1 and {part for _, part in winner} <= CHAT_PARTS
    if 2 * count <= len(rows) and not certain:
        raise _ambiguous(rows)
    mapping: dict[str, Part] = {}
    for row in rows:
        found = [reading for reading in readings(row) if _kind(reading) == winner]
        if len(found) > 1:
            raise _ambiguous(rows)
        mapping |= found[0] if found else {}
    if len(set(mapping.values())) < len(mapping):
        raise _ambiguous(rows)
    return Layout(format_of(mapping), mapping)


def _kind(reading: Mapped) -> tuple[tuple[str, Part], ...]:
    return tuple(sorted(essentials(reading).items()))


def _ambiguous(rows: Sequence[Row]) -> Problem:
    """The question which columns are what, with everything needed to answer it."""
    counted: Counter[str] = Counter()
    possible: dict[str, dict[str, Any]] = {}
    for row in rows:
        for reading in readings(row):
            options = _options(reading)
            counted[options] += 1
            possible[options] = {"format": format_of(reading), "mapping": reading, "map": options}
    found = [{**possible[options], "rows": count} for options, count in counted.most_common()]
    if found:
        choices = "; ".join(f"{item['format']} ({item['rows']} of {len(rows)}): {item['map']}" for item in found)
        message = f"Which columns are to be trained on? The first rows leave it open. They can be read as {choices}."
    else:
        message = (
            "Which columns hold the question and the answer? There are "
            f"{_named(_first_values(rows))}, which no known format has. Say which "
            f"is what, for instance {_suggestion(rows)}."
        )
    return Problem(
        "ambiguous_format",
        message,
        details={"columns": _columns(rows), "readings": found, "map": found[0]["map"] if found else _suggestion(rows)},
    )


def _preference(rows: Sequence[Row]) -> Problem:
    row = next(filter(is_preference, rows))
    chosen = next((column for column in row if column.casefold().startswith(("chosen", "preferred"))), None)
    prompt = next((column for column in row if column.casefold() in ("prompt", "question", "input")), None)
    if chosen is None:
        options, advice = None, "Keep only the rows with a good answer, without the column that says so."
    else:
        is_chat = isinstance(row[chosen], list)
        mapping: Mapped = {chosen: "messages"} if is_chat else {chosen: "text"}
        if prompt and not is_chat:
            mapping = {prompt: "prompt", chosen: "completion"}
        options = _options(mapping)
        advice = f"To train on the better answers alone, keep that column: {options}."
    return Problem(
        "preference_data",
        "The rows compare a better answer with a worse one. Such preference data is for methods like DPO; training "
        f"here is on one answer to each prompt. {advice}",
        details={"columns": _columns(rows), "map": options},
    )


def _suggestion(rows: Sequence[Row]) -> str:
    columns = _first_values(rows)
    for column, value in columns.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return _options({column: "conversations" if "from" in value[0] else "messages"})
    texts = [column for column, value in columns.items() if isinstance(value, str)] or list(columns) or ["COLUMN"]
    return _options({texts[0]: "prompt", texts[1]: "completion"} if len(texts) > 1 else {texts[0]: "text"})


def _options(mapping: Mapped) -> str:
    """The mapping as the command line takes it."""
    return " ".join(f"--map {shlex.quote(f'{column}={part}')}" for column, part in mapping.items())


def _named(columns: Collection[str]) -> str:
    """The first columns by name, and how many more there are."""
    more = len(columns) - _NAMED_COLUMNS
    return ", ".join([*islice(columns, _NAMED_COLUMNS), *([f"and {more} more"] if more > 0 else [])]) or "none"


def _columns(rows: Sequence[Row], mapped: Collection[str] = ()) -> list[dict[str, str]]:
    values = _first_values(rows)
    shown = dict.fromkeys([*islice(values, _SHOWN_COLUMNS), *(column for column in mapped if column in values)])
    return [{"name": column, "example": _shown(values[column])} for column in shown]


def _first_values(rows: Sequence[Row]) -> dict[str, Any]:
    """Every column with the first value that is not empty."""
    found: dict[str, Any] = {}
    for row in rows:
        for column, value in row.items():
            if not found.get(column):
                found[column] = value
    return found


def _shown(value: Any) -> str:
    try:
        text = " ".join((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).split())
    except RecursionError:  # as deep as could just be read
        text = "..."
    return text if len(text) <= _EXAMPLE_CHARACTERS else f"{text[: _EXAMPLE_CHARACTERS - 3]}..."


def _invalid(rows: Sequence[Row], message: str) -> Problem:
    return Problem("invalid_mapping", message, param="map", details={"columns": _columns(rows)} if rows else None)
