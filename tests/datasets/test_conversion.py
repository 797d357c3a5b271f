"""Rows of every format to conversations, and their faults back to where they are in the row."""

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.datasets.conversion import convert, form_of
from webapp.datasets.detection import detect
from webapp.datasets.faults import Fault
from webapp.datasets.formats import BEYOND_HEADER, OPENAI_MESSAGES, Layout
from webapp.datasets.parsing import explain, parse
from webapp.datasets.records import encode

SHAREGPT = Layout("sharegpt", {"conversations": "conversations", "system": "system", "tools": "tools"})
ALPACA = Layout(
    "alpaca",
    {"instruction": "prompt", "input": "input", "output": "completion", "system": "system", "history": "history"},
)
QA = Layout("question_answer", {"question": "prompt", "answer": "completion"})
TEXT = Layout("text", {"text": "text"})


def line(row: Any) -> bytes:
    return json.dumps(row).encode()


def conversation(layout: Layout, row: Any) -> dict[str, Any]:
    parsed = parse(line(row), form_of(layout))
    assert parsed, explain(line(row), form_of(layout))
    assert explain(line(row), form_of(layout)) == []
    found: dict[str, Any] = json.loads(encode(parsed.conversation))
    return found


def faults(layout: Layout, row: Any) -> list[Fault]:
    data = row if isinstance(row, bytes) else line(row)
    assert parse(data, form_of(layout)) is None
    return explain(data, form_of(layout))


def said(role: str, content: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def turn(speaker: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"from": speaker, "value": value, **more}


CALL = {"name": "weather", "arguments": {"place": "Ulm"}}
FUNCTION = {"name": "weather", "parameters": {}}
CONVERSATIONS = {
    "question and answer": (QA, {"question": "a", "answer": "b"}, [said("user", "a"), said("assistant", "b")]),
    "text is one answer": (TEXT, {"text": "Once."}, [said("assistant", "Once.")]),
    "an input follows its instruction on a new line": (
        ALPACA,
        {"instruction": "Sum up.", "input": "Long.", "output": "Short."},
        [said("user", "Sum up.\nLong."), said("assistant", "Short.")],
    ),
    "an empty input is none": (
        ALPACA,
        {"instruction": "a", "input": "", "output": "b", "history": None, "system": ""},
        [said("user", "a"), said("assistant", "b")],
    ),
    "an input alone": (
        ALPACA,
        {"instruction": "", "input": "a", "output": "b"},
        [said("user", "a"), said("assistant", "b")],
    ),
    "a system prompt and history": (
        ALPACA,
        {"instruction": "c", "output": "d", "system": "s", "history": [["a", "b"]]},
        [said("system", "s"), said("user", "a"), said("assistant", "b"), said("user", "c"), said("assistant", "d")],
    ),
    "turns of many names": (
        SHAREGPT,
        {
            "conversations": [
                turn("System", "s"),
                turn("human", "a"),
                turn("chatgpt", "b"),
                turn("USER ", "c"),
                turn("bot", "d"),
            ]
        },
        [said("system", "s"), said("user", "a"), said("assistant", "b"), said("user", "c"), said("assistant", "d")],
    ),
    "turns with role and content": (
        SHAREGPT,
        {"conversations": [said("human", "a"), said("assistant", "b", weight=0), said("user", "c"), said("gpt", "d")]},
        [said("user", "a"), said("assistant", "b", weight=0), said("user", "c"), said("assistant", "d")],
    ),
    "a system prompt beside turns": (
        SHAREGPT,
        {"conversations": [turn("human", "a"), turn("gpt", "b", weight=1)], "system": "s"},
        [said("system", "s"), said("user", "a"), said("assistant", "b", weight=1)],
    ),
    "messages under another name": (
        Layout("openai_messages", {"dialog": "messages"}),
        {"dialog": [said("user", "a"), said("assistant", "b")], "id": 1},
        [said("user", "a"), said("assistant", "b")],
    ),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_row_becomes_a_conversation(name: str) -> None:
    layout, row, messages = CONVERSATIONS[name]
    assert conversation(layout, row) == {"messages": messages}


@pytest.mark.parametrize("calls", [json.dumps(CALL), json.dumps([CALL]), CALL], ids=["text", "list in text", "object"])
@pytest.mark.parametrize("tools", [json.dumps([FUNCTION]), [FUNCTION], [{"type": "function", "function": FUNCTION}]])
def test_calls_and_tools_of_sharegpt(tools: Any, calls: Any) -> None:
    turns = [turn("human", "a"), turn("function_call", calls), turn("observation", "sun"), turn("gpt", "b")]
    found = conversation(SHAREGPT, {"conversations": turns, "tools": tools})
    called = {"type": "function", "function": {"name": "weather", "arguments": '{"place":"Ulm"}'}}
    assert found["messages"][1] == said("assistant", "", tool_calls=[called])
    assert found["messages"][2] == said("tool", "sun")
    assert found["tools"] == [{"type": "function", "function": FUNCTION}]


def test_other_columns_and_other_keys_of_turns_are_noticed() -> None:
    row = {"conversations": [turn("human", "a", markdown=None), turn("gpt", "b")], "id": 1, "source": "x"}
    parsed = parse(line(row), form_of(SHAREGPT))
    assert parsed
    assert parsed.unknown_keys == ("id", "markdown (of a turn)", "source")


FAULTS: dict[str, tuple[Layout, Any, str, str | None, str]] = {
    "a missing answer": (QA, {"question": "a", "answer": ""}, "missing_content", "$.answer", '""'),
    "an answer that is null": (QA, {"answer": None, "question": "a"}, "missing_content", "$.answer", "null"),
    "an answer that is a number": (QA, {"question": "a", "answer": 7}, "missing_content", "$.answer", "7"),
    "no answer": (QA, {"question": "a"}, "missing_column", "$", "{"),
    "an unknown speaker": (
        SHAREGPT,
        {"id": 1, "conversations": [turn("human", "a"), turn("alien", "b"), turn("gpt", "c")]},
        "unrecognized_role",
        "$.conversations[1].from",
        '"alien"',
    ),
    "an empty turn after a system prompt": (
        SHAREGPT,
        {"system": "s", "conversations": [turn("human", "a"), turn("gpt", "")]},
        "missing_content",
        "$.conversations[1].value",
        '""}',
    ),
    "a turn that is text": (
        SHAREGPT,
        {"conversations": ["hello", turn("gpt", "b")]},
        "data_type",
        "$.conversations[0]",
        '"hello"',
    ),
    "a turn without a value": (
        SHAREGPT,
        {"conversations": [turn("human", "a"), {"from": "gpt"}]},
        "message_missing_key",
        "$.conversations[1]",
        '{"from": "gpt"}',
    ),
    "no turns": (SHAREGPT, {"conversations": []}, "empty_messages", "$.conversations", "[]"),
    "turns that are null": (SHAREGPT, {"conversations": None}, "missing_messages_list", "$.conversations", "null"),
    "no answer among turns": (
        SHAREGPT,
        {"conversations": [turn("human", "a")]},
        "example_missing_assistant_message",
        "$.conversations",
        "[{",
    ),
    "a call that is no JSON": (
        SHAREGPT,
        {"conversations": [turn("human", "a"), turn("function_call", "weather!")]},
        "invalid_tool_calls",
        "$.conversations[1].value",
        '"weather!"',
    ),
    "a result without a call": (
        SHAREGPT,
        {"conversations": [turn("human", "a"), turn("tool", "b"), turn("gpt", "c")]},
        "unexpected_tool_message",
        "$.conversations[1].from",
        '"tool"',
    ),
    "tools that are no JSON": (
        SHAREGPT,
        {"conversations": [turn("human", "a"), turn("gpt", "b")], "tools": "none"},
        "invalid_tools",
        "$.tools",
        '"none"',
    ),
    "a system prompt that is a list": (
        SHAREGPT,
        {"conversations": [turn("human", "a"), turn("gpt", "b")], "system": ["s"]},
        "data_type",
        "$.system",
        '["s"]',
    ),
    "a history of one": (
        ALPACA,
        {"instruction": "a", "output": "b", "history": [["a", "b"], ["c"]]},
        "data_type",
        "$.history[1]",
        '["c"]',
    ),
    "an empty answer in the history": (
        ALPACA,
        {"history": [["a", ""]], "instruction": "a", "output": "b"},
        "missing_content",
        "$.history[0][1]",
        '""]',
    ),
    "an input that is a number": (
        ALPACA,
        {"instruction": "a", "input": 5, "output": "b"},
        "data_type",
        "$.input",
        "5",
    ),
    "cells beyond the header": (
        QA,
        {"question": "a", "answer": "b", BEYOND_HEADER: ["c"]},
        "row_length",
        f'$["{BEYOND_HEADER}"]',
        '["c"]',
    ),
    "no object": (QA, ["a"], "data_type", "$", "["),
    "a repeated name": (
        QA,
        b'{"question": "a", "answer": "b", "answer": "c"}',
        "duplicate_key",
        "$.answer",
        '"answer": "c"',
    ),
    "U+0000": (QA, {"question": "a\0", "answer": "b"}, "nul_character", "$.question", "\\u0000"),
    "half a character": (QA, {"question": "\ud83d", "answer": "b"}, "lone_surrogate", "$.question", "\\ud83d"),
    "no JSON": (QA, b'{"question": "a", "answer"}', "invalid_json", None, "}"),
    "another format": (QA, {"conversations": [turn("human", "a")]}, "other_format", "$", "{"),
    "another format among messages": (OPENAI_MESSAGES, {"question": "a", "answer": "b"}, "other_format", "$", "{"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_placed_in_the_row_as_it_was_written(name: str) -> None:
    layout, row, code, path, here = FAULTS[name]
    (found,) = faults(layout, row)
    assert (found.code, found.path) == (code, path)
    text = (row if isinstance(row, bytes) else line(row)).decode()
    assert found.column is not None
    assert text[found.column - 1 :].startswith(here)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"messages": []}, "openai_messages"),
        ({"instruction": "a", "output": "b"}, "alpaca"),
        ({"chosen": "a", "rejected": "b"}, "preference data"),
    ],
)
def test_a_row_of_another_format_is_named_by_it(row: Any, name: str) -> None:
    (found,) = faults(QA, row)
    assert found.code == "other_format"
    assert f"looks like {name}" in found.message
    assert "question_answer" in found.message


def test_a_row_of_no_format_among_messages_lacks_its_messages() -> None:
    (found,) = faults(OPENAI_MESSAGES, {"other": 1})
    assert found.code == "missing_messages_list"


def test_openai_messages_are_read_as_ever() -> None:
    assert form_of(OPENAI_MESSAGES).decode is form_of(Layout("openai_messages", {"messages": "messages"})).decode
    row = {"messages": [said("user", "a"), said("assistant", "b")]}
    assert parse(line(row), form_of(OPENAI_MESSAGES)) == parse(line(row))


@pytest.mark.parametrize("layout", [OPENAI_MESSAGES, SHAREGPT, QA])
def test_a_form_can_be_sent_to_another_process(layout: Layout) -> None:
    form = pickle.loads(pickle.dumps(form_of(layout)))  # noqa: S301
    assert explain(b"{}", form) == explain(b"{}", form_of(layout))


words = st.text(min_size=1, max_size=8).filter(lambda text: "\x00" not in text)
systems = st.none() | words
pairs = st.lists(st.tuples(words, words), min_size=1, max_size=3)


def messages_of(system: str | None, turns: list[tuple[str, str]]) -> list[dict[str, Any]]:
    found = [said("system", system)] if system else []
    for question, answer in turns:
        found += [said("user", question), said("assistant", answer)]
    return found


@given(systems, pairs)
def test_a_conversation_survives_the_way_through_sharegpt_and_alpaca(system: Any, turns: Any) -> None:
    expected = {"messages": messages_of(system, turns)}
    spoken = [turn("human" if number == 0 else "gpt", text) for pair in turns for number, text in enumerate(pair)]
    rows = [
        {"conversations": [turn("system", system), *spoken] if system else spoken},
        {"conversations": spoken, "system": system},
        {"conversations": expected["messages"]},
        {"instruction": turns[-1][0], "output": turns[-1][1], "history": turns[:-1], "system": system},
    ]
    for row in rows:
        layout = detect([line(row)]).layout
        assert conversation(layout, row) == expected


@given(systems, words, words)
def test_a_pair_survives_under_every_name(system: Any, question: str, answer: str) -> None:
    expected = {"messages": messages_of(system, [(question, answer)])}
    for prompt, completion in (("prompt", "completion"), ("question", "answer"), ("q", "a"), ("instruction", "output")):
        row = {prompt: question, completion: answer, "system": system}
        assert conversation(detect([line(row)]).layout, row) == expected


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["from", "value", "role", "content", "name", "function"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    st.sampled_from([SHAREGPT, ALPACA, QA, TEXT, Layout("openai_messages", {"instruction": "messages"})]),
    st.dictionaries(
        st.sampled_from(["conversations", "system", "tools", "instruction", "input", "output", "history", "question"]),
        values,
        max_size=4,
    ),
)
def test_any_row_is_an_example_or_has_a_fault_with_a_place(layout: Layout, row: dict[str, Any]) -> None:
    found = explain(line(row), form_of(layout))
    assert bool(found) == (parse(line(row), form_of(layout)) is None)
    assert all(fault.steps is not None and fault.column for fault in found)
    convert(layout, row)
