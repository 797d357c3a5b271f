"""A conversation as people write it: OpenAI's chat format, its older names and its content parts included."""

from typing import Any, Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from webapp.datasets.records import CalledFunction, CanonicalRole, Conversation, Message, ToolCall

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]

# Names of OpenAI's earlier API, read as today's.
ROLES_TODAY: dict[Role, CanonicalRole] = {"developer": "system", "function": "tool"}


class TextPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The only kind of content part a text model is trained on."""

    type: Literal["text"]
    text: str


class WireFunction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """`arguments` as JSON text (OpenAI) or as the object itself (Hugging Face)."""

    name: str
    arguments: str | dict[str, Any] = "{}"


class WireToolCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A tool call as written."""

    function: WireFunction
    type: Literal["function"] = "function"
    id: str | None = None


class WireMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A message as written; an absent content and a null one are told apart."""

    role: Role
    content: str | list[TextPart] | UnsetType | None = UNSET
    name: str | None = None
    weight: Literal[0, 1] | None = None
    tool_calls: list[WireToolCall] | None = None
    tool_call_id: str | None = None
    function_call: WireFunction | None = None


class WireConversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A line as written. `parallel_tool_calls` is a request setting without meaning for training."""

    messages: list[WireMessage]
    tools: list[dict[str, Any]] | None = None
    functions: list[dict[str, Any]] | None = None
    parallel_tool_calls: bool | None = None


def content_text(message: WireMessage) -> str:
    """The content as one string; parts follow one another without a separator, as chat templates join them."""
    content = message.content
    if isinstance(content, str):
        return content
    return "".join(part.text for part in content) if content else ""


def calls(message: WireMessage) -> list[WireFunction]:
    """The functions a message calls, by today's field or the older one."""
    today = [call.function for call in message.tool_calls or ()]
    return [*today, message.function_call] if message.function_call else today


def uses_older_names(conversation: WireConversation) -> bool:
    """Whether anything in it is read under another name than it was written."""
    return bool(conversation.functions) or any(
        message.role in ROLES_TODAY or message.function_call for message in conversation.messages
    )


def canonical(conversation: WireConversation) -> Conversation:
    """The canonical form of a conversation without faults."""
    tools = list(conversation.tools or ())
    tools += ({"type": "function", "function": function} for function in conversation.functions or ())
    return Conversation([_message(message) for message in conversation.messages], tools or None)


def _message(message: WireMessage) -> Message:
    role = ROLES_TODAY.get(message.role) or cast("CanonicalRole", message.role)
    return Message(
        role, content_text(message), message.name, message.weight, _tool_calls(message), message.tool_call_id
    )


def _tool_calls(message: WireMessage) -> list[ToolCall] | None:
    found = [
        ToolCall("function", _called(call.function), UNSET if call.id is None else call.id)
        for call in message.tool_calls or ()
    ]
    if message.function_call:
        found.append(ToolCall("function", _called(message.function_call)))
    return found or None


def _called(function: WireFunction) -> CalledFunction:
    arguments = function.arguments
    if not isinstance(arguments, str):
        arguments = msgspec.json.encode(arguments).decode()
    return CalledFunction(function.name, arguments)
