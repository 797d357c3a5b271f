"""The retrieval baseline itself, on pairs by hand."""

import pytest

from webapp.baselines.pairs import Pair
from webapp.baselines.retrieval import most_frequent_share, retrieval_baseline

ANIMALS = ("horse", "otter", "heron", "badger")
KNOWN = [Pair(f"which sound of the {name}", f"sound {name}") for name in ANIMALS] + [Pair("what else", "sound heron")]


def test_the_answer_to_the_most_similar_prompt_is_the_prediction():
    found = retrieval_baseline(KNOWN, [Pair(f"sound of a {name}, please", f"sound {name}") for name in ANIMALS], 1)
    assert (found.metric, found.score) == ("rouge_l", 1.0)
    assert (found.trained, found.held_out, found.same_prompt) == (5, 4, 0)


def test_the_most_frequent_answer_is_a_floor():
    found = retrieval_baseline(KNOWN, [Pair("x", "sound heron"), Pair("y", "sound horse")], 1)
    assert found.most_frequent == 0.75  # all of one answer and half of the words of the other


def test_each_part_of_the_rows_holds_the_one_before():
    known = [Pair(f"number {number}", str(number)) for number in range(400)]
    found = retrieval_baseline(known, known[:50], 1)
    scores = [point.score for point in found.curve]
    assert [point.rows for point in found.curve] == [100, 200, 400]
    assert scores == sorted(scores)
    assert scores[-1] == 1.0
    assert found.same_prompt == 50


def test_prompts_without_a_word_find_any_answer():
    found = retrieval_baseline([Pair("?!", "a"), Pair("...", "b")], [Pair("!", "a"), Pair("?", "b")], 1)
    assert found.score == 0.5


def test_the_interval_holds_the_score():
    asked = [Pair(f"which sound of the {name}", "sound horse") for name in ANIMALS]
    found = retrieval_baseline(KNOWN, asked, 1)
    low, high = found.interval
    assert low <= found.score <= high
    assert low < high


def test_a_single_held_out_pair_is_refused():
    with pytest.raises(ValueError, match="at least two"):
        retrieval_baseline(KNOWN, KNOWN[:1], 1)


def test_answers_in_json_are_compared_by_their_fields():
    known = [Pair(f"order {number} please", f'{{"order": {number}, "state": "open"}}') for number in range(20)]
    found = retrieval_baseline(
        known, [Pair(f"order {number}, is it open", known[number].answer) for number in (3, 7)], 1
    )
    assert (found.metric, found.score) == ("field_accuracy", 1.0)
    assert found.most_frequent == 0.5  # the state alone


def test_the_share_of_the_most_frequent_answer():
    assert most_frequent_share(KNOWN) == 0.4
    assert most_frequent_share([]) == 0.0
