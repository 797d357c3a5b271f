"""A conversation in its canonical form: what is counted, embedded in the notebook and trained on."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

CanonicalRole = Literal["system", "user", "assistant", "tool"]


class CalledFunction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The function an answer calls; `arguments` is JSON text, as in OpenAI's API."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One call of a function by the assistant."""

    type: Literal["function"]
    function: CalledFunction
    id: str | msgspec.UnsetType = msgspec.UNSET


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One turn. `content` is always text, empty only beside tool calls; `weight` 0 keeps an answer from training."""

    role: CanonicalRole
    content: str
    name: str | None = None
    weight: int | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None


class Conversation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One training example: at least one message of the assistant that is trained on."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None = None


_encoder = msgspec.json.Encoder()


def encode(conversation: Conversation) -> bytes:
    """The canonical line: compact UTF-8 JSON, keys in a fixed order, ended by a newline."""
    return _encoder.encode(conversation) + b"\n"


def encode_all(conversations: Sequence[Conversation]) -> bytes:
    """The canonical lines, one after another; a line ends where there is a newline, and nowhere else."""
    return _encoder.encode_lines(conversations)
