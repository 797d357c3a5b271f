"""Operations of a token, and how long they take."""

import pytest

from webapp.catalog import Method, Range, find_gpu, find_model
from webapp.catalog.duration import (
    LAYER_SECONDS,
    batch_seconds,
    forward_flops,
    forward_seconds,
    minutes_per_million_tokens,
    training_flops,
)
from webapp.catalog.memory import dimensions

QWEN_4B, QWEN_8B = (dimensions(find_model(name)) for name in ("qwen3-4b", "qwen3-8b"))
A100 = find_gpu("a100-80")


def test_a_forward_pass_is_two_operations_a_weight_and_attention() -> None:
    attention = 2 * QWEN_4B.layers * QWEN_4B.query_width * 1024
    assert forward_flops(QWEN_4B, 1024) == 2 * QWEN_4B.parameters + attention


def test_the_table_of_input_tokens_is_looked_up_not_multiplied() -> None:
    """A tied embedding is the head as well, so all of it is multiplied; of an untied pair one half is."""
    untied = QWEN_8B.parameters - QWEN_8B.vocab * QWEN_8B.hidden
    assert forward_flops(QWEN_8B, 1) == pytest.approx(2 * untied, rel=1e-4)


@pytest.mark.parametrize(
    ("method", "checkpointing", "passes"),
    [("full", False, 3), ("full", True, 4), ("lora", False, 2), ("lora", True, 3)],
)
def test_training_costs_two_to_four_forward_passes(method: Method, checkpointing: bool, passes: int) -> None:
    found = training_flops(QWEN_4B, method, 1, checkpointing=checkpointing)
    assert found / forward_flops(QWEN_4B, 1) == pytest.approx(passes, rel=1e-3)


def test_a_short_batch_waits_for_its_kernels() -> None:
    short = batch_seconds(QWEN_4B, A100, "lora", rows=1, length=64)
    assert short == QWEN_4B.layers * LAYER_SECONDS
    assert batch_seconds(QWEN_4B, A100, "lora", rows=1, length=128) == short
    assert forward_seconds(QWEN_4B, A100, "lora", rows=1, length=64) == short / 4


def test_time_grows_with_rows_length_and_a_slower_card_or_method() -> None:
    base = batch_seconds(QWEN_4B, A100, "lora", rows=2, length=2048)
    assert batch_seconds(QWEN_4B, A100, "lora", rows=4, length=2048) == pytest.approx(2 * base)
    assert batch_seconds(QWEN_4B, A100, "lora", rows=2, length=4096) > 2 * base
    assert batch_seconds(QWEN_4B, find_gpu("t4"), "lora", rows=2, length=2048) > base
    assert batch_seconds(QWEN_4B, A100, "qlora", rows=2, length=2048) == pytest.approx(base / 0.75)


def test_minutes_are_a_range_of_16_to_10_either_way() -> None:
    found = minutes_per_million_tokens(QWEN_4B, A100, "lora", rows=2, length=1024)
    seconds = batch_seconds(QWEN_4B, A100, "lora", rows=2, length=1024)
    assert found.mid == pytest.approx(seconds * 1e6 / 2048 / 60)
    assert (found.low, found.high) == pytest.approx((found.mid / 1.6, found.mid * 1.6))
    assert Range(1, 2, 3).times(2) == Range(2, 4, 6)
