"""Texts of any size on a page that stays light: each gets its share of the bytes, and says what was left out."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from markupsafe import Markup, escape

# Of a text, what is shown without a click, and what is still shown whole rather than folded.
_HEAD, _WHOLE = 600, 900
# What stands before the first of the sought words.
_AROUND = 120

Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Shown:
    """A text in part: `head` is seen at once, `folded` by a click; `left_out` of its `characters` are not there.

    `skipped` of these come before the head, where the first sought words stand far inside.
    """

    head: Markup
    folded: Markup
    characters: int
    skipped: int
    left_out: int
    found: bool

    @property
    def cost(self) -> int:
        """Bytes on the page."""
        return weight(self.head) + weight(self.folded)


def highlighted(text: str, sought: str) -> Markup:
    """The text with every place of what was sought marked."""
    if not sought:
        return escape(text)
    pieces = re.split(f"({re.escape(sought)})", text, flags=re.IGNORECASE)
    marked = Markup("<mark>{}</mark>")
    return Markup("").join(marked.format(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces))


def weight(markup: str) -> int:
    """Bytes of what is written into a page as it stands."""
    return len(markup.encode())


def bounded(text: str, most: int, sought: str = "") -> Shown:
    """The text in at most `most` bytes: from its beginning, or from a little before the first of the sought words."""
    first = _first(text, sought)
    start = max(0, first - _AROUND) if first > _HEAD else 0
    part = _cut(text[start : start + max(most, 1)], most, sought)
    head = part if len(part) <= _WHOLE else part[:_HEAD]
    folded = part[len(head) :]
    return Shown(
        highlighted(head, sought),
        highlighted(folded, sought),
        characters=len(text),
        skipped=start,
        left_out=len(text) - len(part),
        found=bool(sought) and _first(folded, sought) >= 0,
    )


def shared(
    items: Sequence[Item],
    most: int,
    make: Callable[[Item, int], Made],
    cost: Callable[[Made], int],
    least: int,
) -> Iterator[Made]:
    """Makes the items in order, each with a fair share of `most` bytes, as long as there are `least`, which each gets.

    What one does not use, the next ones share.
    """
    left = most
    for place, item in enumerate(items):
        if left < least:
            return
        made = make(item, max(least, left // (len(items) - place)))
        left -= cost(made)
        yield made


def _first(text: str, sought: str) -> int:
    match = re.search(re.escape(sought), text, re.IGNORECASE) if sought else None
    return match.start() if match else -1


def _cut(text: str, most: int, sought: str) -> str:
    """The longest beginning, roughly, that is no more than so many bytes on the page."""
    while len(text) > 1 and (cost := weight(highlighted(text, sought))) > most:
        text = text[: max(1, min(len(text) - 1, len(text) * most // cost))]
    return text
