import math

import pytest

from webapp.training.answering import Answer, read_answer
from webapp.training.evaluation import RowLoss
from webapp.training.masking import Row
from webapp.training.metrics import rouge_l
from webapp.training.results import (
    compare_rows,
    loss_figures,
    metric_figures,
    perplexity,
    reference_answer,
    show_samples,
)

TALKS = [
    {"messages": [{"role": "user", "content": f"Q{n}"}, {"role": "assistant", "content": label}]}
    for n, label in enumerate(["yes", "no", "yes", "no", "yes"])
]
ROWS = [Row(number, 1, [1, 2, 3], 2, False) for number in range(5)]


def compared(before, after, losses_after=(1.0,) * 5):
    return compare_rows(
        "labels",
        TALKS,
        ROWS,
        [reference_answer(TALKS, row, None, []) for row in ROWS],
        [(Answer(old, True), Answer(new, new != "ramble")) for old, new in zip(before, after, strict=True)],
        [(RowLoss(n, 2.0, 2), RowLoss(n, loss * 2, 2)) for n, loss in enumerate(losses_after)],
    )


BEFORE = ["yes", "yes", "no", "no", "maybe"]
AFTER = ["ramble", "no", "yes", "no", "maybe"]  # lost, won, won, kept, wrong as before


def test_regressions_come_first_and_a_tie_is_told_by_the_loss():
    samples = show_samples(compared(BEFORE, AFTER, (1, 1, 1, 0.5, 3)), 5)
    assert [(sample["prompt"], sample["verdict"]) for sample in samples] == [
        ("Q0", "worse"), ("Q4", "worse"), ("Q3", "better"), ("Q1", "better"), ("Q2", "better")
    ]  # fmt: skip
    assert samples[0]["score_before"] == 1.0
    assert samples[0]["score_after"] == 0.0
    assert [sample["ended"] for sample in samples] == [False, True, True, True, True]
    assert samples[1]["loss_after"] == 3.0


def test_few_samples_are_the_regressions_and_then_some_of_the_rest():
    assert [sample["prompt"] for sample in show_samples(compared(BEFORE, AFTER, (1, 1, 1, 0.5, 3)), 1)] == ["Q0"]
    three = show_samples(compared(BEFORE, AFTER, (1, 1, 1, 0.5, 3)), 3)
    assert [sample["verdict"] for sample in three] == ["worse", "worse", "better"]
    assert show_samples(compared(BEFORE, AFTER), 0) == []


def test_the_figures_are_means_with_intervals():
    metrics = metric_figures("labels", compared(BEFORE, AFTER), 0)
    assert (metrics["kind"], metrics["answers"], metrics["worse"]) == ("labels", 5, 1)
    figures = {figure["name"]: figure for figure in metrics["figures"]}
    assert list(figures) == ["label_accuracy", "exact_match", "macro_f1"]
    assert (figures["label_accuracy"]["before"], figures["label_accuracy"]["after"]) == (0.4, 0.6)
    low, high = figures["label_accuracy"]["interval"]["change"]
    assert -1 <= low < 0.2 < high <= 1
    assert figures["macro_f1"]["after"] == pytest.approx((2 / 4 + 1) / 2)


def test_no_answers_make_no_figures():
    assert metric_figures("labels", [], 0) == {"kind": "labels", "answers": 0, "worse": 0, "figures": []}


def test_perplexity_is_that_of_all_tokens_and_lies_in_its_interval():
    before = [RowLoss(n, 3.0 * (n + 1), n + 1) for n in range(20)]
    after = [RowLoss(n, (1.0 + n / 20) * (n + 1), n + 1) for n in range(20)]
    figures = loss_figures(before, after, 0)
    assert figures["perplexity"]["before"] == pytest.approx(math.exp(3))
    low, high = figures["interval"]["perplexity"]["after"]
    assert low < figures["perplexity"]["after"] < high
    assert figures["interval"]["loss"]["change"][1] < 0
    assert figures["interval"]["conversations"] == 20


def test_one_held_out_conversation_has_no_interval():
    assert loss_figures([RowLoss(3, 2.0, 1)], [RowLoss(3, 1.0, 1)], 0)["interval"]["loss"] is None


def test_a_huge_loss_has_a_perplexity_that_json_can_hold():
    assert math.isfinite(perplexity(1e6))


class Letters:
    """A tokenizer whose tokens are the letters of a text, the special one for the end of a turn among them."""

    def decode(self, ids, skip_special_tokens):
        return "".join(map(chr, ids)).replace("$", "" if skip_special_tokens else "<|im_end|>")


@pytest.mark.parametrize("words", [None, "One moment."])
def test_a_tool_call_is_compared_with_what_the_model_would_write(words):
    """Read in the same way: an answer equal to the data's own is as good as can be."""
    call = {"role": "assistant", "content": words, "tool_calls": [{}]}
    talk = {"messages": [{"role": "user", "content": "Q"}, call]}
    written = f'{words or ""}<call>{{"bike": 7}}</call>$\n'
    ids = [ord(letter) for letter in f"Q{written}"]
    reference = reference_answer([talk], Row(0, 1, ids, 1, False), Letters(), [ord("$")])
    answer = read_answer(ids[1:], Letters(), [ord("$")])
    assert reference == answer.text == written.removesuffix("$\n")
    assert rouge_l(answer.text, reference) == 1.0
