"""The terms of the score move the way their formulas say."""

from typing import Any

import msgspec
import pytest

from webapp.catalog import TARGETS, TASKS, Case, Profile, TokenRates, find_gpu, find_model, models
from webapp.catalog.constraints import smallest_estimate
from webapp.catalog.score import (
    WEIGHTS,
    Terms,
    context_fit,
    data_fit,
    deployment_fit,
    language_fit,
    licence_fit,
    memory_fit,
    score_terms,
    structure_fit,
    task_fit,
    time_fit,
    tokenizer_fit,
)


def case(data: Any, target: str = "cloud", task: str = "conversation", gpu: str = "h100") -> Case:
    return Case(Profile.of(data), TASKS[task], TARGETS[target], find_gpu(gpu))


def in_languages(data: Any, **shares: float) -> Profile:
    return Profile.of(msgspec.structs.replace(data, languages=msgspec.structs.replace(data.languages, shares=shares)))


def test_the_weights_sum_to_one() -> None:
    assert sum(WEIGHTS) == pytest.approx(1)
    assert Terms(*[1.0] * len(WEIGHTS)).total == pytest.approx(1)
    assert Terms(*[0.0] * len(WEIGHTS))._replace(task=1.0).total == WEIGHTS.task


def test_every_term_lies_between_0_and_1(analysis: Any) -> None:
    extreme = [
        analysis(total_examples=1),
        analysis(total_examples=10**7, p99=200_000),
        analysis(non_ascii_share=1.0, tool_call_share=1.0, json_answer_share=1.0, system_prompt_share=1.0),
    ]
    for data in extreme:
        for model in models():
            memory = smallest_estimate(model, find_gpu("t4"), "lora", 512)
            for task in TASKS:
                for target in TARGETS:
                    asked = case(data, target, task, "t4")
                    terms = score_terms(model, asked, asked.profile.needed_tokens(model), memory)
                    assert all(0 <= term <= 1 for term in terms), terms


def test_task_fit_is_strength_and_ability() -> None:
    granite = find_model("granite-4.1-3b")
    effective = granite.parameters * 1.5 ** (granite.year - 2025)
    ability = effective / (effective + TASKS["extraction"].half_ability)
    assert task_fit(granite, TASKS["extraction"]) == pytest.approx(0.3 + 0.7 * ability)
    assert task_fit(granite, TASKS["text_generation"]) < task_fit(granite, TASKS["instruction_following"])


def test_few_examples_favour_large_models_and_many_close_the_gap(analysis: Any) -> None:
    small, large = find_model("smollm2-360m"), find_model("qwen3-8b")

    def gap(examples: int) -> float:
        profile = Profile.of(analysis(total_examples=examples))
        return data_fit(large, profile) - data_fit(small, profile)

    assert gap(60) > 0.1 > gap(20_000) > 0
    middle = find_model("qwen3-1.7b")
    need = round(400 / (middle.parameters / 1e9) ** 0.5)
    assert data_fit(middle, Profile.of(analysis(total_examples=need))) == pytest.approx(0.5, abs=0.001)


def test_structure_counts_what_a_model_lacks(analysis: Any) -> None:
    plain, able, no_system = find_model("smollm2-1.7b"), find_model("qwen3-4b"), find_model("gemma-3-270m")
    profile = Profile.of(analysis(tool_call_share=1.0, json_answer_share=0.5, system_prompt_share=0.4))
    assert structure_fit(able, profile) == 1
    assert structure_fit(plain, profile) == pytest.approx(1 - 0.5 - 0.15)
    assert structure_fit(no_system, profile) == pytest.approx(1 - 0.5 - 0.08)


def test_the_languages_of_the_data_count_by_their_shares(analysis: Any) -> None:
    english = find_model("smollm2-1.7b")
    assert language_fit(english, in_languages(analysis(), en=1.0)) == 1
    assert language_fit(english, in_languages(analysis(), en=0.6, de=0.4)) == pytest.approx(0.6 + 0.4 / 20)
    assert language_fit(find_model("qwen3-1.7b"), in_languages(analysis(), en=0.6, de=0.4)) == 1


def test_characters_tell_what_the_languages_do_not(analysis: Any) -> None:
    english, many = find_model("smollm2-1.7b"), find_model("qwen3-1.7b")
    untold = msgspec.structs.replace(analysis(non_ascii_share=0.025).languages, shares={})
    data = msgspec.structs.replace(analysis(non_ascii_share=0.025), languages=untold)
    assert language_fit(english, Profile.of(data)) == pytest.approx(1 - 0.5 * 19 / 20)
    assert language_fit(many, Profile.of(data)) == 1


def test_a_tokenizer_is_compared_with_the_best_that_is_known(analysis: Any) -> None:
    best, worse, unknown = find_model("qwen3-1.7b"), find_model("smollm3-3b"), find_model("phi-4-mini")
    profile = Profile.of(analysis(), TokenRates(1.4, {best.id: 1.2, worse.id: 2.4}))
    assert tokenizer_fit(best, profile) == 1
    assert tokenizer_fit(worse, profile) == 0.5
    assert tokenizer_fit(unknown, profile) == 0.75


def test_knowing_one_tokenizer_moves_nobody(analysis: Any) -> None:
    profile = Profile.of(analysis(), TokenRates(1.4, {"qwen3-1.7b": 3.0}))
    assert {tokenizer_fit(model, profile) for model in models()} == {1.0}


def test_deployment_fit_is_the_room_that_is_left(analysis: Any) -> None:
    browser = case(analysis(), "browser")
    fits = [deployment_fit(find_model(name), browser, 500) for name in ("smollm2-360m", "qwen3-1.7b", "smollm3-3b")]
    assert fits == sorted(fits, reverse=True)
    assert deployment_fit(find_model("qwen3-8b"), browser, 500) == 0


def test_context_fit_is_full_at_eight_times_the_need() -> None:
    model = find_model("smollm2-360m")  # 8,192 tokens
    assert context_fit(model, 1024) == 1
    assert 0 < context_fit(model, 6000) < 0.3
    assert context_fit(model, 9000) == 0


def test_memory_and_time_favour_what_takes_less_of_them(analysis: Any) -> None:
    small, large = find_model("qwen3-0.6b"), find_model("qwen3-4b")
    t4 = case(analysis(), gpu="t4")
    few, much = (smallest_estimate(model, t4.gpu, "lora", 512) for model in (small, large))
    assert memory_fit(few) > memory_fit(much) > 0
    assert time_fit(small, t4, few) > time_fit(large, t4, much) > 0
    many = case(analysis(total_examples=10_000), gpu="t4")
    assert time_fit(large, many, much) < time_fit(large, t4, much)


def test_licences(analysis: Any) -> None:
    assert licence_fit(find_model("qwen3-8b")) == 1
    assert licence_fit(find_model("llama-3.2-1b")) == 0.5
    forbidden = msgspec.structs.replace(find_model("llama-3.2-1b"), commercial_use=False)
    assert licence_fit(forbidden) == 0
