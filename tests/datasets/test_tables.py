"""Tables in text to rows: a JSON object for each record."""

import csv
import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.datasets import analyze
from webapp.datasets.formats import BEYOND_HEADER
from webapp.datasets.reading import MAX_LINE_BYTES
from webapp.datasets.tables import csv_rows, delimiter_of
from webapp.errors import Problem

CHAT = json.dumps([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}])


def rows(text: str | bytes, delimiter: str = ",", json_columns: tuple[str, ...] = ()) -> list[Any]:
    data = text.encode() if isinstance(text, str) else text
    return [json.loads(line) for line in csv_rows(io.BytesIO(data), delimiter, json_columns)]


def problem_of(text: str) -> Problem:
    with pytest.raises(Problem) as caught:
        rows(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a,b\n", []),
        ("a,b\n1,2\n3,4", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        ("\ufeffa,b\r\n1,2\r\n", [{"a": "1", "b": "2"}]),
        ('a,b\n"one,\ntwo","say ""hi"""\n', [{"a": "one,\ntwo", "b": 'say "hi"'}]),
        ("\na,b\n\n1,2\n\n", [{"a": "1", "b": "2"}]),
        ("a,b\n1\n", [{"a": "1"}]),
        ("a,b\n1,2,3,4\n", [{"a": "1", "b": "2", BEYOND_HEADER: ["3", "4"]}]),
        (",a\n0,1\n", [{"": "0", "a": "1"}]),
        ("a,b\n,2\n", [{"a": "", "b": "2"}]),
    ],
)
def test_the_records_of_a_table(text: str, expected: list[Any]) -> None:
    assert rows(text) == expected


def test_a_cell_of_a_chat_column_is_its_json() -> None:
    cell = '"' + CHAT.replace('"', '""') + '"'
    assert rows(f"messages,note\n{cell},{cell}\n") == [{"messages": json.loads(CHAT), "note": CHAT}]
    assert rows(f"dialog\n{cell}\n", json_columns=("dialog",)) == [{"dialog": json.loads(CHAT)}]
    assert rows("messages\n[nonsense\n") == [{"messages": "[nonsense"}]


def test_bytes_that_are_no_utf_8_make_one_bad_row() -> None:
    found = analyze(io.BytesIO(b"question,answer\na,caf\xe9\nc,d\ne,f\n"), name="a.csv")
    assert found.total_examples == 2
    (item,) = found.invalid_lines.items
    assert (item.line, item.code) == (1, "not_utf8")


def test_a_record_of_another_length_is_named_by_its_row() -> None:
    found = analyze(io.BytesIO(b'question,answer\na,b\n"c\nd",e, f\ng\nh,i\n'), name="a.csv")
    assert found.source.unit == "row"
    assert [(item.line, item.code) for item in found.invalid_lines.items] == [(2, "row_length"), (3, "missing_column")]


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\n3," + "x" * (MAX_LINE_BYTES + 1), 'a,b\n1,2\n3,"' + "x\n" * MAX_LINE_BYTES],
    ids=["a line", "an open quotation"],
)
def test_a_record_without_an_end_is_one_problem(text: str) -> None:
    limit = csv.field_size_limit()
    problem = problem_of(text)
    assert (problem.code, problem.status) == ("broken_csv", 400)
    assert "Row 2 " in problem.message
    assert csv.field_size_limit() == limit


def test_rows_that_an_open_quotation_swallows_are_not_missing_in_silence() -> None:
    for rest in ("c,d\n" * 30, 'c,d\ne,"f"\n' * 30):
        problem = problem_of('question,answer\na,b\nq "bad,"un closed\n' + rest)
        assert problem.code == "broken_csv"
        assert "Row 2 " in problem.message


def test_long_texts_are_read() -> None:
    assert len(rows("a,b\n" + "x" * 1_000_000 + ",y\n")[0]["a"]) == 1_000_000


def test_a_name_that_is_there_twice_is_refused() -> None:
    assert problem_of("a,b,a\n1,2,3\n").code == "broken_csv"


@pytest.mark.parametrize(
    ("head", "named_so", "delimiter"),
    [
        ("a,b\n1,2\n", True, ","),
        ("a\tb\n1\t2\n", True, "\t"),
        ("a;b\n1,5;2,5\n", True, ";"),
        ("a|b\n1|2, 3\n", True, "|"),
        ("a;b\n1;2\n1;2;3\n", True, ";"),
        ("text\nOne, two\n", True, ","),
        ("", True, ","),
        ("question,answer\n", False, ","),
        ("instruction\tinput\toutput\na\tb\tc", False, "\t"),
        ("a,b\n1,2\n", False, None),
        ("not json\n", False, None),
        ("", False, None),
    ],
)
def test_the_delimiter_of_a_table(head: str, named_so: bool, delimiter: str | None) -> None:
    assert delimiter_of(head, named_so=named_so) == delimiter


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@given(st.lists(st.tuples(cells, cells), max_size=5), st.sampled_from(",;\t|"))
def test_whatever_csv_writes_is_read(records: list[tuple[str, str]], delimiter: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *records])
    assert rows(text.getvalue(), delimiter) == [{"a": one, "b": two} for one, two in records]


def test_a_large_table_is_read_in_constant_memory() -> None:
    data = b"question,answer\n" + b'"what, then?","x\ny"\n' * 200_000
    tracemalloc.start()
    count = sum(1 for _ in csv_rows(io.BytesIO(data), ","))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 200_000
    assert peak < len(data) + 2_000_000  # BytesIO shares the data
