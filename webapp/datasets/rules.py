"""The rules that types cannot express: what a message must hold, and how messages must follow one another."""

from collections.abc import Iterator, Sequence

import msgspec

from webapp.datasets.faults import Fault, fault
from webapp.datasets.places import Steps
from webapp.datasets.wire import WireConversation, WireFunction, WireMessage, calls, content_text

MAX_DEPTH = 100

_object_decoder = msgspec.json.Decoder(dict[str, object])


def conversation_faults(conversation: WireConversation) -> Iterator[Fault]:
    """Everything wrong with a conversation whose types are right."""
    messages = conversation.messages
    if not messages:
        yield fault("empty_messages", "the messages list is empty", ("messages",))
        return
    for index, message in enumerate(messages):
        yield from message_faults(message, index)
    yield from tool_order_faults(messages)
    if conversation.tools or conversation.functions:
        yield from tool_faults(conversation.tools or (), "tools")
        yield from tool_faults(conversation.functions or (), "functions")
    yield from answer_faults(messages)


def message_faults(message: WireMessage, index: int) -> list[Fault]:
    """Everything wrong with message `index` (0-based) that does not depend on the others."""
    called = calls(message)
    where, steps = index + 1, ("messages", index)
    found = list(_argument_faults(message, index)) if called else []
    if called and message.role != "assistant":
        field = "tool_calls" if message.tool_calls else "function_call"
        found.append(fault("unexpected_tool_calls", f"message {where} ({message.role}) calls a tool", (*steps, field)))
    if message.content is msgspec.UNSET and not called:
        found.append(fault("message_missing_key", f"message {where} ({message.role}) has no content", steps))
    # A tool may well return nothing; from anyone else an empty text is a mistake.
    elif not called and message.role not in ("tool", "function") and not content_text(message):
        what = f"message {where} ({message.role}) has an empty content"
        found.append(fault("missing_content", what, (*steps, "content")))
    return found


def deeper_than(value: object, levels: int) -> bool:
    """Whether lists and objects are nested in `value` more than `levels` deep."""
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(deeper_than(item, levels - 1) for item in inner)


def _argument_faults(message: WireMessage, index: int) -> Iterator[Fault]:
    places: list[tuple[WireFunction, Steps]] = [
        (call.function, ("tool_calls", number, "function")) for number, call in enumerate(message.tool_calls or ())
    ]
    if message.function_call:
        places.append((message.function_call, ("function_call",)))
    for function, place in places:
        arguments, steps = function.arguments, ("messages", index, *place, "arguments")
        if isinstance(arguments, str):
            try:
                arguments = _object_decoder.decode(arguments)
            except (msgspec.DecodeError, RecursionError):
                what = f"message {index + 1} calls a tool with arguments of another form"
                yield fault("invalid_tool_arguments", what, steps)
        if deeper_than(arguments, MAX_DEPTH):
            what = f"the arguments in message {index + 1} are nested more than {MAX_DEPTH} levels deep"
            yield fault("too_deep", what, steps)


def tool_faults(tools: Sequence[object], key: str) -> Iterator[Fault]:
    """Everything wrong with the definitions of tools in the line's member `key`, `tools` or the older `functions`."""
    for index, tool in enumerate(tools):
        definition = tool.get("function") if key == "tools" and isinstance(tool, dict) else tool
        if not isinstance(definition, dict) or not isinstance(definition.get("name"), str):
            yield fault("invalid_tools", "a tool has no function with a name", (key, index))
        elif deeper_than(definition, MAX_DEPTH):
            yield fault("too_deep", f"a tool is nested more than {MAX_DEPTH} levels deep", (key, index))


def tool_order_faults(messages: list[WireMessage]) -> Iterator[Fault]:
    """Everything wrong with how calls and the messages of tools follow one another."""
    if not any(message.role in ("tool", "function") for message in messages):
        return
    called = False
    ids: set[str | None] = set()
    for index, message in enumerate(messages):
        called = called or bool(calls(message))
        ids.update(call.id for call in message.tool_calls or ())
        if message.role not in ("tool", "function"):
            continue
        steps = ("messages", index)
        if not called:
            what = f"message {index + 1} ({message.role}) answers no call"
            yield fault("unexpected_tool_message", what, (*steps, "role"))
        elif message.tool_call_id is not None and message.tool_call_id not in ids:
            what = f"message {index + 1} answers the call {message.tool_call_id[:40]!r}"
            yield fault("unknown_tool_call_id", what, (*steps, "tool_call_id"))


def answer_faults(messages: list[WireMessage]) -> Iterator[Fault]:
    """Whether there is nothing to learn from."""
    answers = [message for message in messages if message.role == "assistant"]
    if not answers:
        yield fault("example_missing_assistant_message", "no message is the assistant's", ("messages",))
    elif all(answer.weight == 0 for answer in answers):
        what = "every answer has weight 0, so nothing would be trained on"
        yield fault("no_trained_message", what, ("messages",))
