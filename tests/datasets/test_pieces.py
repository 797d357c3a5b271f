"""The texts of examples, each with a letter for what it is."""

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.datasets.lines import ANSWER, GOOD, USER, block, called, line, ordered, pieces_of
from webapp.datasets.pieces import ANSWERS, CALLS, SETTING, TRAINED, Pieces, pieces, texts_of
from webapp.datasets.rows import read_rows

TOOLS = [{"type": "function", "function": {"name": "look_up"}}]


def letters(found: Pieces) -> str:
    return found.letters.tobytes().decode()


def test_the_texts_of_plain_examples_are_their_messages() -> None:
    found = pieces_of(ordered("sua"), ordered("uaua"))
    assert found.texts == ["Be kind.", "Hello", "Good day.", "Hello", "Good day.", "Hello", "Good day."]
    assert letters(found) == "suauaua"
    assert found.starts.tolist() == [0, 3, 7]


def test_definitions_of_tools_come_first_and_a_call_is_its_message_its_name_and_its_arguments() -> None:
    call = {**called('{"bike":7}'), "content": "Let me see."}
    system, result = {"role": "system", "content": "Be kind."}, {"role": "tool", "content": "5", "tool_call_id": "c1"}
    found = pieces_of(GOOD, line(system, USER, call, result, ANSWER, tools=TOOLS), GOOD)
    assert letters(found) == "uadsuccctaua"
    assert found.texts[2:-2] == [
        '[{"type":"function","function":{"name":"look_up"}}]',
        "Be kind.",
        "Hello",
        "Let me see.",
        "look_up",
        '{"bike":7}',
        "5",
        "Good day.",
    ]
    assert found.starts.tolist() == [0, 2, 10, 12]


def test_a_stored_example_has_the_same_texts() -> None:
    rows = read_rows(block(line(USER, called(), ANSWER, tools=TOOLS)))
    assert texts_of(msgspec.to_builtins(rows.conversations[0])) == pieces(rows).texts


def test_every_call_of_a_message_has_its_name_and_arguments() -> None:
    twice = {**called(), "tool_calls": called("{}")["tool_calls"] + called('{"a":1}')["tool_calls"]}
    found = pieces_of(line(USER, twice))
    assert (letters(found), found.texts) == ("uccccc", ["Hello", "", "look_up", "{}", "look_up", '{"a":1}'])


def test_what_has_weight_0_is_not_trained_on() -> None:
    found = pieces_of(
        line(USER, {**ANSWER, "weight": 0}, USER, {**called(), "weight": 0}, USER, {**ANSWER, "weight": 1})
    )
    assert letters(found) == "uwuvvvua"
    assert np.flatnonzero(found.are(TRAINED)).tolist() == [7]
    assert np.flatnonzero(found.are(ANSWERS)).tolist() == [1, 7]
    assert np.flatnonzero(found.are(CALLS)).tolist() == [3, 4, 5]


def test_settings_are_told_from_what_is_said() -> None:
    found = pieces_of(line({"role": "system", "content": "Be kind."}, USER, ANSWER, tools=TOOLS))
    assert found.are(SETTING).tolist() == [True, True, False, False]


def test_places_inside_an_example_and_marks_of_any_text() -> None:
    found = pieces_of(ordered("sua"), ordered("ua"))
    assert found.inside().tolist() == [0, 1, 2, 0, 1]
    assert found.any_each(np.array([1, 0, 2, 0, 4], np.uint64)).tolist() == [3, 4]


def test_no_example_at_all() -> None:
    found = pieces_of(b"bad")
    assert (found.texts, found.starts.tolist(), found.inside().tolist()) == ([], [0], [])
    assert found.any_each(np.empty(0, np.uint64)).tolist() == []


@given(st.lists(st.sampled_from(["ua", "sua", "uaua", "uctca", "a"]), max_size=6))
def test_an_example_has_the_same_pieces_whatever_is_beside_it(orders: list[str]) -> None:
    lines = [ordered(order) for order in orders]
    together = pieces(read_rows(block(*lines)))
    alone = list(map(pieces_of, lines))
    assert together.texts == [text for one in alone for text in one.texts]
    assert letters(together) == "".join(map(letters, alone))
