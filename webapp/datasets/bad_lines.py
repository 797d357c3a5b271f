"""The lines that are no examples, kept beside those that are: what they say, and where exactly they are wrong.

A report never quotes the data, so these parts of lines are kept apart from it, among the examples. They are parts: of a
long line that which is around its first fault, and of many lines the first ones.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from webapp.datasets.faults import Fault
from webapp.datasets.report import InvalidLine

KEPT_LINES, KEPT_BYTES = 1000, 2048
_KEPT_CHARACTERS = KEPT_BYTES // 4  # of a longer line: a character takes four bytes at the most
_BEFORE, _MARKED, _AFTER = 80, 60, 160
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"?|[^\s"\[\]{},:]+|.', re.DOTALL)
# What is not seen, or changes how the rest is seen: control characters, marks of direction, spaces without width.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_PICTURES = 0x2400  # Unicode has a picture of each of the first 32 control characters


class BadLine(msgspec.Struct, frozen=True):
    """What is kept of line `number` (1-based): `content`, in UTF-8 as far as the line is, after `start` characters.

    `size` are the bytes of all of the line; 0 for one too long to be held, of which nothing is kept.
    """

    number: int
    start: int
    size: int
    content: bytes

    @property
    def whole(self) -> bool:
        """Whether all of it was kept."""
        return self.start == 0 < self.size == len(self.content)


class Excerpt(NamedTuple):
    """A fault, and the text around its place: `marked` is what is wrong there, empty where the line ends too soon.

    What is left out at either side is said by `begins` and `ends`: whether the line does so here.
    """

    fault: InvalidLine
    before: str
    marked: str
    after: str
    begins: bool
    ends: bool


def kept(number: int, line: bytes | None, faults: Sequence[Fault | InvalidLine]) -> BadLine:
    """What is kept of a line with these faults; without any the line was not explained."""
    if line is None:
        return BadLine(number, 0, 0, b"")
    if len(line) <= KEPT_BYTES:
        return BadLine(number, 0, len(line), line)
    column = next((item.column for item in faults if item.column), 1)
    start = max(0, column - 1 - _KEPT_CHARACTERS // 2)
    needed = line[: 4 * (start + _KEPT_CHARACTERS)]
    return BadLine(number, start, len(line), needed.decode(errors="replace")[start:][:_KEPT_CHARACTERS].encode())


def excerpts(line: BadLine, faults: Iterable[InvalidLine]) -> list[Excerpt]:
    """The text around each of the line's faults; none around those that lie outside of what was kept."""
    text = line.content.decode(errors="replace")
    return [_excerpt(line, text, item) for item in faults]


def visible(text: str) -> str:
    """The text with signs for the characters that are not seen."""
    return _UNSEEN.sub(lambda match: _sign(ord(match[0])), text)


def _excerpt(line: BadLine, text: str, fault: InvalidLine) -> Excerpt:
    # A fault without a place is one of the whole line.
    place = fault.column - 1 - line.start if fault.column else 0
    if not 0 <= place <= len(text):
        return Excerpt(fault, "", "", "", begins=False, ends=False)
    first = max(0, place - _BEFORE)
    marked = _marked(text, place, value=fault.path is not None) if fault.column else ""
    last = place + len(marked)
    complete = line.whole or len(text) < _KEPT_CHARACTERS
    return Excerpt(
        fault,
        visible(text[first:place]),
        visible(marked),
        visible(text[last : last + _AFTER]),
        begins=first == 0 and line.start == 0,
        ends=complete and last + _AFTER >= len(text),
    )


def _marked(text: str, place: int, *, value: bool) -> str:
    """What is wrong at a place: of a value all of it, otherwise the character."""
    match = _VALUE.match(text, place, place + _MARKED) if value else None
    return match[0] if match else text[place : place + 1]


def _sign(code: int) -> str:
    if code < 32:
        return chr(_PICTURES + code)
    return "␡" if code == 127 else f"[U+{code:04X}]"
