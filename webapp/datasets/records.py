"""A conversation in its canonical form: what is counted, embedded in the notebook and trained on."""

from typing import Any, Literal

import msgspec

CanonicalRole = Literal["system", "user", "assistant", "tool"]


class CalledFunction(msgspec.Struct, frozen=True):
    """The function an answer calls; `arguments` is JSON text, as in OpenAI's API."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct, frozen=True):
    """One call of a function by the assistant."""

    type: Literal["function"]
    function: CalledFunction
    id: str | msgspec.UnsetType = msgspec.UNSET


class Message(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One turn. `content` is always text, empty only beside tool calls; `weight` 0 keeps an answer from training."""

    role: CanonicalRole
    content: str
    name: str | None = None
    weight: int | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None


class Conversation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One training example: at least one message of the assistant that is trained on."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None = None


_encoder = msgspec.json.Encoder()


def encode(conversation: Conversation) -> bytes:
    """The canonical line: compact UTF-8 JSON, keys in a fixed order, ended by a newline."""
    return _encoder.encode(conversation) + b"\n"


def texts(conversation: Conversation) -> list[str]:
    """Every text a model would read: contents, names and arguments of tool calls, the definitions of the tools."""
    found = [message.content for message in conversation.messages if message.content]
    for message in conversation.messages:
        for call in message.tool_calls or ():
            found += (call.function.name, call.function.arguments)
    if conversation.tools:
        found.append(_encoder.encode(conversation.tools).decode())
    return found
