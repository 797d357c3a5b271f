"""What an operation did to a row, for people to look at: the messages that changed, and the words in them."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Literal

import msgspec

from webapp.datasets.repair.messages import text_of
from webapp.datasets.repair.rows import Row

MAX_CHANGES = 20
MAX_MESSAGES = 8
PIECE_CHARACTERS = 400
_WORDS = 600
_ELLIPSIS = " ... "

Said = tuple[str, str]  # a role and a text
Block = tuple[str, int, int, int, int]  # difflib's: what to do with which range of either side


class Piece(msgspec.Struct, frozen=True):
    """A part of a text; a long one is shown by its two ends."""

    kind: Literal["same", "removed", "added"]
    text: str


class MessageChange(msgspec.Struct, frozen=True):
    """One message; a role is null where the message is not there, `before` or `after`."""

    before: str | None
    after: str | None
    pieces: list[Piece]


class Change(msgspec.Struct, frozen=True):
    """What became of the row on `line` of the source: `rows` rows (0: it was dropped), and its first changed messages.

    `like` is the line of the row that a dropped duplicate repeats.
    """

    line: int
    rows: int
    messages: list[MessageChange]
    like: int | None = None


def changed(line: int, before: Row, after: Sequence[Row]) -> Change:
    """The change from one row to those that it became."""
    if len(after) == 1:
        return Change(line, 1, list(_messages(_said(before), _said(after[0])))[:MAX_MESSAGES])
    rows = [MessageChange(None, f"row {number}", [_added(_said(row))]) for number, row in enumerate(after, start=1)]
    return Change(line, len(after), rows[:MAX_MESSAGES])


def dropped(line: int, row: Row | None, content: bytes, like: int | None = None) -> Change:
    """The change of a row that is left out; a line that could not be read is shown as text."""
    said = (row and _said(row)) or [("line", content[: 4 * PIECE_CHARACTERS].decode(errors="replace"))]
    return Change(line, 0, list(_messages(said, []))[:MAX_MESSAGES], like)


def _added(said: list[Said]) -> Piece:
    """A whole row as one piece."""
    return Piece("added", _shortened("\n".join(f"{role}: {_shortened(text)}" for role, text in said)))


def _messages(before: list[Said], after: list[Said]) -> Iterator[MessageChange]:
    blocks: Sequence[Block]
    if len(before) == len(after):
        blocks = [("replace", index, index + 1, index, index + 1) for index in range(len(before))]
    else:
        blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for _, start, stop, first, last in blocks:
        if before[start:stop] == after[first:last]:
            continue
        if stop - start == last - first:
            for (old, text), (new, becomes) in zip(before[start:stop], after[first:last], strict=True):
                yield MessageChange(old, new, list(word_pieces(text, becomes)))
            continue
        for role, text in before[start:stop]:
            yield MessageChange(role, None, [Piece("removed", _shortened(text))])
        for role, text in after[first:last]:
            yield MessageChange(None, role, [Piece("added", _shortened(text))])


def word_pieces(before: str, after: str, longest: int = PIECE_CHARACTERS) -> Iterator[Piece]:
    """The parts of two texts, word by word; of very long ones only up to the first and from the last difference on.

    A part of more than `longest` characters is shown by its two ends.
    """
    old, new = _words(before), _words(after)
    start = _shared(old, new)
    end = _shared(old[start:][::-1], new[start:][::-1])
    middle = old[start : len(old) - end], new[start : len(new) - end]
    if start:
        yield Piece("same", _shortened("".join(old[:start]), longest))
    blocks: Sequence[Block]
    if max(map(len, middle)) > _WORDS:
        blocks = [("replace", 0, len(middle[0]), 0, len(middle[1]))]
    else:
        blocks = SequenceMatcher(None, *middle, autojunk=False).get_opcodes()
    for kind, first, last, begin, stop in blocks:
        removed, added = "".join(middle[0][first:last]), "".join(middle[1][begin:stop])
        if kind == "equal":
            yield Piece("same", _shortened(removed, longest))
            continue
        if removed:
            yield Piece("removed", _shortened(removed, longest))
        if added:
            yield Piece("added", _shortened(added, longest))
    if end:
        yield Piece("same", _shortened("".join(old[len(old) - end :]), longest))


def _shared(first: list[str], second: list[str]) -> int:
    """How many words at the start are the same."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|[^\s\w]|\w+", text)


def _said(row: Row) -> list[Said]:
    """Roles and texts of a row, calls of tools as JSON; whatever else is in it comes last."""
    messages = row.get("messages")
    found = [_shown(message) for message in messages] if isinstance(messages, list) else []
    rest = {name: value for name, value in row.items() if name != "messages" and value is not None}
    return [*found, ("row", _json(rest))] if rest else found


def _shown(message: Any) -> Said:
    if not isinstance(message, dict):
        return "message", _json(message)
    text = text_of(message)
    rest = {name: value for name, value in message.items() if name not in ("role", "content") and value is not None}
    if text is None and message.get("content") is not None:
        rest["content"] = message["content"]
    role = message.get("role")
    return role if isinstance(role, str) else _json(role), " ".join(filter(None, (text, _json(rest) if rest else "")))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _shortened(text: str, longest: int = PIECE_CHARACTERS) -> str:
    if len(text) <= longest:
        return text
    half = (longest - len(_ELLIPSIS)) // 2
    return text[:half] + _ELLIPSIS + text[-half:]
