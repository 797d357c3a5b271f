"""What a row can be taken for, by the names and types of its columns."""

from typing import Any

import pytest

from webapp.datasets.formats import Layout, fits, format_of, is_preference, readings

TURNS = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
MESSAGES = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]

KNOWN: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("openai_messages", {"messages": MESSAGES, "id": 1}, {"messages": "messages"}),
    ("openai_messages", {"messages": MESSAGES, "tools": []}, {"messages": "messages", "tools": "tools"}),
    ("openai_messages", {"messages": MESSAGES, "prompt": "a", "completion": "b"}, {"messages": "messages"}),
    ("openai_messages", {"messages": "nonsense"}, {"messages": "messages"}),
    ("sharegpt", {"conversations": TURNS, "id": "x"}, {"conversations": "conversations"}),
    ("sharegpt", {"conversations": MESSAGES}, {"conversations": "conversations"}),
    ("sharegpt", {"conversation": TURNS}, {"conversation": "conversations"}),
    ("sharegpt", {"messages": TURNS}, {"messages": "conversations"}),
    (
        "sharegpt",
        {"conversations": TURNS, "system": "s", "tools": "[]"},
        {"conversations": "conversations", "system": "system", "tools": "tools"},
    ),
    ("alpaca", {"instruction": "a", "output": "b"}, {"instruction": "prompt", "output": "completion"}),
    (
        "alpaca",
        {"instruction": "a", "input": "", "output": "b", "text": "a b"},
        {"instruction": "prompt", "input": "input", "output": "completion"},
    ),
    (
        "alpaca",
        {"instruction": "a", "input": "i", "output": "b", "system": "s", "history": []},
        {"instruction": "prompt", "input": "input", "output": "completion", "system": "system", "history": "history"},
    ),
    (
        "alpaca",
        {"instruction": "a", "context": "c", "response": "b", "category": "open"},
        {"instruction": "prompt", "context": "input", "response": "completion"},
    ),
    ("prompt_completion", {"prompt": "a", "completion": "b"}, {"prompt": "prompt", "completion": "completion"}),
    ("prompt_completion", {"prompt": "a", "response": None}, {"prompt": "prompt", "response": "completion"}),
    ("prompt_completion", {"input": "a", "output": "b"}, {"input": "prompt", "output": "completion"}),
    ("question_answer", {"question": "a", "answer": "b"}, {"question": "prompt", "answer": "completion"}),
    ("question_answer", {" Question": "a", "ANSWER": "b"}, {" Question": "prompt", "ANSWER": "completion"}),
    ("question_answer", {"q": "a", "a": "b", "source": "c"}, {"q": "prompt", "a": "completion"}),
    (
        "question_answer",
        {"id": 1, "system_prompt": "s", "question": "a", "response": "b"},
        {"system_prompt": "system", "question": "prompt", "response": "completion"},
    ),
    ("text", {"text": "a"}, {"text": "text"}),
    ("text", {"text": "a", "url": "u", "meta": {}}, {"text": "text"}),
]


@pytest.mark.parametrize(("name", "row", "mapping"), KNOWN)
def test_a_known_row_has_one_reading(name: str, row: dict[str, Any], mapping: dict[str, str]) -> None:
    (reading,) = readings(row)
    assert (format_of(reading), reading) == (name, mapping)
    assert not is_preference(row)


@pytest.mark.parametrize(
    ("row", "count"),
    [
        ({"messages": MESSAGES, "conversations": TURNS}, 2),
        ({"prompt": "a", "completion": "b", "response": "c"}, 2),
        ({"question": "a", "prompt": "b", "answer": "c"}, 2),
        ({"instruction": "a", "input": "b", "context": "c", "output": "d"}, 3),
        ({"text": "a", "label": "b"}, 0),
        ({"text": "a", "summary": "b"}, 0),
        ({"text": 7}, 0),
        ({"prompt": "a", "completion": {"b": 1}}, 0),
        ({"prompt": "a"}, 0),
        ({"q": "a", "answer": "b"}, 0),
        ({"dialog": MESSAGES}, 0),
        ({"conversations": "a"}, 0),
        ({}, 0),
    ],
)
def test_any_other_row_has_several_or_none(row: dict[str, Any], count: int) -> None:
    assert len(readings(row)) == count


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": MESSAGES, "rejected": MESSAGES},
        {"prompt": "a", "chosen": "b", "rejected": "c"},
        {"prompt": "a", "completion": "b", "rejected_response": "c"},
        {"input": {}, "preferred_output": [], "non_preferred_output": []},
        {"prompt": "a", "completion": "b", "label": False},
    ],
)
def test_preference_data_is_known_as_such(row: dict[str, Any]) -> None:
    assert is_preference(row)


def test_a_label_in_words_is_no_verdict() -> None:
    assert not is_preference({"prompt": "a", "completion": "b", "label": "sports"})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"q": "a", "a": "b", "more": 1}, True),
        ({"q": None, "a": "b"}, True),
        ({"q": "a"}, False),
        ({"q": "a", "a": 5}, False),
    ],
)
def test_a_row_fits_when_it_has_what_the_layout_needs(row: dict[str, Any], expected: bool) -> None:
    layout = Layout("question_answer", {"q": "prompt", "a": "completion", "context": "input"})
    assert fits(row, layout) is expected
