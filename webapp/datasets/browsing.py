"""Rows looked for: from a line on, those of an issue, those that hold some words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from webapp.datasets.examples import MOST_BYTES, Column, Example, Examples
from webapp.datasets.line_lists import lines_of


class Wanted(NamedTuple):
    """Rows from `line` on (1-based); where they are given, those of the issue `code`, with `text` in either case."""

    line: int = 1
    code: str = ""
    text: str = ""


class Found(NamedTuple):
    """The next examples; where to look further, None at the end; and `before`, where the page before begins.

    `before` is None at the beginning, and wherever `text` is looked for.
    """

    examples: list[Example]
    next: int | None
    before: int | None


def browse(examples: Examples, wanted: Wanted, count: int) -> Found:
    """The next `count` examples that are wanted; fewer where the end, or the most that is read at once, comes first.

    Raises Problem `unknown_issue` (404).
    """
    lines = examples.column("line")
    candidates = np.arange(len(lines))
    if wanted.code:
        candidates = candidates[np.isin(lines, lines_of(examples, wanted.code))]
    first = int(np.searchsorted(lines[candidates], wanted.line))
    if wanted.text:
        return _search(examples, candidates[first:], wanted.text.casefold(), count)
    found = examples.at(candidates[first : first + count].tolist())
    after = first + len(found)
    return Found(
        found,
        next=int(lines[candidates[after]]) if after < len(candidates) else None,
        before=int(lines[candidates[max(0, first - count)]]) if first and len(candidates) else None,
    )


def _search(examples: Examples, candidates: Column, text: str, count: int) -> Found:
    found: list[Example] = []
    read = looked_at = 0
    while looked_at < len(candidates):
        for example in examples.at(candidates[looked_at : looked_at + count].tolist()):
            if len(found) == count or read > MOST_BYTES:
                return Found(found, next=example.line, before=None)
            looked_at += 1
            words = "\n".join(_texts(example.messages))
            read += len(words)
            if text in words.casefold():
                found.append(example)
    return Found(found, next=None, before=None)


def _texts(messages: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What is said, and called."""
    for message in messages:
        yield message["content"] or ""
        for call in message.get("tool_calls") or ():
            yield f"{call['function']['name']}({call['function']['arguments']})"
