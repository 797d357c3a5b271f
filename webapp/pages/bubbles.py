"""Rows as they are shown: who says what, or the same as a model reads it; in part where there is much of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.datasets import Example
from webapp.pages.bounds import Shown, bounded, shared
from webapp.workflow import RenderedExample

# Bytes of a page for the texts of its rows; the elements around a text and around a row take so many more.
PAGE_BYTES = 72_000
_AROUND_TEXT, _AROUND_ROW = 240, 420


@dataclass(frozen=True)
class Said:
    """What a message says, or a call it makes."""

    role: str
    text: Shown
    is_call: bool

    @property
    def cost(self) -> int:
        """Bytes on the page."""
        return self.text.cost + _AROUND_TEXT


@dataclass(frozen=True)
class Row:
    """A row of the page; `left_out` counts messages and calls that are not there at all."""

    example: Example
    said: list[Said]
    left_out: int

    @property
    def cost(self) -> int:
        """Bytes on the page."""
        return sum(item.cost for item in self.said) + _AROUND_ROW

    @property
    def in_part(self) -> bool:
        """Whether anything of it is not there."""
        return self.left_out > 0 or any(item.text.left_out for item in self.said)


@dataclass(frozen=True)
class Piece:
    """A piece of a rendered row, and whether it is learned."""

    trained: bool
    text: Shown


@dataclass(frozen=True)
class Reading:
    """A row as a model reads it; `left_out` counts pieces that are not there."""

    row: RenderedExample
    pieces: list[Piece]
    left_out: int

    @property
    def cost(self) -> int:
        """Bytes on the page."""
        return sum(piece.text.cost + _AROUND_TEXT for piece in self.pieces)


def conversations(examples: Sequence[Example], sought: str = "", most: int = PAGE_BYTES) -> list[Row]:
    """The rows for a page, in so many bytes together."""

    def row(example: Example, share: int) -> Row:
        return _row(example, sought, share)

    return list(shared(examples, most, row, lambda made: made.cost, _AROUND_ROW))


def readings(rows: Sequence[RenderedExample], most: int = PAGE_BYTES) -> list[Reading]:
    """The rendered rows for a page, in so many bytes together."""
    return list(shared(rows, most, _reading, lambda reading: reading.cost, _AROUND_ROW))


def _row(example: Example, sought: str, most: int) -> Row:
    texts = [item for message in example.messages for item in _texts(message)]

    def say(item: tuple[str, str, bool], share: int) -> Said:
        return Said(item[0], bounded(item[1], share - _AROUND_TEXT, sought), item[2])

    said = list(shared(texts, most - _AROUND_ROW, say, lambda made: made.cost, least=2 * _AROUND_TEXT))
    return Row(example, said, len(texts) - len(said))


def _reading(row: RenderedExample, most: int) -> Reading:
    def piece(segment: Any, share: int) -> Piece:
        return Piece(segment.trained, bounded(segment.text, share - _AROUND_TEXT))

    pieces = list(shared(row.segments, most, piece, lambda made: made.text.cost + _AROUND_TEXT, least=2 * _AROUND_TEXT))
    return Reading(row, pieces, len(row.segments) - len(pieces))


def _texts(message: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Who says what, and whether it is a call."""
    calls = message.get("tool_calls") or ()
    if message["content"] or not calls:
        yield message["role"], message["content"] or "", False
    for call in calls:
        yield message["role"], f"{call['function']['name']}({call['function']['arguments']})", True
