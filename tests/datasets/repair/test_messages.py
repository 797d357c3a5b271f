"""Roles, texts and turns: each operation does what its name says, once, and harms no valid row."""

from itertools import pairwise

import pytest
from hypothesis import given, settings

from tests.datasets.lines import called
from tests.datasets.repair.conversations import rows, said, valid
from webapp.datasets.repair.messages import merge_turns, normalise_roles, strip_markers, text_of, trim

OPERATIONS = [strip_markers, normalise_roles, trim, merge_turns]


def texts_after(operation, *texts):
    return [text_of(message) for message in operation(said(*texts))["messages"]]


def roles_after(operation, *messages):
    return [message["role"] for message in operation({"messages": list(messages)})["messages"]]


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("<|im_start|>user\nHello<|im_end|>", "Hello"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|>", "Hello"),
        ("<start_of_turn>model\nHello<end_of_turn>", "Hello"),
        ("<s>[INST] Hello [/INST]", " Hello "),
        ("Hello</s>", "Hello"),
        ("one <|im_end|> two", "one  two"),
        ("<<SYS>>Be kind.<</SYS>>", "Be kind."),
        ("\ufeffHello \ufeffthere", "Hello there"),
        ("<|im_<|im_end|>start|>Hello", "Hello"),
        ("if a <b> then </s> is HTML", "if a <b> then </s> is HTML"),
        ("x <|> y | <s>struck</s> out", "x <|> y | <s>struck</s> out"),
        ("<|im_end|>", "<|im_end|>"),
    ],
)
def test_markers_go_and_all_else_stays(text, stripped):
    assert texts_after(strip_markers, text, "ok") == [stripped, "ok"]


@pytest.mark.parametrize(
    ("text", "trimmed"), [(" a\n", "a"), ("a\n b", "a\n b"), ("\u3000a\u00a0", "a"), (" \n", " \n"), ("", "")]
)
def test_white_space_goes_at_both_ends_and_leaves_no_text_empty(text, trimmed):
    assert texts_after(trim, text, "ok") == [trimmed, "ok"]


@pytest.mark.parametrize(
    ("given_role", "role"),
    [
        ("Human", "user"),
        ("User", "user"),
        ("gpt", "assistant"),
        (" BOT ", "assistant"),
        ("chatgpt", "assistant"),
        ("System", "system"),
        ("observation", "tool"),
        ("developer", "developer"),
        ("wizard", "wizard"),
        (7, 7),
        (None, None),
    ],
)
def test_roles_get_the_formats_names(given_role, role):
    assert roles_after(normalise_roles, {"role": given_role, "content": "x"}) == [role]


def test_turns_of_one_role_become_one():
    messages = [*said("a", "b")["messages"], *said("c", "d")["messages"][1:], {"role": "user", "content": "e"}]
    merged = merge_turns({"messages": messages})["messages"]
    assert [(message["role"], message["content"]) for message in merged] == [
        ("user", "a"),
        ("assistant", "b\n\nd"),
        ("user", "e"),
    ]


def test_a_developer_speaks_as_the_system():
    messages = [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}]
    assert merge_turns({"messages": messages})["messages"] == [{"role": "system", "content": "a\n\nb"}]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"weight": 0}, {"weight": 1}),
        ({"weight": 0}, {}),
        ({"name": "Ann"}, {"name": "Ben"}),
        ({"tool_calls": called()["tool_calls"]}, {}),
        ({"role": "tool", "tool_call_id": "c1"}, {"role": "tool", "tool_call_id": "c1"}),
        ({"content": [{"type": "image_url"}]}, {}),
    ],
)
def test_turns_that_differ_in_more_than_their_text_stay_apart(first, second):
    plain = {"role": "assistant", "content": "x"}
    row = {"messages": [plain | first, plain | second]}
    assert merge_turns(row) is row


def test_content_parts_are_read_as_one_text():
    parts = [{"type": "text", "text": " a"}, {"type": "text", "text": "b "}]
    assert trim({"messages": [{"role": "user", "content": parts}]})["messages"] == [{"role": "user", "content": "ab"}]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("row", [{}, {"messages": None}, {"messages": [1, None]}, {"messages": [{}]}, said("a", "b")])
def test_what_needs_nothing_is_given_back_as_it_is(operation, row):
    assert operation(row) is row


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(deadline=None)
@given(row=rows)
def test_twice_is_once_and_valid_rows_stay_valid(operation, row):
    done = operation(row)
    assert operation(done) is done
    assert not valid(row) or valid(done)


@settings(deadline=None)
@given(row=rows)
def test_after_a_merge_plain_neighbours_have_different_roles(row):
    merged = merge_turns(row)["messages"]
    for one, other in pairwise(merged):
        same = all(one.get(key) == other.get(key) for key in ("role", "name", "weight"))
        assert not same or one["role"] not in ("user", "assistant", "system")
