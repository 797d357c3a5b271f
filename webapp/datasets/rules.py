"""The rules that types cannot express: what a message must hold, and how messages must follow one another."""

from collections.abc import Iterator

import msgspec

from webapp.datasets.faults import Fault, fault
from webapp.datasets.wire import WireConversation, WireMessage, calls, content_text

MAX_DEPTH = 100

_object_decoder = msgspec.json.Decoder(dict[str, object])


def conversation_faults(conversation: WireConversation) -> Iterator[Fault]:
    """Everything wrong with a conversation whose types are right."""
    messages = conversation.messages
    if not messages:
        yield fault("empty_messages", "the messages list is empty")
        return
    for number, message in enumerate(messages, 1):
        yield from message_faults(message, number)
    if any(message.role in ("tool", "function") for message in messages):
        yield from _tool_order_faults(messages)
    if conversation.tools or conversation.functions:
        yield from _tools_faults(conversation)
    yield from _answer_faults(messages)


def message_faults(message: WireMessage, number: int) -> list[Fault]:
    """Everything wrong with message `number` (1-based) that does not depend on the others."""
    called = calls(message)
    found = [item for function in called for item in _argument_faults(function.arguments, number)]
    if called and message.role != "assistant":
        found.append(fault("unexpected_tool_calls", f"message {number} ({message.role}) calls a tool"))
    if message.content is msgspec.UNSET and not called:
        found.append(fault("message_missing_key", f"message {number} ({message.role}) has no content"))
    # A tool may well return nothing; from anyone else an empty text is a mistake.
    elif not called and message.role not in ("tool", "function") and not content_text(message):
        found.append(fault("missing_content", f"message {number} ({message.role}) has an empty content"))
    return found


def deeper_than(value: object, levels: int) -> bool:
    """Whether lists and objects are nested in `value` more than `levels` deep."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(deeper_than(item, levels - 1) for item in inner)


def _argument_faults(arguments: object, number: int) -> Iterator[Fault]:
    if isinstance(arguments, str):
        try:
            arguments = _object_decoder.decode(arguments)
        except (msgspec.DecodeError, RecursionError):
            yield fault("invalid_tool_arguments", f"message {number} calls a tool with arguments of another form")
    if deeper_than(arguments, MAX_DEPTH):
        yield fault("too_deep", f"the arguments in message {number} are nested more than {MAX_DEPTH} levels deep")


def _tools_faults(conversation: WireConversation) -> Iterator[Fault]:
    definitions = [tool.get("function") for tool in conversation.tools or ()]
    for definition in [*definitions, *(conversation.functions or ())]:
        if not isinstance(definition, dict) or not isinstance(definition.get("name"), str):
            yield fault("invalid_tools", "a tool has no function with a name")
        elif deeper_than(definition, MAX_DEPTH):
            yield fault("too_deep", f"a tool is nested more than {MAX_DEPTH} levels deep")


def _tool_order_faults(messages: list[WireMessage]) -> Iterator[Fault]:
    called = False
    ids: set[str | None] = set()
    for number, message in enumerate(messages, 1):
        called = called or bool(calls(message))
        ids.update(call.id for call in message.tool_calls or ())
        if message.role not in ("tool", "function"):
            continue
        if not called:
            yield fault("unexpected_tool_message", f"message {number} ({message.role}) answers no call")
        elif message.tool_call_id is not None and message.tool_call_id not in ids:
            yield fault("unknown_tool_call_id", f"message {number} answers the call {message.tool_call_id[:40]!r}")


def _answer_faults(messages: list[WireMessage]) -> Iterator[Fault]:
    answers = [message for message in messages if message.role == "assistant"]
    if not answers:
        yield fault("example_missing_assistant_message", "no message is the assistant's")
    elif all(answer.weight == 0 for answer in answers):
        yield fault("no_trained_message", "every answer has weight 0, so nothing would be trained on")
