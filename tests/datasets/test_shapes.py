"""What the order of an example's messages tells."""

from typing import Any

import msgspec
import pytest

from tests.datasets.lines import ANSWER, USER, answer_with, called, line, names, ordered, user_with
from webapp.datasets.reading import Block
from webapp.datasets.records import Conversation, Message
from webapp.datasets.rows import read_rows
from webapp.datasets.shapes import are_plain, order_of, orders_of, shape_of


def noticed(order: str) -> set[str]:
    return names(shape_of(order).marks)


@pytest.mark.parametrize("order", ["sua", "suatta", "suatata"])
def test_nothing_is_noticed_about_an_ordinary_example(order: str) -> None:
    assert noticed(order) == set()


@pytest.mark.parametrize("order", ["suaua", "suatauatta"])
def test_several_turns_are_noticed(order: str) -> None:
    assert noticed(order) == {"multi_turn"}


@pytest.mark.parametrize("order", ["sau", "suaa", "suua", "susa", "usa", "ssua", "aua", "suta"])
def test_an_unusual_order(order: str) -> None:
    assert {"unusual_order", "irregular"} <= noticed(order)


@pytest.mark.parametrize("order", ["suau", "suauat"])
def test_no_answer_at_the_end(order: str) -> None:
    assert noticed(order) == {"multi_turn", "ends_without_answer", "irregular"}


def test_no_system_prompt() -> None:
    assert noticed("ua") == {"missing_system_prompts"}


@pytest.mark.parametrize(("order", "plain"), [("ua", True), ("sa", True), ("au", True), ("su", False), ("uata", False)])
def test_a_plain_order_has_an_answer_and_no_tool(order: str, plain: bool) -> None:
    assert shape_of(order).plain is plain


def test_no_message_at_all_is_not_plain() -> None:
    assert not shape_of("").plain


def test_orders_are_the_first_letters_of_the_roles() -> None:
    conversations = read_rows(Block(1, [ordered(order) for order in ("ua", "sucta", "a")], 0)).conversations
    assert orders_of(conversations) == list(map(order_of, conversations)) == ["ua", "suata", "a"]
    assert orders_of([]) == []


@pytest.mark.parametrize(
    ("example", "plain"),
    [
        (user_with(name="Ann"), True),
        (answer_with(weight=1), False),
        (line(USER, ANSWER, tools=[{"function": {"name": "f"}}]), False),
        (line(USER, called()), False),
        (line(USER, ANSWER, tools=[]), True),
    ],
    ids=["a name", "a weight", "tools", "a call", "no tools"],
)
def test_a_plain_example_holds_nothing_but_roles_and_texts(example: bytes, plain: bool) -> None:
    (conversation,) = read_rows(Block(1, [example], 0)).conversations
    assert are_plain([conversation], [order_of(conversation)]) is plain


def test_one_message_without_text_is_enough_for_a_careful_look() -> None:
    good = Conversation([Message("user", "Hi"), Message("assistant", "Yes.")])
    silent = Conversation([Message("user", ""), Message("assistant", "Yes.")])
    assert are_plain([good, good], ["ua", "ua"])
    assert not are_plain([good, silent], ["ua", "ua"])


@pytest.mark.parametrize("fields", [{"tool_calls": []}, {"weight": 0}, {"content": ""}], ids=str)
def test_what_the_canonical_form_leaves_out_or_a_rule_forbids_is_not_plain(fields: dict[str, Any]) -> None:
    answer = msgspec.structs.replace(Message("assistant", "Yes."), **fields)
    assert not are_plain([Conversation([Message("user", "Hi"), answer])], ["ua"])
