"""The rows of a source in messages form, as plain JSON data: also those that the strict decoder refuses."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from webapp.datasets.conversion import as_messages
from webapp.datasets.opening import RowStream
from webapp.datasets.parsing import Parsed, parse
from webapp.datasets.reading import Line, read_blocks
from webapp.datasets.syntax import UnreadableError, read_json, text_faults

Row = dict[str, Any]

BYTE_ORDER_MARK = "\ufeff"


class Found(NamedTuple):
    """A line that holds something, in messages form if it can be; `left_out`: it had keys that this form has not.

    `share` of the source was read by then.
    """

    line: Line
    left_out: bool
    share: float


def read_rows(source: RowStream) -> Iterator[Found]:
    """The lines of a source that hold something."""
    for block in read_blocks(source.stream):
        share = source.share(block.end)
        for number, content in enumerate(block.lines, block.first):
            if content is None:
                yield Found(Line(number, None), False, share)
            elif content and not content.isspace():
                messages, left_out = as_messages(source.layout, content)
                yield Found(Line(number, messages), left_out, share)


class Opened(NamedTuple):
    """A line as plain data, and as an example where it is a valid one."""

    row: Row | None
    parsed: Parsed | None


def open_row(content: bytes) -> Opened:
    """The row of a line; None when it is no JSON object, or one that cannot be written again as it was meant.

    Of a name that is there twice only one value would be left, and a number beyond 64 bits would be another.
    """
    if parsed := parse(content):
        return Opened(msgspec.json.decode(content), parsed)
    try:
        text, value = read_json(content)
        return Opened(value if isinstance(value, dict) and next(text_faults(text), None) is None else None, None)
    except (UnreadableError, RecursionError):
        return Opened(None, None)


def close_row(row: Row) -> bytes:
    """The line of a row, without its line end."""
    return msgspec.json.encode(row)


def without_marks(content: bytes) -> bytes:
    """The line without the byte order marks it begins with."""
    mark = BYTE_ORDER_MARK.encode()
    while content.startswith(mark):
        content = content.removeprefix(mark)
    return content
