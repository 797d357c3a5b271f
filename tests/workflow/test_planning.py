"""A plan that is being made: what it takes, and the Problem that making its notebook would raise."""

import pytest

from tests.conftest import jsonl
from webapp import workflow
from webapp.accounts import LOCAL, Caller
from webapp.catalog import PRESETS
from webapp.errors import Problem
from webapp.notebooks import TrainingConfig


@pytest.fixture
def planning(services, sample):
    """The planning of a model for the sample."""
    return lambda model_id="qwen3-1.7b", **given: workflow.planning(
        services, LOCAL, sample, model_id, **{"gpu": "t4", "preset": "balanced"} | given
    )


def test_the_suggestion_is_the_plan_of_its_preset(planning):
    found = planning(preset="fast")
    assert list(found.presets) == list(PRESETS)
    assert found.suggested == found.presets["fast"]
    assert found.suggested.plan.config.lora_rank == PRESETS["fast"].lora_rank
    assert found.presets["best"].run.minutes.mid > found.suggested.run.minutes.mid


def test_settings_are_planned_as_the_notebook_would_have_them(services, sample, planning):
    planned, problem = planning().with_settings(TrainingConfig(lora_rank=8))
    notebook = workflow.generate(services, LOCAL, sample, "qwen3-1.7b", TrainingConfig(lora_rank=8), gpu="t4")
    assert problem is None
    assert planned.plan.config.model_dump() == notebook.config


@pytest.mark.parametrize("wanted", [{"batch_size": 512}, {"max_seq_length": 131_072}], ids=["memory", "context"])
def test_what_cannot_work_is_the_problem_of_the_notebook(services, sample, planning, wanted):
    planned, problem = planning().with_settings(TrainingConfig(**wanted))
    with pytest.raises(Problem) as caught:
        workflow.generate(services, LOCAL, sample, "qwen3-1.7b", TrainingConfig(**wanted), gpu="t4")
    assert planned is None
    assert problem.to_dict() == caught.value.to_dict()


def test_where_nothing_can_be_suggested_there_is_no_plan(planning):
    found = planning("gemma-3-4b")
    assert set(found.presets.values()) == {None}
    assert found.with_settings(TrainingConfig())[1].code == "needs_bf16"


def test_rows_that_make_no_notebook_are_refused_at_once(services, analysed, planning):
    dataset = analysed(jsonl(3))
    found = workflow.planning(services, LOCAL, dataset, "qwen3-1.7b", gpu="t4", preset="balanced")
    assert found.refusal.code == "too_few_examples"
    assert planning().refusal is None


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"gpu": "abacus"}, "unknown_gpu"),
        ({"preset": "lazy"}, "unknown_preset"),
        ({"model_id": "x"}, "model_not_found"),
    ],
    ids=["gpu", "preset", "model"],
)
def test_a_wrong_name_is_refused(planning, given, code):
    with pytest.raises(Problem) as caught:
        planning(**given)
    assert caught.value.code == code


def test_another_persons_dataset_is_not_found(services, sample):
    with pytest.raises(Problem) as caught:
        workflow.planning(services, Caller("somebody"), sample, "qwen3-1.7b", gpu="t4", preset="balanced")
    assert caught.value.code == "dataset_not_found"
