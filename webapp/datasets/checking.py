"""The careful look at a line's JSON that the fast decoder refused: every value that is not what it should be."""

import json
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from webapp.datasets.faults import Fault, fault
from webapp.datasets.places import Steps
from webapp.datasets.rules import answer_faults, message_faults, tool_faults, tool_order_faults
from webapp.datasets.syntax import shown
from webapp.datasets.wire import Role, TextPart, WireFunction, WireMessage, WireToolCall

_ROLES = frozenset(Role.__args__)  # type: ignore[attr-defined]
_MESSAGE_KEYS = WireMessage.__struct_fields__

T = TypeVar("T")


def value_faults(value: object) -> Iterator[Fault]:
    """Everything wrong with the value of a line, types and rules. May raise RecursionError."""
    if not isinstance(value, dict):
        yield fault("data_type", f"the line is {kind(value)}, not an object", ())
        return
    for key in ("tools", "functions"):
        tools = value.get(key)
        if isinstance(tools, list):
            yield from tool_faults(tools, key)
        elif tools is not None:
            yield fault("invalid_tools", f'"{key}" is {kind(tools)}, not a list', (key,))
    if not isinstance(value.get("parallel_tool_calls"), bool | None):
        yield fault("data_type", '"parallel_tool_calls" is not true or false', ("parallel_tool_calls",))
    messages = value.get("messages")
    if "messages" not in value:
        yield fault("missing_messages_list", 'the line has no "messages"', ())
    elif not isinstance(messages, list):
        what = f'"messages" is {kind(messages)}, not a list'
        yield fault("missing_messages_list", what, ("messages",))
    elif not messages:
        yield fault("empty_messages", "the messages list is empty", ("messages",))
    else:
        yield from _messages_faults(messages)


def _messages_faults(messages: list[object]) -> Iterator[Fault]:
    read = []
    for index, message in enumerate(messages):
        found = list(_type_faults(message, index))
        wire = None if found else _read(message, WireMessage)
        if wire:
            read.append(wire)
            found = message_faults(wire, index)
        yield from found
    # How messages follow one another can be told only when all of them could be read.
    if len(read) == len(messages):
        yield from tool_order_faults(read)
        yield from answer_faults(read)
    elif not any(isinstance(message, dict) and message.get("role") == "assistant" for message in messages):
        yield fault("example_missing_assistant_message", "no message is the assistant's", ("messages",))


def _type_faults(message: object, index: int) -> Iterator[Fault]:
    where, steps = f"message {index + 1}", ("messages", index)
    if not isinstance(message, dict):
        yield fault("data_type", f"{where} is {kind(message)}, not an object", steps)
        return
    for key in message:
        if key not in _MESSAGE_KEYS:
            yield fault("message_unrecognized_key", f"{where} has the unknown key {shown(key)}", (*steps, key))
    if "role" not in message:
        yield fault("message_missing_key", f"{where} has no role", steps)
    elif not isinstance(message["role"], str) or message["role"] not in _ROLES:
        yield fault("unrecognized_role", f"{where} has the role {shown(message['role'])}", (*steps, "role"))
    yield from _content_faults(message.get("content"), where, (*steps, "content"))
    yield from _field_faults(message, where, steps)
    yield from _call_faults(message, where, steps)


def _content_faults(content: object, where: str, steps: Steps) -> Iterator[Fault]:
    if isinstance(content, list):
        for index, part in enumerate(content):
            if not _read(part, TextPart):
                yield fault("unsupported_content_part", f"{where} has a content part that is not text", (*steps, index))
    elif not isinstance(content, str | None):
        yield fault("missing_content", f"the content of {where} is {kind(content)}, not text", steps)


def _field_faults(message: dict[str, object], where: str, steps: Steps) -> Iterator[Fault]:
    for key in ("name", "tool_call_id"):
        if not isinstance(message.get(key), str | None):
            yield fault("data_type", f"the {key} of {where} is {kind(message[key])}, not text", (*steps, key))
    weight = message.get("weight")
    if weight is not None and (type(weight) is not int or weight not in (0, 1)):
        yield fault("invalid_weight", f"the weight of {where} is {shown(weight)}", (*steps, "weight"))


def _call_faults(message: dict[str, object], where: str, steps: Steps) -> Iterator[Fault]:
    tool_calls = message.get("tool_calls")
    if not isinstance(tool_calls, list | None):
        yield fault("invalid_tool_calls", f"the tool_calls of {where} are no list", (*steps, "tool_calls"))
    for index, call in enumerate(tool_calls if isinstance(tool_calls, list) else ()):
        if not _read(call, WireToolCall):
            what = f"{where} has a tool call of another form"
            yield fault("invalid_tool_calls", what, (*steps, "tool_calls", index))
    if message.get("function_call") is not None and not _read(message["function_call"], WireFunction):
        what = f"{where} has a function_call of another form"
        yield fault("invalid_tool_calls", what, (*steps, "function_call"))


def _read(value: object, wanted: type[T]) -> T | None:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return None
    except UnicodeEncodeError:
        # Half a character, a fault of its own: something else in its place lets the rest be looked at.
        return _read(json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")), wanted)


def kind(value: Any) -> str:
    """What a JSON value is, in words."""
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
