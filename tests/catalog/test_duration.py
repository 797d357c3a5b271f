"""Operations of a token, and how long they take."""

from dataclasses import replace

import pytest

from webapp.catalog import Method, Range, find_gpu, find_model, models
from webapp.catalog.duration import (
    LAYER_SECONDS,
    batch_seconds,
    forward_flops,
    forward_seconds,
    minutes_per_million_tokens,
    slowdown,
    training_flops,
    writing_seconds,
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


def test_gated_deltanet_layers_without_their_kernels_take_twice_as_long() -> None:
    """As published of Qwen3.5-9B: 1.22 s a step instead of 0.70, with 24 of 32 layers of that kind."""
    hybrid = dimensions(find_model("qwen3.5-9b"))
    plain = replace(hybrid, recurrent_layers=0)
    assert slowdown(hybrid) == pytest.approx(1.22 / 0.70, rel=0.02)
    for gpu in ("t4", "a100-80", "cpu"):
        for length in (16, 2048):
            of = {"gpu": find_gpu(gpu), "method": "lora", "rows": 2, "length": length}
            assert batch_seconds(hybrid, **of) == pytest.approx(1.75 * batch_seconds(plain, **of))
            assert forward_seconds(hybrid, **of) == pytest.approx(1.75 * forward_seconds(plain, **of))
    slow, fast = (minutes_per_million_tokens(of, A100, "lora", rows=8, length=1024) for of in (hybrid, plain))
    assert slow.mid == pytest.approx(1.75 * fast.mid)


def test_only_linear_attention_is_slow_not_convolutions_or_sliding_windows() -> None:
    slow = {model.id: slowdown(dimensions(model)) for model in models() if slowdown(dimensions(model)) != 1}
    assert slow == dict.fromkeys(("qwen3.5-0.8b", "qwen3.5-2b", "qwen3.5-4b", "qwen3.5-9b"), 1.75)


def test_a_checkpoint_is_written_at_each_evaluation_and_every_five_minutes() -> None:
    """At 200 MB a second: weights before the first step, then with the optimiser's state, and the best beside them."""
    assert writing_seconds(200e6, 400e6, training=60, evaluations=5) == 1 + 5 * 3 + 5
    assert writing_seconds(200e6, 400e6, training=3300, evaluations=5) == 1 + 5 * 3 * 3 + 5
    assert writing_seconds(200e6, 400e6, training=3300, evaluations=11) == 1 + 11 * 2 * 3 + 11


def test_minutes_are_a_range_of_16_to_10_either_way() -> None:
    found = minutes_per_million_tokens(QWEN_4B, A100, "lora", rows=2, length=1024)
    seconds = batch_seconds(QWEN_4B, A100, "lora", rows=2, length=1024)
    assert found.mid == pytest.approx(seconds * 1e6 / 2048 / 60)
    assert (found.low, found.high) == pytest.approx((found.mid / 1.6, found.mid * 1.6))
    assert Range(1, 2, 3).times(2) == Range(2, 4, 6)
