"""The whole pass over a file."""

import io
import json
import os
import re
import threading
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from webapp.datasets import Analysis, TokenBatch, analyze, reading, sample_path
from webapp.datasets.parsing import explain, parse
from webapp.errors import Problem

GOOD = b'{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]}'


def report(data: bytes) -> Analysis:
    return analyze(io.BytesIO(data))


@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n \t\n\n"])
def test_a_file_with_nothing_on_it_is_empty(data: bytes) -> None:
    with pytest.raises(Problem) as caught:
        report(data)
    assert (caught.value.code, caught.value.status) == ("empty_file", 400)


def test_without_a_valid_example_the_first_bad_lines_are_named() -> None:
    with pytest.raises(Problem) as caught:
        report(b"\n" + b"bad\n" * 500)
    assert caught.value.code == "no_valid_examples"
    assert "None of the 500 lines" in caught.value.message
    assert "Line 2:" in caught.value.message
    invalid = caught.value.details["invalid_lines"]
    assert invalid["count"] == 500
    assert [(item["line"], item["code"]) for item in invalid["items"]] == [(n, "invalid_json") for n in range(2, 12)]
    json.dumps(caught.value.body())


def test_without_a_valid_example_it_is_told_as_what_the_columns_were_read() -> None:
    with pytest.raises(Problem) as caught:
        analyze(io.BytesIO(b'{"talk": "Hi", "note": 7}\n' * 3), mapping={"talk": "messages"})
    assert caught.value.code == "no_valid_examples"
    assert caught.value.details["mapping"] == {"talk": "messages"}
    columns = [{"name": "talk", "example": "Hi"}, {"name": "note", "example": "7"}]
    assert caught.value.details["columns"] == columns


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + GOOD + b"\n" + GOOD + b"\n",
        GOOD + b"\r\n" + GOOD + b"\r\n",
        b"\n\n" + GOOD + b"\n  \n\t\n" + GOOD,
    ],
    ids=["byte order mark", "CRLF", "blank lines, no newline at the end"],
)
def test_harmless_differences_are_simply_read(data: bytes) -> None:
    found, plain = report(data), report(GOOD + b"\n" + GOOD + b"\n")
    assert found.sha256 == plain.sha256
    assert (found.total_examples, found.format_valid) == (2, True)


def test_at_most_100_faults_are_kept_but_all_lines_counted() -> None:
    found = report(b'{"messages": [{}, {}]}\n' * 1000 + GOOD).invalid_lines
    assert (found.count, len(found.items)) == (1000, 100)
    assert found.items[-1].line < 100


def test_a_path_a_stream_and_a_pipe_give_the_same_report(tmp_path: Path) -> None:
    data = b"".join(GOOD.replace(b"Hi", str(number).encode()) + b"\n" for number in range(200))
    path = tmp_path / "data.jsonl"
    path.write_bytes(data)
    read_end, write_end = os.pipe()

    def write() -> None:
        with os.fdopen(write_end, "wb") as stream:
            stream.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(read_end, "rb") as pipe:
        piped = analyze(pipe)
    writer.join()
    assert analyze(path) == report(data) == piped


def test_progress_rises_to_one(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes((GOOD.replace(b"Hi", b"x" * 100_000) + b"\n") * 50)
    shares: list[float] = []
    analyze(path, progress=shares.append)
    assert len(shares) >= 4
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.5
    assert shares[-1] == 1.0


def test_progress_is_reported_through_bad_lines_too(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(GOOD + b"\n" + (b"x" * 100_000 + b"\n") * 50)
    shares: list[float] = []
    analyze(path, progress=shares.append)
    assert len(shares) >= 4


def test_texts_are_counted_once_each_across_batches() -> None:
    calls: list[int] = []

    class Words:
        name = "words"
        owner = None
        reference = None

        def encode(self, texts: Sequence[str]) -> TokenBatch:
            calls.append(len(texts))
            return TokenBatch.of([[len(word) for word in text.split()] for text in texts])

    lines = [GOOD.replace(b"Hi", f"{number} {'word ' * number}".encode()) for number in range(2000)]
    found = analyze(io.BytesIO(b"\n".join(lines)), tokenizer=Words())
    assert len(calls) > 3
    assert sum(calls) == 4000
    assert (found.tokens.tokenizer, found.tokens.spot_check) == ("words", None)
    assert found.total_tokens == sum(number + 2 for number in range(2000))
    assert found.avg_tokens_per_example == round(found.total_tokens / 2000, 2)


def test_a_million_spaces_are_an_example_like_any_other() -> None:
    found = report(GOOD.replace(b"Hi", b" " * 1_000_000) + b"\n" + GOOD)
    assert (found.total_examples, found.duplicates.count) == (2, 0)
    assert found.tokens.per_example.max > 1000


def test_a_line_that_reaches_over_several_blocks_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    data = GOOD + b"\n" + GOOD.replace(b"Hi", b"word " * 1000) + b"\r\n" + GOOD.replace(b"Hi", b"Ho")
    whole = report(data)
    monkeypatch.setattr(reading, "BLOCK_BYTES", 100)
    assert report(data) == whole
    assert whole.total_examples == 3


def test_endless_small_bad_lines_take_a_bounded_memory() -> None:
    class Endless(io.RawIOBase):
        left = 500_000

        def read(self, size: int = -1, /) -> bytes:
            count = min(size // 3, self.left)
            self.left -= count
            return b"{}\n" * count

    report(GOOD)  # loads what is loaded once a process
    tracemalloc.start()
    try:
        with pytest.raises(Problem) as caught:
            analyze(Endless())  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.details["invalid_lines"]["count"] == 500_000
    assert peak < 80 * 1024 * 1024


texts = st.text(st.characters(), max_size=8)  # unlike st.text(), with halves of surrogate pairs
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
roles = st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "human"])
keys = st.sampled_from(["content", "name", "weight", "tool_calls", "function_call", "tool_call_id", "other"])
messages = st.builds(
    lambda role, content, more: {"role": role, "content": content, **more},
    roles,
    texts | json_values,
    st.dictionaries(keys, json_values, max_size=1),
)
near_examples = st.builds(
    lambda found, more: json.dumps({"messages": found, **more}).encode(),
    st.lists(messages, max_size=4),
    st.dictionaries(st.sampled_from(["tools", "functions", "parallel_tool_calls", "id"]), json_values, max_size=1),
)
json_lines = json_values.map(lambda value: json.dumps(value).encode())
lines = st.binary(max_size=30) | json_lines | near_examples | st.just(GOOD)


def check_any(data: bytes) -> None:
    try:
        found = report(data)
    except Problem as problem:
        if problem.code not in {
            "empty_file",
            "unsupported_encoding",
            "unsupported_file",
            "no_valid_examples",
            "broken_json",
            "broken_archive",
            "broken_parquet",
        }:
            raise
        json.dumps(problem.body())
        return
    content = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    blank = sum(not line or line.isspace() for line in content)
    assert found.total_examples + found.invalid_lines.count + blank == len(content)
    assert Analysis.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert 0 <= found.quality_score <= 1


def resolved(value: Any, path: str) -> Any:
    """The value at a JSON path."""
    for name, quoted, index in re.findall(r'\.(\w+)|\[(".*?(?<!\\)(?:\\\\)*")\]|\[(\d+)\]', path):
        value = value[int(index) if index else json.loads(quoted) if quoted else name]
    return value


@settings(max_examples=300)
@given(lines)
def test_columns_point_into_the_line_and_paths_to_values(line: bytes) -> None:
    found = explain(line)
    assert bool(found) == (parse(line) is None)
    for item in found:
        if item.column is not None:
            # One past the end is where a line that ends too early was to go on.
            assert 1 <= item.column <= len(line.decode(errors="replace")) + (item.code == "invalid_json")
        if item.path is not None:
            assert item.column is not None
            resolved(json.loads(line), item.path)


@given(st.binary())
@example(b"PAR1")
@example(b"%PDF-")
@example(b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD)
def test_arbitrary_bytes_give_a_report_or_a_problem(data: bytes) -> None:
    check_any(data)


@settings(max_examples=300)
@given(st.lists(lines, max_size=6).map(b"\n".join))
def test_lines_are_valid_invalid_or_blank(data: bytes) -> None:
    check_any((GOOD + b"\n") * 8 + data)


def test_the_bundled_sample_is_good_data() -> None:
    found = analyze(sample_path())
    assert found.total_examples >= 240
    assert found.format_valid
    assert found.duplicates.exact == 0
    assert found.duplicates.near <= 3
    assert found.tokens.spot_check
    assert (found.tokens.spot_check.checked, found.tokens.spot_check.differing) == (500, 0)
    assert found.quality_score > 0.95
    assert {issue.severity for issue in found.quality_issues} <= {"info"}
    assert found.distribution.has_system_prompts
    assert 0 < found.characteristics.tool_call_share < 0.1
