import math

import pytest

from webapp.training.batches import BatchPlan, count_steps, epoch_batches, make_batch, micro_batches
from webapp.training.masking import Row

ROWS = [Row(index, 1, [1] * (2 + index % 37), 1, False) for index in range(501)]
SORTED = "not asked for"


def test_an_epoch_holds_every_row_once_in_batches_of_like_length(run_config):
    config = run_config("x", batch_size=4)
    batches = epoch_batches(ROWS, config, 0)
    assert sorted(row.conversation for batch in batches for row in batch) == list(range(501))
    spread = [max(len(r.input_ids) for r in b) - min(len(r.input_ids) for r in b) for b in batches]
    assert sum(spread) / len(spread) < 3
    assert batches == epoch_batches(ROWS, config, 0)
    assert batches != epoch_batches(ROWS, config, 1)


def test_steps_count_the_last_partial_accumulation(run_config):
    config = run_config("x", batch_size=4, gradient_accumulation=4, num_epochs=3)
    assert count_steps(ROWS, config) == (math.ceil(126 / 4), 96)
    assert count_steps(ROWS, run_config("x", batch_size=4, max_steps=10))[1] == 10


@pytest.mark.parametrize("size", [8, 5, 3, 1])
def test_a_halved_plan_sends_the_same_rows_through_the_model(run_config, size):
    config = run_config("x", batch_size=size, gradient_accumulation=3)
    plan = BatchPlan(size, 3, SORTED)
    step = epoch_batches(ROWS, config, 0)[:3]
    wanted = sorted(row.conversation for batch in step for row in batch)
    while plan.batch_size > 1:
        plan = plan.halved(config)
        sent = micro_batches(step, plan, 64)
        assert max(map(len, sent)) == plan.batch_size
        assert len(sent) == plan.gradient_accumulation
        assert sorted(row.conversation for batch in sent for group in batch for row in group) == wanted


def test_halving_goes_down_to_a_single_row(run_config):
    config = run_config("x", batch_size=6, gradient_accumulation=4)
    first = BatchPlan(6, 4, SORTED).halved(config)
    assert (first.batch_size, first.gradient_accumulation) == (3, 8)
    second = first.halved(config)
    assert (second.batch_size, second.gradient_accumulation) == (1, 24)


def test_packing_needs_fewer_batches_of_the_same_rows():
    step = [ROWS[start : start + 4] for start in range(0, 16, 4)]
    plain, packed = micro_batches(step, BatchPlan(4, 4, SORTED), 64), micro_batches(step, BatchPlan(4, 4, ""), 64)
    assert len(packed) < len(plain)
    flat = [row.conversation for batch in packed for group in batch for row in group]
    assert sorted(flat) == list(range(16))
    assert make_batch(packed[0], BatchPlan(4, 4, ""), 0, "cpu")["input_ids"].shape[0] == len(packed[0])
    assert make_batch(plain[0], BatchPlan(4, 4, SORTED), 0, "cpu")["input_ids"].shape[0] == 4
