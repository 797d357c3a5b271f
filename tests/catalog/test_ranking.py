"""The order of what meets every constraint."""

from typing import Any

import msgspec
import pytest

from webapp.catalog import TARGETS, TASKS, Case, Profile, find_gpu, find_model
from webapp.catalog.ranking import places, rank


@pytest.fixture
def case(analysis: Any) -> Case:
    return Case(Profile.of(analysis()), TASKS["conversation"], TARGETS["cloud"], find_gpu("a100-80"))


def test_the_score_decides(case: Case) -> None:
    scores = [item.score for item in rank(case, (find_model("qwen3-0.6b"), find_model("qwen3-8b"))).candidates]
    assert scores == sorted(scores, reverse=True)


def test_a_tie_shares_its_place_and_the_smaller_model_stands_first(case: Case) -> None:
    model = find_model("qwen3-1.7b")
    twin = msgspec.structs.replace(model, id="a-twin")
    found = rank(case, (model, find_model("smollm2-135m"), twin))
    assert [item.model.id for item in found.candidates] == ["a-twin", "qwen3-1.7b", "smollm2-135m"]
    assert places(found, case) == [1, 1, 3]


def test_what_could_not_be_checked_comes_after_what_could_and_before_what_is_gated(case: Case) -> None:
    unchecked = msgspec.structs.replace(find_model("qwen3-8b"), id="unchecked", checked="no")
    found = rank(case, (find_model("llama-3.1-8b"), unchecked, find_model("smollm2-135m")))
    assert [item.model.id for item in found.candidates] == ["smollm2-135m", "unchecked", "llama-3.1-8b"]


def test_gated_models_are_ranked_by_score_for_who_asks(case: Case) -> None:
    models = (find_model("smollm2-135m"), find_model("llama-3.1-8b"))
    assert rank(case._replace(gated="equal"), models).first is models[1]


def test_where_only_a_gated_model_fits_it_is_named_but_not_recommended(case: Case) -> None:
    found = rank(case, (find_model("llama-3.1-8b"),))
    assert found.first is None
    assert [(item.model_id, item.code) for item in found.excluded] == [("llama-3.1-8b", "gated")]
    assert "It fits (LoRA in about" in found.excluded[0].reason
