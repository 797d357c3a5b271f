"""Long conversations are cut at turn borders only."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datasets.lines import called
from tests.datasets.repair.conversations import said
from webapp.datasets import TokenBatch
from webapp.datasets.parsing import parse
from webapp.datasets.pieces import pieces_of
from webapp.datasets.records import Conversation, encode
from webapp.datasets.repair.splitting import Splitter
from webapp.datasets.shapes import order_of


class Words:
    """A token a word."""

    name, reference = "words", None

    def encode(self, found):
        return TokenBatch.of([range(len(text.split())) for text in found])


def conversation(row):
    return parse(json.dumps(row).encode()).conversation


def contents(parts):
    return [[message.content for message in part.messages] for part in parts]


def size(part):
    return sum(len(text.split()) for _, text in pieces_of(part, order_of(part)))


def test_each_part_has_the_system_prompt_and_ends_with_an_answer():
    row = conversation(said("q one", "a one", "q two", "a two", "q three", "a three", system="Be kind."))
    assert contents(Splitter(Words(), 10).split(row)) == [
        ["Be kind.", "q one", "a one", "q two", "a two"],
        ["Be kind.", "q three", "a three"],
    ]


def test_what_is_short_enough_stays_whole():
    row = conversation(said("q", "a", "q", "a"))
    assert Splitter(Words(), 16).split(row) == [row]


def test_a_single_turn_that_is_too_long_is_left_and_counted():
    splitter = Splitter(Words(), 16)
    row = conversation(said("long " * 40, "answer"))
    assert splitter.split(row) == [row]
    assert splitter.left == 1
    assert len(splitter.split(conversation(said("long " * 40, "answer", "short", "answer")))) == 2
    assert splitter.left == 2


def test_calls_stay_with_their_results_and_tools_with_each_part():
    tools = [{"type": "function", "function": {"name": "look_up"}}]
    turn = [*said("where is it")["messages"], called(), {"role": "tool", "content": "r", "tool_call_id": "c1"}]
    turn.append({"role": "assistant", "content": "it is here " * 6})
    parts = Splitter(Words(), 24).split(conversation({"messages": turn * 3, "tools": tools}))
    assert [[message.role for message in part.messages] for part in parts] == [
        ["user", "assistant", "tool", "assistant"]
    ] * 3
    assert all(part.tools == tools for part in parts)


def test_what_follows_the_last_answer_is_in_no_part():
    row = conversation(said("q " * 9, "a", "q " * 9, "a", "unanswered"))
    assert contents(Splitter(Words(), 16).split(row)) == [["q " * 9, "a"], ["q " * 9, "a"]]


def test_a_part_that_nothing_would_be_learnt_from_keeps_the_row_whole():
    row = said("q " * 9, "a", "q " * 9, "a")
    row["messages"][1]["weight"] = 0
    splitter = Splitter(Words(), 16)
    assert len(splitter.split(conversation(row))) == 1
    assert splitter.left == 1


@settings(deadline=None)
@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=12), limit=st.integers(16, 60))
def test_the_parts_are_the_turns_in_order_and_cutting_again_changes_nothing(lengths, limit):
    row = conversation(said(*(text for n in lengths for text in ("q " * n, "a " * n)), system="s"))
    splitter = Splitter(Words(), limit)
    parts = splitter.split(row)
    joined = [message for part in parts for message in part.messages[1:]]
    assert joined == row.messages[1:]
    assert all(part.messages[0] == row.messages[0] and part.messages[-1].role == "assistant" for part in parts)
    assert all(size(part) <= limit or len(part.messages) == 3 for part in parts)
    assert [splitter.split(part) for part in parts] == [[part] for part in parts]
    assert all(msgspec.json.decode(encode(part), type=Conversation) == part for part in parts)


@pytest.mark.parametrize("texts_", [("q",), ("q", "a")])
def test_hardly_a_conversation_is_left_alone(texts_):
    row = Conversation([*conversation(said("q", "a")).messages[: len(texts_)]])
    assert Splitter(Words(), 16).split(row) == [row]
