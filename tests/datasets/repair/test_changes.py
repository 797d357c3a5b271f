"""What is shown of a change: the words that differ, never more than a page can hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datasets.repair.conversations import said
from webapp.datasets.repair.changes import MAX_MESSAGES, PIECE_CHARACTERS, changed, dropped


def shown(before, after):
    (message,) = changed(1, said(before, "ok"), [said(after, "ok")]).messages
    return [(piece.kind, piece.text) for piece in message.pieces]


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        (
            "Write to anna now",
            "Write to [E] now",
            [("same", "Write to "), ("removed", "anna"), ("added", "[E]"), ("same", " now")],
        ),
        (" Hi", "Hi", [("removed", " "), ("same", "Hi")]),
        ("Hi", "Hi there", [("same", "Hi"), ("added", " there")]),
    ],
)
def test_the_words_that_differ_are_marked(before, after, pieces):
    assert shown(before, after) == pieces


def test_a_role_that_changed_is_shown_with_both_names():
    before = {"messages": [{"role": "Human", "content": "Hi"}]}
    (message,) = changed(3, before, [{"messages": [{"role": "user", "content": "Hi"}]}]).messages
    assert (message.before, message.after) == ("Human", "user")


def test_messages_that_became_one_are_shown_as_gone_and_come():
    before = {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}
    after = {"messages": [{"role": "user", "content": "a b"}]}
    found = [(message.before, message.after) for message in changed(1, before, [after]).messages]
    assert found == [("user", None), ("user", None), (None, "user")]


def test_the_rows_of_a_split_are_shown_one_by_one():
    change = changed(9, said("a", "b", "c", "d"), [said("a", "b"), said("c", "d")])
    assert change.rows == 2
    assert [message.after for message in change.messages] == ["row 1", "row 2"]
    assert change.messages[1].pieces[0].text == "user: c\nassistant: d"


def test_what_is_in_the_row_beside_its_messages_is_shown_too():
    change = changed(1, {**said("a", "b"), "tools": ["x"]}, [{**said("a", "b"), "tools": ["y"]}])
    assert [message.before for message in change.messages] == ["row"]


@pytest.mark.parametrize(("row", "content"), [(None, b"not \xff json"), ({"messages": []}, b'{"messages": []}')])
def test_a_dropped_line_is_shown_as_it_is(row, content):
    (message,) = dropped(4, row, content).messages
    assert message.pieces[0].text == content.decode(errors="replace")


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_the_pieces_make_both_texts(before, after):
    first, second = (
        {"messages": [{"role": "user", "content": before}]},
        {"messages": [{"role": "user", "content": after}]},
    )
    pieces = [piece for message in changed(1, first, [second]).messages for piece in message.pieces]
    if before != after:
        assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
        assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after


def test_a_change_stays_small_whatever_changed():
    texts = [f"word{n} " * 5000 for n in range(40)]
    change = changed(1, said(*texts), [said(*(text.upper() for text in texts))])
    assert len(change.messages) == MAX_MESSAGES
    assert all(len(piece.text) <= PIECE_CHARACTERS for message in change.messages for piece in message.pieces)
