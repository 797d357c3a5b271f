"""A conversation as a look-up sees it: prompts, and the answers to be found for them."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_CHARACTERS = 600  # of a prompt its end, of an answer its beginning: more costs time and changes little
MAX_ANSWERS = 4  # of a conversation


class Pair(NamedTuple):
    """All that comes before a trained answer, and that answer."""

    prompt: str
    answer: str


def pairs(conversation: Mapping[str, Any]) -> tuple[Pair, ...]:
    """A pair for each trained answer with a prompt, each a training row; of more `MAX_ANSWERS`, evenly spread."""
    found, before = [], ""
    for message in conversation["messages"]:
        said = _said(message)
        if message["role"] == "assistant" and message.get("weight") != 0 and before.strip():
            found.append(Pair(before, said[:MAX_CHARACTERS]))
        before = f"{before}\n{said}"[-MAX_CHARACTERS:] if before else said[-MAX_CHARACTERS:]
    return tuple(found[:: max(1, math.ceil(len(found) / MAX_ANSWERS))])


def _said(message: Mapping[str, Any]) -> str:
    """The words of a message, or its calls as JSON."""
    words: str = message.get("content") or ""
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    return "\n".join(filter(None, [words, json.dumps(calls, ensure_ascii=False) if calls else ""]))
