"""What a run reads of a dataset."""

from typing import Any

import msgspec
import pytest

from webapp.catalog import RunPlan, run_tokens
from webapp.catalog.workload import TOKENS_PER_MESSAGE, workload
from webapp.datasets import Analysis
from webapp.datasets.token_report import TokenRange

PLAN = RunPlan(epochs=1, eval_fraction=0.1, max_seq_length=1000)
TEMPLATE = 2 * TOKENS_PER_MESSAGE  # of one question and one answer


@pytest.fixture
def made(analysis: Any) -> Any:
    """An analysis of conversations of these lengths in tokens, {length: how many}."""

    def make(lengths: dict[int, int], turns: float = 1.0) -> Analysis:
        count, total = sum(lengths.values()), sum(length * count for length, count in lengths.items())
        found = analysis(total_examples=count, turns_avg=turns, system_prompt_share=0.0)
        histogram = [TokenRange(length, length + 1, count) for length, count in lengths.items()]
        return msgspec.structs.replace(
            found, tokens=msgspec.structs.replace(found.tokens, total=total, histogram=histogram)
        )

    return make


def test_held_out_rows_are_not_trained_on(made: Any) -> None:
    assert run_tokens(made({100: 200}), PLAN) == 180 * (100 + TEMPLATE)


def test_no_more_than_500_conversations_are_held_out(made: Any) -> None:
    many = made({100: 20_000})
    assert workload(many, PLAN).eval_batches == 500 / PLAN.batch_size
    assert run_tokens(many, PLAN) == 19_500 * (100 + TEMPLATE)
    of_three = made({100: 20_000}, turns=3.0)
    assert workload(of_three, PLAN).eval_batches == 3 * 500 / PLAN.batch_size


def test_every_epoch_reads_them_again(made: Any) -> None:
    once = run_tokens(made({100: 200}), PLAN)
    assert run_tokens(made({100: 200}), msgspec.structs.replace(PLAN, epochs=3)) == 3 * once


def test_longer_rows_are_cut(made: Any) -> None:
    assert run_tokens(made({100: 100, 5000: 100}), PLAN) == 90 * (100 + TEMPLATE) + 90 * 1000


def test_each_answer_of_a_conversation_is_a_row_that_begins_as_the_last_one(made: Any) -> None:
    """Three answers: rows of 1, 2 and 3 thirds of the conversation, or one row when they are trained together."""
    conversation = 300 + 3 * TEMPLATE
    assert run_tokens(made({300: 10}, turns=3.0), PLAN) == pytest.approx(9 * 2 * conversation, abs=1)
    together = msgspec.structs.replace(PLAN, train_turns="together")
    assert run_tokens(made({300: 10}, turns=3.0), together) == pytest.approx(9 * conversation, abs=1)


def test_rows_are_read_in_micro_batches(made: Any) -> None:
    load = workload(made({100: 200}), PLAN)
    assert (load.rows, load.length, load.train_batches, load.eval_batches) == (2, 110, 90, 10)


def test_packed_rows_are_full_but_for_4_percent(made: Any) -> None:
    load = workload(made({100: 200}), msgspec.structs.replace(PLAN, packing=True))
    assert load.length == 1000
    assert load.train_batches == -(-180 * 110 // (2 * 960))


def test_no_tokens_take_no_time(made: Any) -> None:
    assert run_tokens(made({}), PLAN) == 0
