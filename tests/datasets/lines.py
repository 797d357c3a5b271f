"""Lines of a dataset, made from their messages."""

import json
from typing import Any

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
