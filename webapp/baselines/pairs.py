"""A conversation as a look-up sees it: a prompt, and the answer to be found for it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

MAX_CHARACTERS = 600  # of a prompt its end, of an answer its beginning: more costs time and changes little


class Pair(NamedTuple):
    """All that comes before the last trained answer, and that answer."""

    prompt: str
    answer: str


def pairs(conversations: Iterable[Mapping[str, Any]]) -> list[Pair]:
    """One pair a conversation, in order; none for those without a prompt or a trained answer."""
    return [pair for conversation in conversations if (pair := _pair(conversation["messages"]))]


def _pair(messages: list[dict[str, Any]]) -> Pair | None:
    for place in reversed(range(len(messages))):
        message = messages[place]
        if message["role"] == "assistant" and message.get("weight") != 0:
            prompt = "\n".join(map(_said, messages[:place]))
            return Pair(prompt[-MAX_CHARACTERS:], _said(message)[:MAX_CHARACTERS]) if prompt.strip() else None
    return None


def _said(message: Mapping[str, Any]) -> str:
    """The words of a message, or its calls as JSON."""
    words: str = message.get("content") or ""
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    return "\n".join(filter(None, [words, json.dumps(calls, ensure_ascii=False) if calls else ""]))
