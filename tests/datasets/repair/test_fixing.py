"""A fix from end to end: what is read, what is written, and that the numbers add up."""

import io
import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.datasets.repair.conversations import rows, said
from webapp.datasets import MAX_LINE_BYTES, Examples, analyze, sample_path
from webapp.datasets.repair import (
    IN_ORDER,
    Dedupe,
    DropEmpty,
    DropInvalid,
    Plan,
    Redact,
    SplitLong,
    Trim,
    ValidationSplit,
    fix,
)
from webapp.errors import Problem

WORDS = ["harbour", "bicycle", "lantern", "orchard", "violin", "granite", "teapot", "marble", "ferry", "cushion"]
ALL = [kind() for kind in IN_ORDER if kind is not ValidationSplit]


def row(number):
    """Rows that are not alike."""
    words = " ".join(WORDS[(number * step + step) % len(WORDS)] + str(number * step) for step in range(1, 12))
    return said(words, f"Answer {number * 7919} {words[::-1]}")


def lines(*found):
    return b"".join((item if isinstance(item, bytes) else json.dumps(item).encode()) + b"\n" for item in found)


@pytest.fixture
def mend(tmp_path):
    """Fixes bytes; answers the report, the rows and the rows held out."""

    def run(content, *operations, plan=None):
        source, folder = tmp_path / "in.jsonl", tmp_path / "out"
        folder.mkdir(exist_ok=True)
        source.write_bytes(content)
        report, _ = fix(source, plan or Plan(operations), folder)
        held_out = folder / "validation.jsonl"
        return report, (folder / "upload.jsonl").read_bytes(), held_out.read_bytes() if held_out.exists() else None

    return run


def done(report):
    return {item.name: (item.changed, item.dropped, item.added) for item in report.operations}


def test_the_operations_are_done_in_their_order_whatever_order_they_are_named_in(mend):
    content = lines(b"\xef\xbb\xbf" + json.dumps(said(" <s>Write to anna@lind.se ", "ok")).encode(), row(1))
    report, written, _ = mend(b"\n" + content, *reversed(ALL))
    assert [item.name for item in report.operations] == [kind.__struct_config__.tag for kind in IN_ORDER[:-1]]
    assert json.loads(written.splitlines()[0])["messages"][0]["content"] == "Write to [EMAIL_1]"


def test_invalid_rows_stay_as_they_are_unless_they_are_to_go(mend):
    broken = [b"not json", b'{"messages": []}', b'{"a": 1, "a": 2}']
    report, written, _ = mend(lines(row(1), *broken), Trim())
    assert written.splitlines()[1:] == broken
    assert (report.invalid_kept, report.unreadable) == (3, 2)
    report, written, _ = mend(lines(row(1), *broken), DropInvalid())
    assert done(report) == {"drop_invalid": (0, 3, 0)}
    assert [change.line for change in report.operations[0].changes] == [2, 3, 4]
    assert len(written.splitlines()) == 1


def test_rows_with_nothing_to_learn_stay_unless_they_are_to_go(mend):
    call = {"type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    calls = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "", "tool_calls": [call]}]}
    half = said("What?", "That.", "And?", " ")
    uncounted = said("What?", "That.", "And?", " ")
    uncounted["messages"][1]["weight"] = 0
    content = lines(row(1), said("What?", "   "), half, uncounted, calls, b"not json")
    _, written, _ = mend(content, DropInvalid())
    assert len(written.splitlines()) == 5
    report, written, _ = mend(content, DropEmpty())
    assert done(report) == {"drop_empty": (0, 2, 0)}
    assert [change.line for change in report.operations[0].changes] == [2, 4]
    assert [message.before for message in report.operations[0].changes[0].messages] == ["user", "assistant"]
    assert [json.loads(line) for line in written.splitlines()[:-1]] == [row(1), half, calls]
    assert written.splitlines()[-1] == b"not json"


def test_of_a_conversation_that_is_split_the_parts_with_nothing_to_learn_go(mend):
    content = lines(said("What? " * 20, "That.", "And that? " * 20, " "))
    report, written, _ = mend(content, SplitLong(16), DropEmpty())
    assert done(report) == {"split_long": (1, 0, 1), "drop_empty": (0, 1, 0)}
    assert report.rows_written == len(written.splitlines()) == 1


def test_an_invalid_row_is_redacted_all_the_same(mend):
    report, written, _ = mend(lines(row(1), {"messages": [{"role": "user", "content": "anna@lind.se"}]}), Redact())
    assert b"[EMAIL_1]" in written
    assert report.invalid_kept == 1


def test_a_repeated_name_is_not_settled_in_silence(mend):
    twice = b'{"messages": [], "messages": [{"role": "user", "content": " a "}, {"role": "assistant", "content": "b"}]}'
    _, written, _ = mend(lines(row(1), twice), Trim())
    assert written.splitlines()[1] == twice


def test_a_line_over_the_limit_is_left_out_and_counted(mend):
    report, _, _ = mend(lines(row(1), b" " * (MAX_LINE_BYTES + 1)), Trim())
    assert (report.too_long, report.rows_read, report.rows_written) == (1, 2, 1)


def test_rows_are_compared_as_they_are_after_mending(mend):
    report, written, _ = mend(lines(said("Hi", "Ho"), said(" Hi", "Ho "), row(1)), Trim(), Dedupe())
    assert done(report) == {"trim": (1, 0, 0), "dedupe": (0, 1, 0)}
    assert report.operations[1].changes[0].line == 2
    assert report.operations[1].changes[0].like == 1
    assert len(written.splitlines()) == 2


def test_none_of_rows_that_are_alike_can_be_kept(mend):
    report, written, _ = mend(lines(row(1), row(2), row(1)), Dedupe("exact", "none"))
    assert done(report) == {"dedupe": (0, 2, 0)}
    assert [json.loads(line) for line in written.splitlines()] == [row(2)]


def test_near_duplicates_go_with_exact_ones(mend):
    almost = said(row(1)["messages"][0]["content"], row(1)["messages"][1]["content"] + " indeed")
    _, exact, _ = mend(lines(row(1), row(1), almost, row(2)), Dedupe("exact"))
    _, near, _ = mend(lines(row(1), row(1), almost, row(2)), Dedupe("near"))
    assert (len(exact.splitlines()), len(near.splitlines())) == (3, 2)


def test_a_validation_part_shares_nothing_with_the_rest(mend):
    content = lines(*(row(number % 40) for number in range(60)))
    _, trained, held_out = mend(content, ValidationSplit(0.25))
    assert not set(trained.splitlines()) & set(held_out.splitlines())
    assert Counter((trained + held_out).splitlines()) == Counter(mend(content, Trim())[1].splitlines())
    assert 10 <= len(held_out.splitlines()) <= 15


def test_the_parts_of_one_conversation_are_on_one_side(mend):
    long = [said(*(f"{word}{n} " * 20 for word in WORDS), system=f"prompt {n}") for n in range(12)]
    _, trained, held_out = mend(lines(*long), SplitLong(120), ValidationSplit(0.5))

    def prompts(written):
        return {json.loads(line)["messages"][0]["content"] for line in written.splitlines()}

    assert prompts(held_out)
    assert not prompts(trained) & prompts(held_out)


def test_the_same_seed_holds_out_the_same_rows(mend):
    content = lines(*(row(number) for number in range(40)))
    one, again, other = (mend(content, ValidationSplit(0.2, seed))[2] for seed in (1, 1, 2))
    assert one == again != other
    assert len(one.splitlines()) == 8


@pytest.mark.parametrize(("count", "share", "expected"), [(12, 0.5, 2), (11, 0.1, 1), (200, 0.1, 20)])
def test_ten_rows_always_remain_to_train_on(mend, count, share, expected):
    _, trained, held_out = mend(lines(*(row(number) for number in range(count))), ValidationSplit(share))
    assert (len(trained.splitlines()), len(held_out.splitlines())) == (count - expected, expected)


@pytest.mark.parametrize("found", [[row(n) for n in range(10)], [row(1)] * 30])
def test_what_cannot_be_split_is_a_problem(mend, found):
    with pytest.raises(Problem) as caught:
        mend(lines(*found), ValidationSplit())
    assert caught.value.code == "too_few_to_split"


@pytest.mark.parametrize(
    ("content", "operations"),
    [(lines(b"{"), [DropInvalid()]), (lines(row(1), row(1)), [Dedupe("exact", "none")]), (lines(b"{"), [Trim()])],
)
def test_a_fix_that_leaves_nothing_is_a_problem(mend, content, operations):
    with pytest.raises(Problem) as caught:
        mend(content, *operations)
    assert caught.value.code == "nothing_left"


def test_keys_that_the_format_does_not_know_are_left_out_and_counted(mend):
    report, written, _ = mend(lines({**row(1), "id": 7}), Trim())
    assert json.loads(written) == row(1)
    assert report.unknown_keys == 1


def test_columns_of_another_format_that_are_left_out_are_counted_too(mend):
    rows = [{"question": f"What is {n}?", "answer": f"It is {n}.", "id": n} for n in range(3)]
    report, _, _ = mend(lines(*rows), Trim())
    assert (report.unknown_keys, report.unchanged) == (3, False)
    report, _, _ = mend(lines(*({**row, "id": None} for row in rows[:1]), {"question": "a", "answer": "b"}), Trim())
    assert report.unknown_keys == 1


def test_the_folder_has_the_examples_and_the_analysis_of_the_new_rows(tmp_path):
    report, analysis = fix(sample_path(), Plan(ALL), tmp_path, before=analyze(sample_path()))
    assert analysis == analyze(tmp_path / "upload.jsonl")
    assert len(Examples(tmp_path / "examples")) == analysis.total_examples == report.after.total_examples
    assert report.before.total_examples == 300
    assert sorted(path.name for path in tmp_path.iterdir()) == ["examples", "upload.jsonl"]


def test_progress_rises_to_one(tmp_path):
    seen = []
    fix(sample_path(), Plan(ALL), tmp_path, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)


garbage = st.sampled_from([b"not json", b"{}", b'{"messages": []}', b"[1]", b"\xff"])


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=40)
@given(found=st.lists(rows | garbage, max_size=12), chosen=st.sets(st.sampled_from(ALL), min_size=1))
def test_rows_add_up_and_a_second_fix_changes_nothing(tmp_path_factory, found, chosen):
    folder: Path = tmp_path_factory.mktemp("fix")
    (folder / "in.jsonl").write_bytes(lines(row(1), *found))
    for name, source in (("one", folder / "in.jsonl"), ("two", folder / "one" / "upload.jsonl")):
        (folder / name).mkdir()
        report, after = fix(source, Plan(chosen), folder / name)
        dropped = sum(item.dropped for item in report.operations)
        added = sum(item.added for item in report.operations)
        written = (folder / name / "upload.jsonl").read_bytes()
        assert report.rows_read - report.too_long - dropped + added == report.rows_written == written.count(b"\n")
        assert after.total_examples + report.invalid_kept == report.rows_written
    assert (folder / "one" / "upload.jsonl").read_bytes() == written
    assert all(item.changed == item.dropped == item.added == 0 for item in report.operations)
    assert analyze(io.BytesIO(written)).privacy.kinds == {} or Redact() not in chosen


def test_a_report_is_json(mend):
    report, _, _ = mend(lines(row(1), row(1), b"{"), *ALL)
    assert msgspec.json.decode(msgspec.json.encode(report))["rows_read"] == 3
