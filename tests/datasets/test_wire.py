"""From the chat format as people write it to the canonical form."""

from typing import Any

import msgspec

from webapp.datasets.records import encode
from webapp.datasets.wire import WireConversation, canonical, uses_older_names

ANSWER = {"role": "assistant", "content": "Yes."}


def read(*messages: dict[str, Any], **more: Any) -> WireConversation:
    return msgspec.convert({"messages": messages, **more}, WireConversation)


def form(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    result: dict[str, Any] = msgspec.json.decode(encode(canonical(read(*messages, **more))))
    return result


def test_an_ordinary_conversation_stays_as_it_is() -> None:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Ok?", "name": "Ann"}, ANSWER]
    assert form(*messages) == {"messages": messages}


def test_content_parts_become_one_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert form({"role": "user", "content": parts}, ANSWER)["messages"][0]["content"] == "ab"


def test_null_and_absent_content_beside_a_call_become_empty_text() -> None:
    call = {"type": "function", "id": "c1", "function": {"name": "f", "arguments": "{}"}}
    for message in ({"content": None}, {}):
        assert form({"role": "assistant", "tool_calls": [call], **message})["messages"] == [
            {"role": "assistant", "content": "", "tool_calls": [call]}
        ]


def test_arguments_become_text_and_a_call_without_an_id_keeps_none() -> None:
    calls = [{"function": {"name": "f", "arguments": {"a": [1, None]}}}, {"id": None, "function": {"name": "g"}}]
    assert form({"role": "assistant", "tool_calls": calls})["messages"][0]["tool_calls"] == [
        {"type": "function", "function": {"name": "f", "arguments": '{"a":[1,null]}'}},
        {"type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


def test_an_empty_list_of_calls_or_tools_is_left_out() -> None:
    assert form({**ANSWER, "tool_calls": []}, tools=[], functions=[]) == {"messages": [ANSWER]}


def test_older_names_are_read_as_todays() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "developer", "content": "Be kind."},
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "5"},
    ]
    assert uses_older_names(read(*messages))
    assert form(*messages, functions=[{"name": "f"}]) == {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "content": "5", "name": "f"},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }


def test_todays_names_are_not_older_names() -> None:
    assert not uses_older_names(read(ANSWER, tools=[{"function": {"name": "f"}}], functions=[]))
