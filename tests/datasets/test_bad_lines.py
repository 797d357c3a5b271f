"""What is kept of the lines that are no examples, and the text around what is wrong with them."""

import json
from pathlib import Path

import pytest

from webapp.datasets import Examples, ExampleWriter, ShownLine, analyze, bad_lines, first_bad_lines
from webapp.datasets.bad_lines import KEPT_BYTES, KEPT_LINES, kept, visible
from webapp.datasets.report import Analysis, InvalidLine

GOOD = b'{"messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":"Good day"}]}'


def looked_at(folder: Path, *lines: bytes) -> tuple[Analysis, Examples]:
    (folder / "data.jsonl").write_bytes(b"\n".join(lines))
    with ExampleWriter(folder / "examples") as sink:
        report = analyze(folder / "data.jsonl", sink=sink)
    return report, Examples(folder / "examples")


def shown(folder: Path, line: bytes) -> ShownLine:
    """The line as it is shown, after a good one."""
    report, examples = looked_at(folder, GOOD, line)
    (found,) = bad_lines(examples, report, 1, 5).lines
    return found


@pytest.mark.parametrize(
    ("line", "before", "marked", "after"),
    [
        pytest.param(b'{"messages" [1]}', '{"messages" ', "[", "1]}", id="a character"),
        pytest.param(b'{"messages": []}', '{"messages": ', "[", "]}", id="a value"),
        pytest.param(
            GOOD.replace(b"user", b"juggler"), '{"messages":[{"role":', '"juggler"', ',"content":"Hello"},', id="a role"
        ),
        pytest.param(b'{"messages": ', '{"messages": ', "", "", id="it ends too soon"),
        pytest.param(b'{"a": "b\x07"}', '{"a": "b', "␇", '"}', id="a control character"),
        pytest.param(b'{"a": "\xff"}', '{"a": "', "\ufffd", '"}', id="no UTF-8"),
        pytest.param("\u202e\U0001f600 oops".encode(), "", "[U+202E]", "\U0001f600 oops", id="a mark of direction"),
    ],
)
def test_the_place_is_marked(tmp_path: Path, line: bytes, before: str, marked: str, after: str) -> None:
    (found,) = shown(tmp_path, line).excerpts
    assert (found.before, found.marked) == (before, marked)
    assert found.after.startswith(after)
    assert found.begins


@pytest.mark.parametrize("character", [b"x", "\U0001f600".encode()], ids=["short", "wide"])
def test_of_a_long_line_only_what_is_around_its_fault_is_kept(tmp_path: Path, character: bytes) -> None:
    line = b'{"messages": "' + character * 300_000 + b'"} oops' + character * 300_000
    found = shown(tmp_path, line)
    (fault,) = found.excerpts
    assert found.size == len(line)
    assert fault.marked == "o"
    assert fault.before.endswith('"} ')
    assert (fault.begins, fault.ends) == (False, False)
    assert (tmp_path / "examples" / "refused.json").stat().st_size < 2 * KEPT_BYTES


def test_a_line_that_is_too_long_to_be_held_is_named_without_its_text(tmp_path: Path) -> None:
    found = shown(tmp_path, b"x" * (4 * 1024 * 1024 + 1))
    assert (found.number, found.size) == (2, 0)
    assert found.excerpts[0].fault.code == "line_too_long"
    assert not found.excerpts[0].before


def test_pages_go_on_after_the_faults_that_the_report_names_and_after_what_is_kept(tmp_path: Path) -> None:
    count = KEPT_LINES + 60
    report, examples = looked_at(tmp_path, GOOD, *[f'{{"n": {n}'.encode() for n in range(count)])
    assert len(report.invalid_lines.items) == 100
    explained = bad_lines(examples, report, 500, 10)
    assert [line.number for line in explained.lines] == list(range(500, 510))
    assert explained.lines[0].excerpts[0].before == '{"n": 498'
    assert (explained.next, explained.before, explained.total) == (510, 490, count)
    assert not bad_lines(examples, report, KEPT_LINES + 2, 10).lines[0].excerpts
    assert bad_lines(examples, report, count, 10).next is None


def test_the_lines_of_a_file_without_any_example_are_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'\n{"a" 1}\nnot json\n')
    faults = [InvalidLine(2, 6, None, "invalid_json", "It is not."), InvalidLine(7, 1, None, "invalid_json", "It is.")]
    found = first_bad_lines(path, faults)
    assert [(line.number, line.excerpts[0].before) for line in found] == [(2, '{"a" '), (7, "")]


def test_examples_of_an_earlier_version_have_no_texts(tmp_path: Path) -> None:
    report, examples = looked_at(tmp_path, GOOD, b"oops")
    (tmp_path / "examples" / "refused.json").unlink()
    (line,) = bad_lines(examples, report, 1, 5).lines
    assert [(item.fault.code, item.before, item.marked) for item in line.excerpts] == [("invalid_json", "", "")]


def test_a_report_does_not_quote_what_is_kept(tmp_path: Path) -> None:
    report, _ = looked_at(tmp_path, GOOD, b'{"messages": "anna@lind.se"')
    assert "anna" not in json.dumps(report.to_dict())


def test_what_is_not_seen_has_a_sign() -> None:
    assert visible("a\tb\x00\x7f\u200b\u2028ä\U0001f600") == "a␉b␀␡[U+200B][U+2028]ä\U0001f600"


def test_a_line_without_a_known_place_is_kept_from_its_beginning() -> None:
    assert kept(1, b"y" * 10_000, []).start == 0
