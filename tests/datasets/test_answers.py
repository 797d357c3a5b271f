"""What single answers are like."""

import numpy as np
import pytest

from tests.datasets.lines import answer_with, asked, called, line, names, pieces_of, said
from webapp.datasets.answers import Answers, look_at_answers
from webapp.datasets.hashing import text_hashes
from webapp.datasets.pieces import Pieces

USUAL = "That is a good question."


def looked_at(found: Pieces) -> Answers:
    return look_at_answers(found, text_hashes(found.encoded))


def noticed(answer: str) -> set[str]:
    return names(looked_at(said("Hello", answer)).marks[0])


@pytest.mark.parametrize(
    ("answer", "marks"),
    [
        (USUAL, set()),
        ("", {"empty_answers", "no_trained_text"}),
        (" \n", {"empty_answers", "no_trained_text"}),
        (" Oh I ", {"very_short_answers"}),
        (" Yes ", {"very_short_answers", "one_word_answers"}),
        ("Maybe", {"one_word_answers"}),
        ("x" * 20, {"one_word_answers"}),
        ("x" * 21, set()),
        ("x" * 20 + "\n", set()),
        ("The same line is here again.\n" * 4, {"repetition"}),
    ],
)
def test_answers_that_say_little(answer: str, marks: set[str]) -> None:
    assert noticed(answer) == marks


def test_one_such_answer_marks_its_example_and_no_other() -> None:
    found = pieces_of(
        asked("a", USUAL), line(*[{"role": "assistant", "content": t} for t in (USUAL, " ")]), asked("b", "x y z w")
    )
    assert list(map(names, looked_at(found).marks)) == [set(), {"empty_answers"}, set()]


def test_what_others_say_is_no_answer() -> None:
    system, question = {"role": "system", "content": " "}, {"role": "user", "content": "[]"}
    found = looked_at(pieces_of(line(system, question, {"role": "assistant", "content": USUAL})))
    assert names(found.marks[0]) == set()
    assert (found.characters.tolist(), found.json) == ([len(USUAL)], 0)


def test_an_answer_in_words_of_weight_0_is_one_and_a_call_is_none() -> None:
    question = {"role": "user", "content": "And?"}
    untrained = {"role": "assistant", "content": "Yes", "weight": 0}
    found = looked_at(
        pieces_of(line(question, untrained, question, called(), question, {"role": "assistant", "content": "[]"}))
    )
    assert found.characters.tolist() == [3, 2]
    assert found.hashes.tolist() == text_hashes([b"Yes", b"[]"]).tolist()
    assert looked_at(pieces_of(line(question, called()))).characters.tolist() == []


def test_the_same_answer_has_the_same_hash() -> None:
    found = looked_at(pieces_of(asked("a", "Yes."), asked("b", "Yes."), asked("c", "No.")))
    first, second, third = found.hashes.tolist()
    assert first == second != third


@pytest.mark.parametrize("text", ["{}", "[]", ' {"a": 1}\n', "[1, [2]]"])
def test_a_json_object_or_list(text: str) -> None:
    assert looked_at(pieces_of(answer_with(content=text))).json == 1


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"a": NaN}', "5", '"a"', "", "[1] is the first"])
def test_what_is_not_a_json_object_or_list(text: str) -> None:
    assert looked_at(said("Hello", text)).json == 0


def test_no_example_at_all() -> None:
    found = looked_at(pieces_of())
    assert (found.marks.dtype, len(found.marks), len(found.hashes), len(found.characters)) == (np.uint64, 0, 0, 0)
