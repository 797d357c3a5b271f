"""The terms of the score move the way their formulas say."""

from typing import Any

import pytest

from webapp.catalog import TARGETS, TASKS, find_model, models
from webapp.catalog.score import (
    WEIGHTS,
    Terms,
    data_fit,
    deployment_fit,
    language_fit,
    score_terms,
    size_fit,
    structure_fit,
    task_fit,
)


def test_the_weights_sum_to_one() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert set(WEIGHTS) == set(Terms._fields)
    assert Terms(1, 1, 1).total == pytest.approx(1)
    assert Terms(0.5, 0.2, 0.1).total == pytest.approx(0.45 * 0.5 + 0.25 * 0.2 + 0.30 * 0.1)


def test_every_term_lies_between_0_and_1(analysis: Any) -> None:
    extreme = [
        analysis(total_examples=1),
        analysis(total_examples=10**7),
        analysis(non_ascii_share=1.0, tool_call_share=1.0, json_answer_share=1.0, system_prompt_share=1.0),
    ]
    for data in extreme:
        for model in models():
            for task in TASKS.values():
                for target in TARGETS.values():
                    assert all(0 <= term <= 1 for term in score_terms(model, data, task, target))


def test_task_fit_is_half_strength_and_half_ability() -> None:
    granite = find_model("granite-4.1-3b")
    half = TASKS["extraction"].half_ability
    assert task_fit(granite, TASKS["extraction"]) == pytest.approx(
        0.5 + 0.5 * granite.parameters / (granite.parameters + half)
    )
    assert task_fit(granite, TASKS["classification"]) < 1
    assert task_fit(granite, TASKS["text_generation"]) < task_fit(granite, TASKS["instruction_following"])


def test_deployment_fit_is_the_room_that_is_left() -> None:
    browser = TARGETS["browser"]
    fits = [deployment_fit(find_model(name), browser) for name in ("smollm2-360m", "qwen3-1.7b", "smollm3-3b")]
    assert fits == sorted(fits, reverse=True)
    assert deployment_fit(find_model("qwen3-8b"), browser) == 0


def test_few_examples_favour_large_models_and_many_close_the_gap(analysis: Any) -> None:
    small, large = find_model("smollm2-360m"), find_model("qwen3-8b")
    gap_few = size_fit(large, analysis(total_examples=60)) - size_fit(small, analysis(total_examples=60))
    gap_many = size_fit(large, analysis(total_examples=20_000)) - size_fit(small, analysis(total_examples=20_000))
    assert gap_few > 0.1 > gap_many > 0
    one_billion = find_model("qwen3-1.7b")
    need = 400 / (one_billion.parameters / 1e9) ** 0.5
    assert size_fit(one_billion, analysis(total_examples=round(need))) == pytest.approx(0.5, abs=0.001)


def test_languages_matter_only_where_the_data_has_them(analysis: Any) -> None:
    english, many = find_model("smollm2-1.7b"), find_model("qwen3-1.7b")
    assert language_fit(english, analysis(non_ascii_share=0)) == 1
    assert language_fit(english, analysis(non_ascii_share=0.6)) == pytest.approx(1 / 20)
    assert language_fit(many, analysis(non_ascii_share=0.6)) == 1
    assert language_fit(english, analysis(non_ascii_share=0.025)) == pytest.approx(1 - 0.5 * 19 / 20)


def test_structure_counts_what_a_model_lacks(analysis: Any) -> None:
    plain, able, no_system = find_model("smollm2-1.7b"), find_model("qwen3-4b"), find_model("gemma-3-270m")
    data = analysis(tool_call_share=1.0, json_answer_share=0.5, system_prompt_share=0.4)
    assert structure_fit(able, data) == 1
    assert structure_fit(plain, data) == pytest.approx(1 - 0.5 - 0.15)
    assert structure_fit(no_system, data) == pytest.approx(1 - 0.5 - 0.08)


def test_data_fit_is_the_product(analysis: Any) -> None:
    model, data = find_model("smollm2-1.7b"), analysis(non_ascii_share=0.02, tool_call_share=0.3)
    assert data_fit(model, data) == pytest.approx(
        size_fit(model, data) * language_fit(model, data) * structure_fit(model, data)
    )
