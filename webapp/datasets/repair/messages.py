"""Operations on the messages of one row: roles, texts, turns. A row that needs nothing is given back as it is.

None of them makes a valid row invalid: a text of which nothing would be left stays as it was.
"""

import re
from collections.abc import Callable
from typing import Any, get_args

from webapp.datasets.markers import MARKER_OF
from webapp.datasets.repair.rows import BYTE_ORDER_MARK, Row
from webapp.datasets.wire import ROLES_TODAY, Role, TextPart

Message = dict[str, Any]

_ROLES = frozenset(get_args(Role))
_ROLE_OF = {
    name: role
    for role, names in {
        "system": "system sys instruction",
        "user": "user human usr customer client prompter person",
        "assistant": "assistant gpt chatgpt bot chatbot ai model llm",
        "tool": "tool observation tool_response function_response",
        "developer": "developer",
        "function": "function",
    }.items()
    for name in names.split()
}

# A marker that names the speaker goes together with the name; <s> is HTML as well, and counts at the ends only.
_SPEAKERS = "(?:system|user|assistant|model|tool)"
_HEADERS = re.compile(
    rf"<\|im_start\|>(?:{_SPEAKERS}\b[ \t]*\n?)?|<\|start_header_id\|>\w{{0,20}}<\|end_header_id\|>\s{{0,4}}"
    rf"|<\|{_SPEAKERS}\|>\n?|<start_of_turn>(?:{_SPEAKERS}\b[ \t]*\n?)?"
)
_AT_THE_ENDS = re.compile(r"^\s*(?:<s>|<bos>)\s*|\s*(?:</s>|<eos>)\s*$")
_JOINT = "\n\n"
_JOINED_KEYS = {"role", "content", "name", "weight"}
_JOINED_ROLES = ("system", "developer", "user", "assistant")


def text_of(message: Message) -> str | None:
    """The content as one string, as the canonical form has it; None when it is no text."""
    content = message.get("content")
    if isinstance(content, list) and all(_is_text(part) for part in content):
        return "".join(part["text"] for part in content)
    return content if isinstance(content, str) else None


def strip_markers(row: Row) -> Row:
    """Without chat templates' own markers and byte order marks in the contents."""
    return _each_text(row, _without_markers)


def trim(row: Row) -> Row:
    """Without white space at the ends of the contents."""
    return _each_text(row, str.strip)


def normalise_roles(row: Row) -> Row:
    """With the format's roles for their common other names, whatever their case; unknown ones stay."""

    def renamed(message: Message) -> Message:
        given = message.get("role")
        if not isinstance(given, str) or given in _ROLES:
            return message
        role = _ROLE_OF.get(given.strip().casefold())
        return {**message, "role": role} if role else message

    return _each_message(row, renamed)


def merge_turns(row: Row) -> Row:
    """With consecutive messages of one role as one; calls and answers of tools stay apart."""
    messages = row.get("messages")
    if not isinstance(messages, list):
        return row
    merged: list[Any] = []
    for message in messages:
        if merged and _joins(merged[-1], message):
            texts = [text for text in (text_of(merged[-1]), text_of(message)) if text]
            merged[-1] = {**merged[-1], "content": _JOINT.join(texts)}
        else:
            merged.append(message)
    return row if len(merged) == len(messages) else {**row, "messages": merged}


def _joins(first: Any, second: Any) -> bool:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return False
    role = _joined_role(first)
    if role is None or role != _joined_role(second) or not first.keys() | second.keys() <= _JOINED_KEYS:
        return False
    texts = text_of(first), text_of(second)
    return None not in texts and all(first.get(key) == second.get(key) for key in ("name", "weight"))


def _joined_role(message: Message) -> str | None:
    """The role by today's name, None for one whose messages stay apart."""
    role = message.get("role")
    return ROLES_TODAY.get(role, role) if role in _JOINED_ROLES else None


def _each_message(row: Row, change: Callable[[Message], Message]) -> Row:
    messages = row.get("messages")
    if not isinstance(messages, list):
        return row
    changed = [change(message) if isinstance(message, dict) else message for message in messages]
    same = all(new is old for new, old in zip(changed, messages, strict=True))
    return row if same else {**row, "messages": changed}


def _each_text(row: Row, change: Callable[[str], str]) -> Row:
    def rewritten(message: Message) -> Message:
        text = text_of(message)
        changed = change(text) if text else text
        return message if not changed or changed == text else {**message, "content": changed}

    return _each_message(row, rewritten)


def _without_markers(text: str) -> str:
    leaked = MARKER_OF["leaked_markers"].compiled
    while True:
        shorter = leaked.sub("", _AT_THE_ENDS.sub("", _HEADERS.sub("", text.replace(BYTE_ORDER_MARK, ""))))
        if shorter == text:
            return text
        # What was on both sides of a marker may be one itself.
        text = shorter


def _is_text(part: object) -> bool:
    return isinstance(part, dict) and part.keys() == {*TextPart.__struct_fields__} and isinstance(part["text"], str)
