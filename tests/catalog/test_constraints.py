"""What rules a model out, with the numbers that did."""

from typing import Any

import msgspec
import pytest

from webapp.catalog import TARGETS, TASKS, Case, Exclusion, MemoryEstimate, Profile, find_gpu, find_model
from webapp.catalog.case import training_length
from webapp.catalog.constraints import candidate_memory
from webapp.catalog.constraints import exclusion as reason_of


def case(data: Any, gpu: str = "t4", target: str = "cloud", **more: Any) -> Case:
    return Case(Profile.of(data), TASKS["conversation"], TARGETS[target], find_gpu(gpu), **more)


def outcome(model: str, data: Any, **options: Any) -> MemoryEstimate | Exclusion:
    asked, found = case(data, **options), find_model(model)
    return candidate_memory(found, asked, asked.profile.needed_tokens(found)) or reason_of(found, asked)


def exclusion(model: str, data: Any, **options: Any) -> Exclusion:
    found = outcome(model, data, **options)
    assert isinstance(found, Exclusion)
    return found


def in_languages(data: Any, **shares: float) -> Any:
    return msgspec.structs.replace(data, languages=msgspec.structs.replace(data.languages, shares=shares))


@pytest.mark.parametrize(
    ("needed", "gpu", "length"),
    [(65, "t4", 256), (257, "t4", 384), (2048, "t4", 2048), (2049, "t4", 2048), (2049, "l4", 2176), (9000, "l4", 8192)],
)
def test_the_length_is_the_next_multiple_of_128(needed: int, gpu: str, length: int) -> None:
    assert training_length(needed, find_model("qwen3-4b"), find_gpu(gpu)) == length


def test_a_model_is_never_trained_beyond_its_context(analysis: Any) -> None:
    found = outcome("smollm2-360m", analysis(p99=7000), gpu="h100")
    assert isinstance(found, MemoryEstimate)
    assert found.max_seq_length <= 8192


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
    found = exclusion("qwen3.5-9b", analysis(p99=1), gpu="apple-16")
    assert found.code == "out_of_memory"
    assert "LoRA about" in found.reason
    found = exclusion("qwen3-8b", analysis(), method="full")
    assert found.code == "out_of_memory"
    for words in ("full fine-tuning about", "14.75 GiB", "85%", "12.5 GiB", "a single row of 640 tokens"):
        assert words in found.reason


def test_too_large_for_the_target(analysis: Any) -> None:
    found = exclusion("qwen3-4b", analysis(), target="browser")
    assert found.code == "too_large_for_target"
    assert "4-bit weights are 2.3 GiB" in found.reason
    assert "2 GiB" in found.reason


def test_long_conversations_can_be_what_is_too_much_for_the_target(analysis: Any) -> None:
    found = exclusion("qwen3-8b", analysis(p99=30_000), target="server", gpu="h100")
    assert found.code == "too_large_for_target"
    assert "with 4 conversations of 34,564 tokens" in found.reason


def test_a_model_of_one_language_is_out_where_the_data_is_in_another_script(analysis: Any) -> None:
    found = exclusion("smollm2-1.7b", analysis(non_ascii_share=0.62))
    assert found.code == "language_not_covered"
    assert "62% of your characters" in found.reason
    assert "(en)" in found.reason
    assert isinstance(outcome("smollm2-1.7b", analysis(non_ascii_share=0.04)), MemoryEstimate)
    assert isinstance(outcome("smollm3-3b", analysis(non_ascii_share=0.62)), MemoryEstimate)


def test_a_model_that_does_not_know_most_of_the_datas_languages_is_out(analysis: Any) -> None:
    turkish = in_languages(analysis(), tr=0.8, en=0.2)
    found = exclusion("smollm3-3b", turkish)
    assert found.code == "language_not_covered"
    assert "80% of your data are in languages that it does not know (tr)" in found.reason
    assert isinstance(outcome("qwen3-1.7b", turkish), MemoryEstimate)
    assert isinstance(outcome("smollm3-3b", in_languages(analysis(), tr=0.4, en=0.6)), MemoryEstimate)


def test_a_card_that_names_only_the_largest_of_its_languages_rules_nothing_out(analysis: Any) -> None:
    assert isinstance(outcome("qwen3-1.7b", in_languages(analysis(), sw=1.0)), MemoryEstimate)


def test_a_model_that_overflows_in_fp16_needs_bf16(analysis: Any) -> None:
    assert exclusion("gemma-3-270m", analysis()).code == "needs_bf16"
    assert isinstance(outcome("gemma-3-270m", analysis(), gpu="l4"), MemoryEstimate)
    assert isinstance(outcome("gemma-3-270m", analysis(), gpu="cpu"), MemoryEstimate)


def test_gated_models_can_be_left_out(analysis: Any) -> None:
    assert exclusion("llama-3.2-1b", analysis(), gated="exclude").code == "gated"
    assert isinstance(outcome("llama-3.2-1b", analysis(), gated="last"), MemoryEstimate)
