"""The format of a file by its first rows: told with a confidence, or asked about."""

import io
import json
from typing import Any

import pytest

from webapp.datasets.detection import MAX_BYTES, MAX_ROWS, Detected, detect, first_rows
from webapp.datasets.formats import OPENAI_MESSAGES
from webapp.datasets.reading import MAX_LINE_BYTES
from webapp.errors import Problem

QA = {"question": "a", "answer": "b"}
SHAREGPT = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}


def told(*rows: Any, mapping: dict[str, str] | None = None) -> Detected:
    return detect([row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows], mapping)


def problem_of(*rows: Any, mapping: dict[str, str] | None = None) -> Problem:
    with pytest.raises(Problem) as caught:
        told(*rows, mapping=mapping)
    json.dumps(caught.value.body())
    assert caught.value.status == 400
    return caught.value


def test_the_confidence_is_the_share_of_the_rows_that_fit() -> None:
    found = told(*[QA] * 7, SHAREGPT, b"bad", {"other": 1})
    assert (found.layout.format, found.confidence, found.rows_looked_at) == ("question_answer", 0.7, 10)


def test_columns_that_only_some_rows_have_are_in_the_mapping() -> None:
    found = told(QA, {**QA, "system": "s"}, {**QA, "context": "c"}).layout.mapping
    assert found == {"question": "prompt", "answer": "completion", "system": "system", "context": "input"}


def test_rows_that_are_no_objects_have_no_say() -> None:
    assert told(b"bad", b"[1]", b"{", b"\xff", b"[" * 100_000, QA).layout.format == "question_answer"
    assert told(b"bad", b"[1]") == Detected(OPENAI_MESSAGES, 0.0, 2, [])
    assert told() == Detected(OPENAI_MESSAGES, 0.0, 0, [])


def test_unknown_columns_are_a_question_with_examples_and_the_line_to_use() -> None:
    problem = problem_of(*[{"frage": "Wie  spät?\n" * 20, "nr": 7, "antwort": "Acht."}] * 5)
    assert problem.code == "ambiguous_format"
    assert problem.message.startswith("Which columns hold the question and the answer?")
    assert [column["name"] for column in problem.details["columns"]] == ["frage", "nr", "antwort"]
    assert [column["example"][:9] for column in problem.details["columns"]] == ["Wie spät?", "7", "Acht."]
    assert max(len(column["example"]) for column in problem.details["columns"]) <= 60
    assert problem.details["readings"] == []
    assert problem.details["map"] == "--map frage=prompt --map antwort=completion"
    assert problem.details["map"] in problem.message


def test_the_first_columns_are_told_and_those_that_are_mapped() -> None:
    row = {f"c{number}": str(number) for number in range(70)}
    found = told(row, mapping={"c1": "prompt", "c66": "completion"}).columns
    assert [column["name"] for column in found] == [*(f"c{number}" for number in range(50)), "c66"]
    assert found[-1] == {"name": "c66", "example": "66"}


def test_a_value_as_deep_as_can_be_read_is_no_reason_to_fail() -> None:
    for depth in range(900, 1000):
        told(b'{"question": "q", "answer": "a", "deep": %s%s}' % (b"[" * depth, b"]" * depth))


def test_two_readings_that_fit_equally_are_a_question_with_both() -> None:
    problem = problem_of(*[{"prompt": "a", "completion": "b", "response": "c"}] * 3)
    assert problem.code == "ambiguous_format"
    assert [reading["map"] for reading in problem.details["readings"]] == [
        "--map prompt=prompt --map completion=completion",
        "--map prompt=prompt --map response=completion",
    ]
    assert all(reading["map"] in problem.message for reading in problem.details["readings"])


def test_two_columns_for_one_part_in_different_rows_are_a_question() -> None:
    assert problem_of({**QA, "context": "c"}, {**QA, "input": "i"}).code == "ambiguous_format"


def test_without_a_majority_the_formats_are_counted_in_a_question() -> None:
    problem = problem_of(*[QA] * 3, *[SHAREGPT] * 3)
    assert {(reading["format"], reading["rows"]) for reading in problem.details["readings"]} == {
        ("question_answer", 3),
        ("sharegpt", 3),
    }
    assert told(*[QA] * 4, *[SHAREGPT] * 3).layout.format == "question_answer"


def test_a_list_of_turns_under_another_name_is_proposed_as_such() -> None:
    assert problem_of({"dialog": SHAREGPT["conversations"]}).details["map"] == "--map dialog=conversations"
    assert problem_of({"dialog": [{"role": "user"}]}).details["map"] == "--map dialog=messages"


def test_names_are_quoted_for_the_shell() -> None:
    problem = problem_of({"the question": "a", "the answer": "b"})
    assert problem.details["map"] == "--map 'the question=prompt' --map 'the answer=completion'"


@pytest.mark.parametrize(
    ("row", "options"),
    [
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "--map prompt=prompt --map chosen=completion"),
        ({"chosen": [{"role": "user"}], "rejected": []}, "--map chosen=messages"),
        ({"chosen": "Human: a Assistant: b", "rejected": "c"}, "--map chosen=text"),
        ({"prompt": "a", "completion": "b", "label": True}, None),
    ],
)
def test_preference_data_is_refused_with_the_reason_and_a_way_out(row: dict[str, Any], options: str | None) -> None:
    problem = problem_of(*[row] * 3)
    assert problem.code == "preference_data"
    assert "one answer to each prompt" in problem.message
    assert problem.details["map"] == options
    if options:
        parts = dict(option.split("=") for option in options.split()[1::2])
        assert told(row, mapping=parts).confidence == 1.0


@pytest.mark.parametrize(
    ("mapping", "name"),
    [
        ({"x": "messages", "y": "tools"}, "openai_messages"),
        ({"x": "conversations", "y": "system"}, "sharegpt"),
        ({"x": "prompt", "y": "completion"}, "prompt_completion"),
        ({"x": "text"}, "text"),
    ],
)
def test_a_mapping_decides(mapping: dict[str, str], name: str) -> None:
    layout = told({"x": "a", "y": "b", **QA}, mapping=mapping).layout
    assert (layout.format, layout.mapping) == (name, mapping)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"x": "answer"}, "messages, conversations"),
        ({"x": "prompt"}, "prompt and completion"),
        ({"x": "prompt", "y": "prompt"}, "2 columns"),
        ({"x": "messages", "y": "completion"}, "prompt and completion"),
        ({"x": "system"}, "prompt and completion"),
    ],
)
def test_a_mapping_that_makes_no_format_is_refused(mapping: dict[str, str], said: str) -> None:
    problem = problem_of({"x": "a", "y": "b"}, mapping=mapping)
    assert (problem.code, problem.param) == ("invalid_mapping", "map")
    assert said in problem.message


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    problem = problem_of(QA, mapping={"qestion": "prompt", "answer": "completion"})
    assert (problem.code, problem.param) == ("unknown_column", "map")
    assert "Did you mean 'question'?" in problem.message
    assert [column["name"] for column in problem.details["columns"]] == ["question", "answer"]


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
def test_the_first_rows_are_looked_at_and_still_there(kind: type[io.BytesIO]) -> None:
    data = b"\n" + b"x\n" * 1000
    rows, stream = first_rows(kind(data))
    assert rows == [b"x"] * MAX_ROWS
    assert stream.read() == data


@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
def test_no_more_than_4_mib_are_looked_at(kind: type[io.BytesIO]) -> None:
    data = (b"x" * 999_999 + b"\n") * 20
    rows, stream = first_rows(kind(data))
    assert len(rows) == MAX_BYTES // 1_000_000 + 1
    assert len(stream.read()) == len(data)


def test_a_line_over_the_cap_is_passed_over() -> None:
    rows, _ = first_rows(io.BytesIO(b"y\n" + b"x" * (MAX_LINE_BYTES + 1) + b"\nz\n"))
    assert rows == [b"y"]
