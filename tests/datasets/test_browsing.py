"""Rows are found by line, issue and words, a page at a time."""

import json

import pytest

from webapp.datasets import Examples, ExampleWriter, analyze, browsing
from webapp.datasets.browsing import Found, Wanted, browse
from webapp.errors import Problem


def row(number: int) -> str:
    answer = f"Ask a{number}@b.se." if number % 5 == 0 else f"Straße {number}."
    messages = [{"role": "user", "content": f"Where is number {number}?"}, {"role": "assistant", "content": answer}]
    if number == 7:
        call = {"id": "c", "type": "function", "function": {"name": "look_up", "arguments": '{"street": "Quay"}'}}
        messages[1] = {"role": "assistant", "content": None, "tool_calls": [call]}
    return json.dumps({"messages": messages})


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """40 examples on the even lines of a file, a bad line before each."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "data.jsonl").write_text("".join(f"bad\n{row(number)}\n" for number in range(1, 41)))
    with ExampleWriter(folder / "out") as sink:
        analyze(folder / "data.jsonl", sink=sink)
    return Examples(folder / "out")


def lines(found: Found) -> list[int]:
    return [example.line for example in found.examples]


def test_rows_come_from_a_line_on(examples):
    found = browse(examples, Wanted(line=9), 3)
    assert (lines(found), found.next, found.before) == ([10, 12, 14], 16, 4)


def test_the_first_page_has_none_before_and_the_last_none_after(examples):
    assert browse(examples, Wanted(), 3).before is None
    assert browse(examples, Wanted(line=78), 3).next is None
    assert browse(examples, Wanted(line=79), 3).before == 74
    assert browse(examples, Wanted(line=10**12), 3).examples == []


def test_pages_lead_through_all_rows_of_an_issue(examples):
    seen, line = [], 1
    while line is not None:
        found = browse(examples, Wanted(line, "email"), 3)
        seen, line = seen + lines(found), found.next
    assert seen == [2 * number for number in range(5, 41, 5)]


def test_words_are_found_in_either_case_in_what_is_said_and_called(examples):
    assert lines(browse(examples, Wanted(text="STRASSE 12."), 5)) == [24]
    assert lines(browse(examples, Wanted(text="quay"), 5)) == [14]
    assert lines(browse(examples, Wanted(text="role"), 5)) == []


def test_a_search_goes_on_where_the_last_page_ended(examples):
    first = browse(examples, Wanted(text="number 1"), 4)
    assert lines(first) == [2, 20, 22, 24]
    second = browse(examples, Wanted(first.next, text="number 1"), 20)
    assert lines(second) == [26, 28, 30, 32, 34, 36, 38]
    assert second.next is None


def test_a_search_stops_after_so_much_and_can_go_on(examples, monkeypatch):
    monkeypatch.setattr(browsing, "MOST_BYTES", 300)
    found = browse(examples, Wanted(text="number 40"), 5)
    assert (found.examples, found.before) == ([], None)
    assert 2 < found.next < 80


def test_a_page_ends_before_it_is_too_much_and_nothing_is_lost(examples, monkeypatch):
    monkeypatch.setattr("webapp.datasets.examples.MOST_BYTES", 400)
    for wanted in (Wanted(), Wanted(code="email"), Wanted(text="number")):
        seen, line = [], 1
        while line is not None:
            found = browse(examples, wanted._replace(line=line), 20)
            assert len(found.examples) < 20 or wanted.text
            seen, line = seen + lines(found), found.next
        assert seen == [2 * number for number in range(1, 41) if not wanted.code or number % 5 == 0]


def test_issue_and_words_hold_together(examples):
    assert lines(browse(examples, Wanted(code="email", text="number 3"), 9)) == [60, 70]


def test_an_issue_that_is_none_is_told(examples):
    with pytest.raises(Problem, match="no list of lines"):
        browse(examples, Wanted(code="juggling"), 3)
