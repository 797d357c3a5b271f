"""Files made to exhaust the analysis: each ends with a report or one Problem, in bounded memory and work.

Work is bounded by counting what costs, memory by what Python allocates; neither depends on how fast the machine is.
"""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from tests.datasets.lines import ANSWER, GOOD, USER, answer_with, called, line, user_with
from tests.fuzz.harness import Words
from webapp.datasets import MAX_LINE_BYTES, Analysis, analyze, rows
from webapp.errors import Problem

MIB = 1024 * 1024
BRACKETS = 5000


def outcome(data: bytes, **options: Any) -> tuple[int, list[str]]:
    """How many lines are valid, and the codes of the faults."""
    try:
        report = analyze(BytesIO(data), tokenizer=Words(), **options)
    except Problem as problem:
        return 0, [item["code"] for item in problem.details["invalid_lines"]["items"]] or [problem.code]
    return report.total_examples, [item.code for item in report.invalid_lines.items]


def problem_of(data: bytes, **options: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        analyze(BytesIO(data), tokenizer=Words(), **options)
    return caught.value


def peak_of(work: Callable[[], object]) -> int:
    """The most memory allocated by Python while `work` is done, in bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_million_spaces_are_a_blank_line_or_a_text_like_any_other() -> None:
    spaces = " " * 1_000_000
    assert outcome(spaces.encode() + b"\n" + GOOD) == (1, [])
    # With o200k_base: its reference, tiktoken, fails on such a run.
    report = analyze(BytesIO(answer_with(content=f"a{spaces}b") + b"\n" + user_with(content=spaces)))
    assert report.total_examples == 2
    assert report.tokens.per_example.max > 1000


LONG = {
    "jsonl": (GOOD + b"\n" + user_with(content="@") + b"\n" + GOOD, None),
    "json": (b"[" + GOOD + b"," + user_with(content="@") + b"," + GOOD + b"]", None),
    "jsonl.gz": (GOOD + b"\n" + user_with(content="@") + b"\n" + GOOD, gzip.compress),
}


@pytest.mark.parametrize("container", LONG)
def test_a_line_of_50_mb_is_one_fault_and_never_in_memory(container: str) -> None:
    template, pack = LONG[container]
    # In a row, so that the archive is in proportion to what it unpacks to.
    filling = b"".join(b"%08x" % (n * 2654435761 % 2**32) for n in range(6_250_000 if pack is None else 2_500_000))
    data = template.replace(b"@", filling)
    data = pack(data) if pack else data
    peak = peak_of(lambda: outcome(data))
    assert outcome(data) == (2, ["line_too_long"])
    assert peak < 48 * MIB


def test_a_cell_of_50_mb_ends_the_reading_of_a_table() -> None:
    data = b'question,answer\na,b\n"' + b"x" * 50_000_000 + b'",c\n'
    assert problem_of(data).code == "broken_csv"
    assert peak_of(lambda: problem_of(data)) < 48 * MIB


DEEP = "[" * BRACKETS + "]" * BRACKETS
DEEP_OBJECT = '{"a":' * BRACKETS + "1" + "}" * BRACKETS
PLACES = {
    "a line": ("@", "too_deep"),
    "the messages": ('{"messages": @}', "too_deep"),
    "a message": ('{"messages": [@]}', "too_deep"),
    "a content": ('{"messages": [{"role": "user", "content": @}]}', "too_deep"),
    "a content part": ('{"messages": [{"role": "user", "content": [{"type": "text", "text": @}]}]}', "too_deep"),
    "arguments": (line(USER, called("@")).decode().replace('"@"', "@"), "too_deep"),
    "arguments as text": (line(USER, called("@")).decode(), "invalid_tool_arguments"),
    "tools": (GOOD.decode()[:-1] + ', "tools": @}', "too_deep"),
    "an ignored key": (GOOD.decode()[:-1] + ', "id": @}', "too_deep"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("brackets", [DEEP, DEEP_OBJECT], ids=["lists", "objects"])
def test_5000_brackets_are_a_fault_wherever_they_are(place: str, brackets: str) -> None:
    template, code = PLACES[place]
    if "as text" in place:
        brackets = json.dumps(brackets)[1:-1]
    # A good line first: a file that begins with a bracket is one document.
    assert outcome(GOOD + b"\n" + template.replace("@", brackets).encode()) == (1, [code])


@pytest.mark.parametrize("opening", ["[1,", '[{"a":'], ids=["lists", "lists and objects"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_line_just_below_the_cap_may_be_all_brackets(opening: str, name: str) -> None:
    closing = "]" if "{" not in opening else "}]"
    levels = (MAX_LINE_BYTES - 2) // len(opening + closing)
    deep = (opening * levels + "1" + closing * levels).encode()
    rows = [GOOD, deep, GOOD]
    data = b"[" + b",".join(rows) + b"]" if name == "a.json" else b"\n".join(rows)
    assert outcome(data, name=name) == (2, ["too_deep"])


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every line that is parsed with care, or explained."""
    seen: list[bytes] = []
    for name in ("parse", "explain"):
        work = getattr(rows, name)
        monkeypatch.setattr(rows, name, lambda content, *more, work=work: seen.append(content) or work(content, *more))
    return seen


def test_a_bad_line_repeated_without_end_is_judged_a_few_times_a_block(judged: list[bytes]) -> None:
    lines = 200_000
    assert problem_of(b"{}\n" * lines).code == "no_valid_examples"
    report = analyze(BytesIO(b"{}\n" * lines + GOOD + b"\n{}" * lines), tokenizer=Words())
    assert (report.total_examples, report.invalid_lines.count) == (1, 2 * lines)
    assert len(judged) < 5000


def test_different_bad_lines_among_the_same_are_each_judged(judged: list[bytes]) -> None:
    report = analyze(BytesIO(b"{}\n" * 500 + GOOD + b"\n" + b"[]\n" * 500 + user_with(id=1)), tokenizer=Words())
    assert (report.total_examples, report.invalid_lines.count) == (1, 1001)
    assert {b"{}", b"[]"} < set(judged)


@pytest.mark.slow
@pytest.mark.parametrize("bad", [b"{}\n", b"\n"], ids=["empty objects", "blank lines"])
def test_ten_million_lines_that_hold_nothing(bad: bytes) -> None:
    lines = 10_000_000
    assert problem_of(bad * lines).code == ("no_valid_examples" if bad.strip() else "empty_file")
    found: list[Analysis] = []
    data = bad * lines + GOOD
    peak = peak_of(lambda: found.append(analyze(BytesIO(data), tokenizer=Words())))
    assert found[0].total_examples == 1
    assert found[0].invalid_lines.count == (lines if bad.strip() else 0)
    assert peak < 160 * MIB  # 4 bytes a line, and one block


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_of_many_unknown_keys_only_a_few_are_kept(count: int) -> None:
    data = b"\n".join(GOOD[:-1] + b', "%s%d": 1}' % (b"k" * 100, n) for n in range(count))
    report = analyze(BytesIO(data), tokenizer=Words())
    (issue,) = (issue for issue in report.quality_issues if issue.code == "unknown_keys")
    assert issue.count == count
    assert len(issue.message) < 2500


NAMES = {
    "in one object": (b"{" + b",".join(b'"k%d":1' % n for n in range(200_000)) + b"}", None),
    "in many objects": (b"\n".join(b'{"k%d": 1}' % n for n in range(200_000)), None),
    "in a header": (b",".join(b"k%d" % n for n in range(200_000)) + b"\n1\n", "a.csv"),
    "as long as a line": (b'{"' + b"k" * 4_000_000 + b'": 1}', None),
    "of two lists": (b'{"' + b"a" * 100_000 + b'": [{}],\n "' + b"b" * 100_000 + b'": [{}]}', "a.json"),
}


@pytest.mark.parametrize("mapping", [None, {"prompt": "prompt", "answer": "completion"}], ids=["detected", "mapped"])
@pytest.mark.parametrize("names", NAMES)
def test_a_problem_about_names_is_of_a_size_that_someone_reads(names: str, mapping: dict[str, str] | None) -> None:
    data, name = NAMES[names]
    problem = problem_of(data, name=name, mapping=mapping)
    assert len(problem.message) < 5000
    assert len(json.dumps(problem.details)) < 50_000


@pytest.mark.parametrize(
    ("message", "valid", "codes"),
    [
        (b"{}", 1, ["message_missing_key"] * 20),
        (b'{"role":"assistant","tool_calls":[]}', 1, ["message_missing_key"] * 20),
        (b'{"role":"assistant","content":"b"}', 2, []),
    ],
    ids=["empty", "without content", "good"],
)
def test_as_many_messages_as_a_line_can_hold(message: bytes, valid: int, codes: list[str]) -> None:
    count = (MAX_LINE_BYTES - 20) // (len(message) + 1)
    data = GOOD + b'\n{"messages": [' + b",".join([message] * count) + b"]}"
    assert outcome(data) == (valid, codes)


@pytest.mark.parametrize("rows", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_one_word_answers_cost_the_same_however_many_they_are(rows: int) -> None:
    words = ("yes", "no", "maybe")
    data = b"\n".join(
        line({**USER, "content": f"Is ticket {n} about billing?"}, {**ANSWER, "content": words[n % 3]})
        for n in range(rows)
    )
    assert peak_of(lambda: analyze(BytesIO(data), tokenizer=Words())) < 64 * MIB + 2500 * rows
