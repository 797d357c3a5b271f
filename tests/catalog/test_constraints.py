"""What rules a model out, with the numbers that did."""

from typing import Any

import msgspec
import pytest

from webapp.catalog import TARGETS, Exclusion, MemoryEstimate, find_gpu, find_model, make_plan, needed_tokens
from webapp.catalog.constraints import check


def outcome(
    model: str,
    data: Any,
    *,
    gpu: str = "t4",
    methods: Any = ("lora", "qlora"),
    target: str = "cloud",
    include_gated: bool = True,
) -> MemoryEstimate | Exclusion:
    return check(find_model(model), make_plan(data, find_gpu(gpu), methods), TARGETS[target], include_gated)


def exclusion(*args: Any, **options: Any) -> Exclusion:
    found = outcome(*args, **options)
    assert isinstance(found, Exclusion)
    return found


def test_fifteen_percent_and_64_are_added_for_other_tokenizers_and_the_template(analysis: Any) -> None:
    assert needed_tokens(analysis(p99=706)) == 812 + 64


def test_a_count_by_the_models_own_tokenizer_needs_no_margin(analysis):
    estimate = analysis(p99=706)
    exact = msgspec.structs.replace(estimate, tokens=msgspec.structs.replace(estimate.tokens, exact=True))
    assert needed_tokens(exact) == 706 + 64


@pytest.mark.parametrize(
    ("p99", "gpu", "length", "cut"),
    [
        (1, "t4", 256, False),
        (166, "t4", 256, False),
        (167, "t4", 512, False),
        (1725, "t4", 2048, False),
        (1726, "t4", 2048, True),
        (1726, "l4", 4096, False),
        (20_000, "l4", 8192, True),
    ],
)
def test_the_length_is_the_next_power_of_two(analysis: Any, p99: int, gpu: str, length: int, cut: bool) -> None:
    plan = make_plan(analysis(p99=p99), find_gpu(gpu), ("lora",))
    assert (plan.max_seq_length, plan.cut) == (length, cut)


def test_a_model_is_never_trained_beyond_its_context(analysis: Any) -> None:
    found = outcome("smollm2-360m", analysis(p99=7000), gpu="h100")
    assert isinstance(found, MemoryEstimate)
    assert found.max_seq_length == 8192


def test_lora_before_qlora(analysis: Any) -> None:
    roomy, tight = outcome("qwen3-4b", analysis()), outcome("qwen3-8b", analysis())
    assert isinstance(roomy, MemoryEstimate)
    assert isinstance(tight, MemoryEstimate)
    assert (roomy.method, tight.method) == ("lora", "qlora")


def test_context_too_short(analysis: Any) -> None:
    found = exclusion("smollm2-1.7b", analysis(p99=9000))
    assert found.code == "context_too_short"
    assert "10,414 tokens" in found.reason
    assert "8,192" in found.reason


def test_out_of_memory_names_each_method_and_the_card(analysis: Any) -> None:
    found = exclusion("qwen3-8b", analysis(), methods=("lora", "full"))
    assert found.code == "out_of_memory"
    for number in (
        "LoRA about 18.7 GiB",
        "full fine-tuning about 143.6 GiB",
        "14.75 GiB",
        "85%",
        "12.5 GiB",
        "1,024 tokens",
    ):
        assert number in found.reason


def test_too_large_for_the_target(analysis: Any) -> None:
    found = exclusion("qwen3-4b", analysis(), target="browser")
    assert found.code == "too_large_for_target"
    assert "4-bit weights are 2.3 GiB" in found.reason
    assert "2 GiB" in found.reason


def test_a_model_of_one_language_is_out_where_the_data_is_in_another_script(analysis: Any) -> None:
    found = exclusion("smollm2-1.7b", analysis(non_ascii_share=0.62))
    assert found.code == "language_not_covered"
    assert "62% of your characters" in found.reason
    assert "(en)" in found.reason
    assert isinstance(outcome("smollm2-1.7b", analysis(non_ascii_share=0.04)), MemoryEstimate)
    assert isinstance(outcome("smollm3-3b", analysis(non_ascii_share=0.62)), MemoryEstimate)


def test_a_model_that_overflows_in_fp16_needs_bf16(analysis: Any) -> None:
    assert exclusion("gemma-3-270m", analysis()).code == "needs_bf16"
    assert isinstance(outcome("gemma-3-270m", analysis(), gpu="l4"), MemoryEstimate)
    assert isinstance(outcome("gemma-3-270m", analysis(), gpu="cpu", methods=("lora",)), MemoryEstimate)


def test_gated_models_can_be_left_out(analysis: Any) -> None:
    assert exclusion("llama-3.2-1b", analysis(), include_gated=False).code == "gated"
    assert isinstance(outcome("llama-3.2-1b", analysis()), MemoryEstimate)
