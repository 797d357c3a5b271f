"""One JSON document to rows, whatever its rows hold."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.datasets.json_documents import json_rows
from webapp.datasets.reading import MAX_LINE_BYTES
from webapp.datasets.streams import stream_of
from webapp.errors import Problem

ROW = b'{"messages": [{"role": "user", "content": "a, \\"b\\" ]} \\\\"}]}'


def rows(document: bytes, size: int = 1 << 20) -> list[bytes]:
    """The rows of a document that arrives `size` bytes at a time."""

    pieces = iter(partial(io.BytesIO(document).read, size), b"")
    arriving = SimpleNamespace(read=lambda _: next(pieces, b""))
    return [line.removesuffix(b"\n") for line in json_rows(cast("BinaryIO", arriving))]


def problem_of(document: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        rows(document)
    return caught.value


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"[]", []),
        (b" [ ] \n", []),
        (b"[" + ROW + b"]", [ROW]),
        (b"\xef\xbb\xbf[\n  " + ROW + b" ,\n\t" + ROW + b"\n]\n", [ROW, ROW]),
        (b'[1, "two", null, [3, {"a": [4]}]]', [b"1", b'"two"', b"null", b'[3, {"a": [4]}]']),
        (b'[{"a":\n1}]', [b'{"a":\r1}']),
        (b'{"data": [' + ROW + b", " + ROW + b'], "version": {"a": [1]}}', [ROW, ROW]),
        (b'{"version": "1", "data": [' + ROW + b"]}", [ROW]),
        (b'{"messages": [{"role": "user"}], "id": 7}', [b'{"messages": [{"role": "user"}], "id": 7}']),
        (b'{"a": 1,\n "tools": [{}], "history": [["a", "b"]]}', [b'{"a": 1, "tools": [{}], "history": [["a", "b"]]}']),
        (
            b'{"conversations": [[{"from": "gpt"}], []]}',
            [b'{"conversations": [{"from": "gpt"}]}', b'{"conversations": []}'],
        ),
        (b"{}", [b"{}"]),
    ],
)
def test_the_rows_of_a_document(document: bytes, expected: list[bytes], size: int) -> None:
    assert rows(document, size) == expected


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        (b'{"a": [1}}', b'{"a": [1}}'),
        (b'{"a": 01}', b'{"a": 01}'),
        (b"{'a': 1}", b"{'a': 1}"),
        (b'{"a": "line\nbreak"}', b'{"a": "line\rbreak"}'),
        (b'{"a": "\xff"}', b'{"a": "\xff"}'),
        (b"nonsense", b"nonsense"),
    ],
)
def test_a_faulty_row_stands_for_itself_and_the_others_are_found(row: bytes, kept: bytes) -> None:
    assert rows(b"[" + ROW + b"," + row + b"," + ROW + b"]") == [ROW, kept, ROW]
    with pytest.raises(ValueError):  # noqa: PT011
        json.loads(kept)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"[" + ROW, "cut off"),
        (b"[" + ROW + b",", "a row is missing"),
        (b'[{"a": "', "cut off"),
        (b"[" + ROW + b",]", "a row is missing"),
        (b"[" + ROW + b",," + ROW + b"]", "a row is missing"),
        (b"[" + ROW + b"} ", "']' is missing"),
        (b'[{"a": 1]}, ' + ROW + b"]", "']' is missing"),
        (b"[" + ROW + b"]]", "something follows"),
        (b"[" + ROW + b'] {"a": 1}', "something follows"),
        (b'{"a": 1', "cut off"),
        (b'{"a" 1}', "':' is missing"),
        (b"{1}", "':' is missing"),
        (b"", "cut off"),
    ],
)
def test_a_damaged_document_is_one_problem_with_its_place(document: bytes, said: str) -> None:
    problem = problem_of(document)
    assert (problem.code, problem.status) == ("broken_json", 400)
    assert said in problem.message
    assert "at byte " in problem.message


def test_two_lists_of_rows_are_a_question() -> None:
    problem = problem_of(b'{"train": [' + ROW + b'], "test": [' + ROW + b"]}")
    assert problem.code == "several_row_lists"
    assert problem.details == {"lists": ["train", "test"]}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(values, max_size=5), st.integers(1, 9), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_any_list_comes_apart_into_its_elements(found: list[Any], size: int, indent: Any, ascii_only: bool) -> None:
    document = json.dumps(found, indent=indent, ensure_ascii=ascii_only).encode("utf-8")
    assert [json.loads(row) for row in rows(document, size)] == found


def test_an_endless_row_is_cut_and_the_next_is_found() -> None:
    first, second = rows(b'[{"a": "' + b"x" * (3 * MAX_LINE_BYTES) + b'"}, ' + ROW + b"]")
    assert MAX_LINE_BYTES < len(first) < 2 * MAX_LINE_BYTES
    assert second == ROW


def test_a_large_document_is_read_in_constant_memory_and_linear_time() -> None:
    row = json.dumps({"messages": [{"role": "user", "content": "word " * 200}] * 4}).encode() + b",\n"

    def document() -> Iterator[bytes]:
        yield b"["
        for _ in range(10_000):
            yield row
        yield ROW + b"]"

    tracemalloc.start()
    count = sum(1 for _ in json_rows(stream_of(document())))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 10_001
    assert peak < 4_000_000
