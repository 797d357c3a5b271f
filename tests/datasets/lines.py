"""Lines of a dataset, made from their messages, and what is read of them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from webapp.datasets.examining import Examination, examine
from webapp.datasets.gathering import Gathered
from webapp.datasets.jaccard import TokenStore
from webapp.datasets.marks import NAMES, bits
from webapp.datasets.pieces import Pieces, pieces
from webapp.datasets.reading import Block
from webapp.datasets.rows import read_rows
from webapp.datasets.tokens import TokenBatch

USER = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Good day."}
GOOD = json.dumps({"messages": [USER, ANSWER]}).encode()


def line(*messages: Any, **more: Any) -> bytes:
    return json.dumps({"messages": list(messages), **more}).encode()


def user_with(**fields: Any) -> bytes:
    return line({**USER, **fields}, ANSWER)


def answer_with(**fields: Any) -> bytes:
    return line(USER, {**ANSWER, **fields})


def called(arguments: Any = "{}", **more: Any) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": arguments}, **more}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def asked(question: str, answer: str, **more: Any) -> bytes:
    return line({"role": "user", "content": question}, {"role": "assistant", "content": answer}, **more)


def ordered(order: str) -> bytes:
    """A line whose messages are told by letters: s, u, a and t for the roles, c for a call."""
    made = {
        "s": {"role": "system", "content": "Be kind."},
        "u": USER,
        "a": ANSWER,
        "c": called(),
        "t": {"role": "tool", "content": "5", "tool_call_id": "c1"},
    }
    return line(*(made[letter] for letter in order))


def block(*lines: bytes | None, first: int = 1) -> Block:
    return Block(first, list(lines), 0)


def pieces_of(*lines: bytes) -> Pieces:
    return pieces(read_rows(block(*lines)))


def said(*texts: str, letters: str = "") -> Pieces:
    """The pieces of one example, which no line could hold: user and assistant in turns unless `letters` say more."""
    return Pieces.of(list(texts), (letters or "ua" * len(texts))[: len(texts)], [len(texts)])


def names(marks: Any) -> set[str]:
    """The names of an example's marks."""
    return {name for name in NAMES if int(marks) & bits([name])}


class Words:
    """A tokenizer: a word is a token, its number the word's length; without a reference to ask."""

    name = "words"
    owner = None
    reference: Any = None

    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        self.batches.append(len(texts))
        return TokenBatch.of([[len(word) for word in text.split()] for text in texts])


@contextmanager
def gathered(*lines: bytes, tokenizer: Any = None, cut: int = 10**6) -> Iterator[Gathered]:
    """What is gathered of these lines, in blocks of `cut` of them."""
    by = Examination(tokenizer or Words())
    with TokenStore() as store:
        found = Gathered(store)
        for start in range(0, len(lines), cut):
            found.add(examine(block(*lines[start : start + cut], first=start + 1), by))
        yield found
