"""Tables in text (CSV and its kin), read as lines: a JSON object for each record, in constant memory."""

import csv
import io
import json
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any, BinaryIO

import msgspec

from webapp.datasets.formats import BEYOND_HEADER, readings
from webapp.datasets.json_cells import json_columns, open_cells
from webapp.datasets.reading import MAX_LINE_BYTES
from webapp.errors import Problem

DELIMITERS = (",", "\t", ";", "|")
_SAMPLED_RECORDS = 5
_SHOWN_CHARACTERS = 60


def csv_rows(stream: BinaryIO, delimiter: str, chat_columns: Collection[str] = ()) -> Iterator[bytes]:
    """The records of UTF-8 text with a header, as objects of texts; a cell of a chat column that is JSON as its value.

    `chat_columns` names further columns of chats. A record with fewer cells than the header lacks the last columns; one
    with more has the rest as a list under `BEYOND_HEADER`. Raises Problem `broken_csv`.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    limit = csv.field_size_limit(MAX_LINE_BYTES)
    lines = _Lines(text)
    # Strict: rows that an open quotation mark swallows would otherwise be missing without a word.
    records = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 0
    try:
        header = _header(records)
        opened = json_columns(header, chat_columns)
        for cells in records:
            lines.characters = 0
            if cells:
                number += 1
                yield _line(_record(header, cells, opened))
    except csv.Error as error:
        raise Problem(
            "broken_csv",
            f"Row {number + 1} of the table cannot be read ({error}). A quotation mark may not have been closed there.",
        ) from error
    finally:
        csv.field_size_limit(limit)
        text.detach()


def _header(records: Iterator[list[str]]) -> list[str]:
    header = next((cells for cells in records if cells), [])
    twice = [name for name, count in Counter(header).items() if count > 1 and name]
    if twice:
        name = min(twice)[:_SHOWN_CHARACTERS]
        raise Problem("broken_csv", f"The header names the column {name!r} twice. Give each column a name of its own.")
    return header


def _record(header: list[str], cells: list[str], opened: Collection[str]) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(header, cells, strict=False))
    open_cells(row, opened)
    if len(cells) > len(header):
        row[BEYOND_HEADER] = cells[len(header) :]
    return row


def _line(row: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(row) + b"\n"
    except UnicodeEncodeError:
        # Bytes that are no UTF-8 come out as they came in, and make the row a bad one.
        return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogateescape") + b"\n"


class _Lines:
    """The lines of a text for csv; a record, and so a line, over `MAX_LINE_BYTES` characters ends the reading."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.characters = 0  # since the last record was complete

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(MAX_LINE_BYTES + 1):
            self.characters += len(line)
            if self.characters > MAX_LINE_BYTES:
                raise csv.Error(f"it is longer than {MAX_LINE_BYTES // 2**20} MiB")
            yield line


def delimiter_of(head: str, *, named_so: bool) -> str | None:
    """What separates the cells of a table that begins with `head`; None when it does not look like one.

    A file that is not `named_so` has to have a header with columns that are known.
    """
    agreeing: dict[str, int] = {}
    for delimiter in DELIMITERS:
        records = _sampled(head, delimiter)
        header = records[0] if records else []
        if len(header) > 1 and (named_so or readings(dict.fromkeys(header, ""))):
            agreeing[delimiter] = sum(len(record) == len(header) for record in records)
    # The first of those in which most records are as long as the header.
    return max(agreeing, key=agreeing.__getitem__) if agreeing else "," if named_so else None


def _sampled(head: str, delimiter: str) -> list[list[str]]:
    complete = head[: head.rfind("\n") + 1] or head
    try:
        records = list(islice(csv.reader(io.StringIO(complete, newline=""), delimiter=delimiter), _SAMPLED_RECORDS))
    except csv.Error:
        return []
    return [record for record in records if record]
