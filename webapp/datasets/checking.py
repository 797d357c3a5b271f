"""The careful reading of a line that the fast decoder refused: every fault, in words, with its place."""

import json
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from webapp.datasets.faults import Fault, fault
from webapp.datasets.rules import message_faults
from webapp.datasets.wire import Role, TextPart, WireFunction, WireMessage, WireToolCall

_ROLES = frozenset(Role.__args__)  # type: ignore[attr-defined]
_MESSAGE_KEYS = WireMessage.__struct_fields__


class _NonFiniteError(ValueError):
    pass


def explain(line: bytes) -> Iterator[Fault]:
    """The faults of `line` in bytes, JSON and types; none when it has none of these. May raise RecursionError."""
    try:
        text = line.decode("utf-8")
        if "\x00" in text:
            yield fault("nul_character", "the line holds the character U+0000")
            return
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except UnicodeDecodeError as error:
        yield fault("not_utf8", f"byte {error.start + 1} of the line is not UTF-8")
    except _NonFiniteError as error:
        yield fault("non_finite_number", f"the line holds the number {error}")
    except json.JSONDecodeError as error:
        yield fault("invalid_json", f"not valid JSON at character {error.pos + 1}: {error.msg.lower()}")
    except ValueError:
        yield fault("invalid_json", "the line holds a number of thousands of digits")
    else:
        # Half a character cannot even be looked at by a typed decoder, so the rest waits until it is mended.
        yield from list(_character_faults(value)) or _line_faults(value)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise _NonFiniteError(number[:40])
    return value


def _character_faults(value: object) -> Iterator[Fault]:
    """Characters that JSON can escape but no text should hold; one fault of each kind."""
    everything = "".join(_strings(value))
    if "\x00" in everything:
        yield fault("nul_character", "the line holds the character U+0000")
    try:
        everything.encode()
    except UnicodeEncodeError as error:
        yield fault("lone_surrogate", f"the line holds half a character, \\u{ord(everything[error.start]):04x}")


def _strings(value: object) -> Iterator[str]:
    """All strings in `value`, each followed by a space so that halves of characters never meet; keys included."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
            yield " "
        elif isinstance(item, dict):
            todo += item
            todo += item.values()
        elif isinstance(item, list):
            todo += item


def _line_faults(value: object) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield fault("data_type", f"the line is {_kind(value)}, not an object")
        return
    for key in ("tools", "functions"):
        tools = value.get(key)
        if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
            yield fault("invalid_tools", f'"{key}" is not a list of objects')
    if not isinstance(value.get("parallel_tool_calls"), bool | None):
        yield fault("data_type", '"parallel_tool_calls" is not true or false')
    messages = value.get("messages")
    if not isinstance(messages, list):
        found = f'"messages" is {_kind(messages)}, not a list' if "messages" in value else 'the line has no "messages"'
        yield fault("missing_messages_list", found)
    elif not messages:
        yield fault("empty_messages", "the messages list is empty")
    else:
        yield from _messages_faults(messages)


def _messages_faults(messages: list[object]) -> Iterator[Fault]:
    for number, message in enumerate(messages, 1):
        found = list(_type_faults(message, number))
        if not found and _fits(message, WireMessage):
            found = message_faults(msgspec.convert(message, WireMessage), number)
        yield from found
    if not any(isinstance(message, dict) and message.get("role") == "assistant" for message in messages):
        yield fault("example_missing_assistant_message", "no message is the assistant's")


def _type_faults(message: object, number: int) -> Iterator[Fault]:
    where = f"message {number}"
    if not isinstance(message, dict):
        yield fault("data_type", f"{where} is {_kind(message)}, not an object")
        return
    for key in message:
        if key not in _MESSAGE_KEYS:
            yield fault("message_unrecognized_key", f"{where} has the unknown key {_shown(key)}")
    if "role" not in message:
        yield fault("message_missing_key", f"{where} has no role")
    elif not isinstance(message["role"], str) or message["role"] not in _ROLES:
        yield fault("unrecognized_role", f"{where} has the role {_shown(message['role'])}")
    yield from _content_faults(message.get("content"), where)
    yield from _field_faults(message, where)


def _content_faults(content: object, where: str) -> Iterator[Fault]:
    if isinstance(content, list):
        if not all(_fits(part, TextPart) for part in content):
            yield fault("unsupported_content_part", f"{where} has a content part that is not text")
    elif not isinstance(content, str | None):
        yield fault("missing_content", f"the content of {where} is {_kind(content)}, not text")


def _field_faults(message: dict[str, object], where: str) -> Iterator[Fault]:
    for key in ("name", "tool_call_id"):
        if not isinstance(message.get(key), str | None):
            yield fault("data_type", f"the {key} of {where} is {_kind(message[key])}, not text")
    weight = message.get("weight")
    if weight is not None and (type(weight) is not int or weight not in (0, 1)):
        yield fault("invalid_weight", f"the weight of {where} is {_shown(weight)}")
    for key, kind in (("tool_calls", list[WireToolCall]), ("function_call", WireFunction)):
        if not _fits(message.get(key), kind | None):
            yield fault("invalid_tool_calls", f"{where} has {key} of another form")


def _fits(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
