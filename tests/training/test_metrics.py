import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.training.metrics import (
    choose_metric,
    common_subsequence,
    field_accuracy,
    json_fields,
    macro_f1,
    read_json,
    rouge_l,
    score_answer,
)

LABELS = ["refund", "delivery", "other"] * 5


@pytest.mark.parametrize(
    ("references", "kind"),
    [
        (LABELS, "labels"),
        (["5", "6"] * 4, "labels"),  # JSON too, but no object
        ([f"name {n}" for n in range(20)], "text"),  # short, but not closed
        (["A long answer that explains things at some length, every time the same."] * 9, "text"),
        ([json.dumps({"n": n}) for n in range(9)] + ["I cannot say"], "json"),
        ([json.dumps({"n": n}) for n in range(5)] + ["I cannot say"], "text"),
        (['```json\n{"a": 1}\n```'] * 3, "json"),
        (["", "  "], "text"),
        ([], "text"),
        (["[" * 100_000] * 3, "text"),
    ],
)
def test_the_metric_is_read_from_the_answers_of_the_data(references, kind):
    assert choose_metric(references) == kind


def test_a_label_is_right_whatever_its_case_but_matches_exactly_only_as_it_stands():
    assert score_answer("labels", "Refund.", "refund") == {"label_accuracy": 1.0, "exact_match": 0.0}
    assert score_answer("labels", " refund\n", "refund") == {"label_accuracy": 1.0, "exact_match": 1.0}
    assert score_answer("labels", "refunds", "refund")["label_accuracy"] == 0.0


def test_macro_f1_counts_every_label_alike():
    assert macro_f1(LABELS, LABELS) == 1.0
    # refund: precision 1/2, recall 1 -> 2/3; delivery: nothing found -> 0
    assert macro_f1(["refund", "refund"], ["refund", "delivery"]) == pytest.approx(1 / 3)
    # an answer that is no label finds none and takes none away
    assert macro_f1(["refund", "I do not know"], ["refund", "delivery"]) == pytest.approx(1 / 2)


def test_fields_are_compared_by_their_place_and_value():
    reference = {"name": "Ann", "order": {"id": 7, "items": ["bell", "lock"]}}
    assert field_accuracy(reference, reference) == 1.0
    assert field_accuracy({"name": "Ann", "order": {"id": "7", "items": ["bell"]}}, reference) == 2 / 4
    assert field_accuracy(reference | {"more": 1}, reference) == 4 / 5
    assert field_accuracy(None, reference) == 0.0
    assert field_accuracy({"a": True}, {"a": 1}) == 0.0
    assert field_accuracy({}, {}) == 1.0


def test_an_answer_that_is_no_json_scores_nothing():
    assert score_answer("json", '{"a": 1', '{"a": 1}') == {"field_accuracy": 0.0, "json_validity": 0.0}
    assert score_answer("json", '{"a": 2}', '{"a": 1}') == {"field_accuracy": 0.0, "json_validity": 1.0}
    assert score_answer("json", "7", '{"a": 1}')["json_validity"] == 0.0


def test_names_with_slashes_do_not_meet():
    assert len(json_fields({"a/b": 1, "a": {"b": 2}})) == 2


def test_deep_json_is_read_without_recursion():
    deep = read_json("[" * 500 + "]" * 500)
    assert len(json_fields(deep)) == 1


def test_rouge_l_is_lins_example():
    # Lin 2004, section 3.1: "police killed the gunman" against "police kill the gunman": 3 of 4 words in order
    assert rouge_l("police kill the gunman", "police killed the gunman") == 3 / 4
    assert rouge_l("the gunman kill police", "police killed the gunman") == 2 / 4


@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [
        ("Größe: XL", "größe xl", 1.0),
        ("我喜歡自行車", "我喜歡船", 2 * 3 / (6 + 4)),
        ("", "words", 0.0),
        ("🚲", "🚲", 1.0),
        ("🚲", "⚓", 0.0),
    ],
)
def test_rouge_l_reads_every_script(answer, reference, score):
    assert rouge_l(answer, reference) == pytest.approx(score)


def by_table(first, second):
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            table[i + 1][j + 1] = table[i][j] + 1 if one == other else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


@given(st.lists(st.sampled_from("abcd"), max_size=80), st.lists(st.sampled_from("abcd"), max_size=80))
def test_the_longest_common_subsequence_is_that_of_the_table(first, second):
    assert common_subsequence(first, second) == by_table(first, second)


@given(st.sampled_from(["labels", "json", "text"]), st.text(), st.text())
def test_every_answer_has_scores_from_0_to_1(kind, answer, reference):
    assert all(0 <= score <= 1 for score in score_answer(kind, answer, reference).values())
    assert set(score_answer(kind, reference, reference).values()) <= {0.0, 1.0}
