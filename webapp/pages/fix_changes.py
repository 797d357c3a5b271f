"""What a fix did to rows, as it is shown: as many of its changes as a light page holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from webapp.pages.bounds import shared, weight

# Bytes of a page for the changes of all operations; each is written twice, before and after.
_PAGE_BYTES = 80_000
_AROUND_PIECE, _AROUND_MESSAGE, _AROUND_CHANGE = 40, 320, 300


@dataclass(frozen=True)
class Message:
    """A message that was changed: its role before and after, and the text with what was removed and added marked."""

    before: str | None
    after: str | None
    text: Markup
    cut: bool


@dataclass(frozen=True)
class Change:
    """What became of a row; `row` is the change as the fix reported it."""

    row: Mapping[str, Any]
    messages: list[Message]
    left_out: int

    @property
    def cost(self) -> int:
        """Bytes on the page."""
        return _AROUND_CHANGE + sum(_cost(message) for message in self.messages)


def changes(operations: Sequence[Mapping[str, Any]]) -> dict[str, list[Change]]:
    """The changes to be shown of each operation, by its name."""
    found: dict[str, list[Change]] = {}
    left = _PAGE_BYTES
    for place, done in enumerate(operations):
        most = left // (len(operations) - place)
        found[done["name"]] = list(shared(done["changes"], most, _change, lambda made: made.cost, _AROUND_CHANGE))
        left -= sum(change.cost for change in found[done["name"]])
    return found


def _change(change: Mapping[str, Any], most: int) -> Change:
    messages = list(shared(change["messages"], most - _AROUND_CHANGE, _message, _cost, _AROUND_MESSAGE))
    return Change(change, messages, len(change["messages"]) - len(messages))


def _message(message: Mapping[str, Any], most: int) -> Message:
    pieces = list(
        shared(message["pieces"], (most - _AROUND_MESSAGE) // 2, lambda piece, _: _piece(piece), weight, _AROUND_PIECE)
    )
    cut = len(pieces) < len(message["pieces"])
    return Message(message["before"], message["after"], Markup("").join(pieces), cut)


def _piece(piece: Mapping[str, str]) -> Markup:
    tag = {"removed": "del", "added": "ins"}.get(piece["kind"])
    return Markup("<{0}>{1}</{0}>").format(tag, piece["text"]) if tag else escape(piece["text"])


def _cost(message: Message) -> int:
    return _AROUND_MESSAGE + 2 * weight(message.text)
