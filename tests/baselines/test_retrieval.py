"""The retrieval baseline itself, on pairs by hand."""

import pytest

from webapp.baselines.pairs import Pair
from webapp.baselines.retrieval import most_frequent_share, retrieval_baseline

ANIMALS = ("horse", "otter", "heron", "badger")
KNOWN = [Pair(f"which sound of the {name}", f"sound {name}") for name in ANIMALS] + [Pair("what else", "sound heron")]


def look_up(known, asked):
    """The baseline of conversations with one answer each."""
    return retrieval_baseline([(pair,) for pair in known], [(pair,) for pair in asked], 1)


def test_the_answer_to_the_most_similar_prompt_is_the_prediction():
    found = look_up(KNOWN, [Pair(f"sound of a {name}, please", f"sound {name}") for name in ANIMALS])
    assert (found.metric, found.score) == ("rouge_l", 1.0)
    assert (found.trained, found.held_out, found.same_prompt) == (5, 4, 0)


def test_the_most_frequent_answer_is_a_floor():
    found = look_up(KNOWN, [Pair("x", "sound heron"), Pair("y", "sound horse")])
    assert found.most_frequent == 0.75  # all of one answer and half of the words of the other


def test_each_part_of_the_rows_holds_the_one_before():
    known = [Pair(f"number {number}", str(number)) for number in range(400)]
    found = look_up(known, known[:50])
    scores = [point.score for point in found.curve]
    assert [point.rows for point in found.curve] == [100, 200, 400]
    assert scores == sorted(scores)
    assert scores[-1] == 1.0
    assert found.same_prompt == 50


def test_prompts_without_a_word_find_any_answer():
    found = look_up([Pair("?!", "a"), Pair("...", "b")], [Pair("!", "a"), Pair("?", "b")])
    assert found.score == 0.5


def test_the_interval_holds_the_score():
    asked = [Pair(f"which sound of the {name}", "sound horse") for name in ANIMALS]
    found = look_up(KNOWN, asked)
    low, high = found.interval
    assert low <= found.score <= high
    assert low < high


def test_a_single_held_out_conversation_is_refused():
    for answers in (1, 3):
        with pytest.raises(ValueError, match="at least two"):
            retrieval_baseline([tuple(KNOWN)], [tuple(KNOWN[:answers])], 1)


def test_answers_of_one_conversation_are_no_more_certain_than_one():
    """The same scores: four answers of each of five conversations, and twenty conversations."""
    asked = [Pair("which sound of the horse", f"sound {'horse' if number < 8 else 'owl'}") for number in range(20)]
    alone = look_up(KNOWN, asked)
    together = retrieval_baseline(
        [(pair,) for pair in KNOWN], [asked[place : place + 4] for place in range(0, 20, 4)], 1
    )
    assert (alone.score, alone.held_out) == (together.score, together.held_out)
    (low, high), (wide_low, wide_high) = alone.interval, together.interval
    assert wide_high - wide_low > high - low


def test_the_parts_of_the_curve_are_of_whole_conversations():
    training = [[Pair(f"{number} {turn}", "yes") for turn in range(3)] for number in range(8)]
    found = retrieval_baseline(training, [(Pair("1 1", "yes"),), (Pair("2 2", "no"),)], 1)
    assert [point.rows for point in found.curve] == [6, 12, 24]


def test_answers_in_json_are_compared_by_their_fields():
    known = [Pair(f"order {number} please", f'{{"order": {number}, "state": "open"}}') for number in range(20)]
    found = look_up(known, [Pair(f"order {number}, is it open", known[number].answer) for number in (3, 7)])
    assert (found.metric, found.score) == ("field_accuracy", 1.0)
    assert found.most_frequent == 0.5  # the state alone


def test_the_share_of_the_most_frequent_answer():
    assert most_frequent_share(KNOWN) == 0.4
    assert most_frequent_share([]) == 0.0
