"""Every text of a block of examples that a model would read, each with a letter for what it is.

    s  system prompt        a  answer                  t  what a tool returned
    d  definition of tools  w  answer of weight 0
    u  user                 c  call (its message, then name and arguments of each); v with weight 0

An example's definitions come first, then its messages in order. `d` and `s` are its setting, which many examples may
share; all else is said.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt

from webapp.datasets.records import Conversation, Message
from webapp.datasets.rows import Rows
from webapp.datasets.shapes import order_of

ROLE_OF = {
    "s": "system",
    "d": "tools",
    "u": "user",
    "a": "assistant",
    "w": "assistant",
    "c": "assistant",
    "v": "assistant",
    "t": "tool",
}
SETTING, ANSWERS, TRAINED, CALLS = b"sd", b"aw", b"ac", b"cv"

Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_encoder = msgspec.json.Encoder()


class Pieces(NamedTuple):
    """The texts of n examples, one after another: those of example i are `texts[starts[i]:starts[i + 1]]`.

    `encoded` are the same in UTF-8; `characters` and `sizes` say how many characters and bytes each has.
    """

    texts: list[str]
    encoded: list[bytes]
    characters: npt.NDArray[np.uint32]
    sizes: npt.NDArray[np.uint32]
    letters: npt.NDArray[np.uint8]
    starts: Index

    @classmethod
    def of(cls, texts: list[str], letters: str, sizes: list[int]) -> Self:
        """The texts with a letter for each, and how many each example has."""
        starts = np.zeros(len(sizes) + 1, np.int64)
        np.cumsum(sizes, out=starts[1:])
        encoded = list(map(str.encode, texts))
        return cls(
            texts,
            encoded,
            np.fromiter(map(len, texts), np.uint32, len(texts)),
            np.fromiter(map(len, encoded), np.uint32, len(texts)),
            np.frombuffer(letters.encode(), np.uint8),
            starts,
        )

    def are(self, letters: bytes) -> Mask:
        """Which texts have one of these letters."""
        return _MASKS[letters][self.letters]

    def inside(self) -> Index:
        """The place of each text in its example, from 0."""
        return np.arange(len(self.texts)) - np.repeat(self.starts[:-1], np.diff(self.starts))

    def any_each(self, marks: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """The bits that any of an example's texts has; every example has a text."""
        return np.bitwise_or.reduceat(marks, self.starts[:-1])


def _mask(letters: bytes) -> Mask:
    mask = np.zeros(256, np.bool_)
    mask[list(letters)] = True
    return mask


_MASKS = {letters: _mask(letters) for letters in (SETTING, ANSWERS, TRAINED, CALLS, b"a", b"c", b"u")}


def pieces(rows: Rows) -> Pieces:
    """The texts of these examples."""
    if not rows.noticed:
        return contents_of(rows)
    each = list(map(pieces_of, rows.conversations, rows.orders))
    letters = "".join([letter for found in each for letter, _ in found])
    return Pieces.of([text for found in each for _, text in found], letters, list(map(len, each)))


def contents_of(rows: Rows) -> Pieces:
    """The contents of the messages alone, by the roles' letters: all there is of plain examples."""
    texts = [message.content for one in rows.conversations for message in one.messages]
    return Pieces.of(texts, "".join(rows.orders), list(map(len, rows.orders)))


def texts_of(example: Mapping[str, Any]) -> list[str]:
    """The texts of one stored example, in order."""
    conversation = msgspec.convert(example, Conversation)
    return [text for _, text in pieces_of(conversation, order_of(conversation))]


def pieces_of(conversation: Conversation, order: str) -> list[tuple[str, str]]:
    """The letter and the text of each piece of one conversation, in order; `order` are its roles (shapes.py)."""
    found = []
    if conversation.tools:
        found.append(("d", _encoder.encode(conversation.tools).decode()))
    for letter, message in zip(order, conversation.messages, strict=True):
        found += _of_message(letter, message)
    return found


def _of_message(letter: str, message: Message) -> list[tuple[str, str]]:
    untrained = message.weight == 0
    if letter != "a":
        return [(letter, message.content)]
    if not message.tool_calls:
        return [("w" if untrained else "a", message.content)]
    texts = [message.content]
    for call in message.tool_calls:
        texts += (call.function.name, call.function.arguments)
    return [("v" if untrained else "c", text) for text in texts]
