import msgspec
import pytest

from webapp.catalog import find_model
from webapp.errors import Problem
from webapp.notebooks import Embedded, Fetched, TrainingConfig, assemble, plan_run, render


def with_examples(analysis, count):
    return msgspec.structs.replace(analysis, total_examples=count)


def test_what_the_catalogue_suggests_becomes_the_configuration(sample):
    plan = plan_run(sample[0], find_model("qwen3-1.7b"))
    assert (plan.gpu.id, plan.config.method, plan.config.num_epochs) == ("t4", "lora", 3)
    assert plan.config.model_dump(include=set(plan.settings.values)) == plan.settings.values


def test_what_the_person_sets_wins_and_the_rest_follows_it(sample):
    config = plan_run(sample[0], find_model("qwen3-0.6b"), TrainingConfig(method="full", seed=7)).config
    assert (config.method, config.seed, config.learning_rate) == ("full", 7, 2e-5)


def test_a_model_too_large_for_the_card_that_is_named_gets_qlora(sample):
    assert plan_run(sample[0], find_model("qwen3-8b"), gpu="t4").config.method == "qlora"
    assert plan_run(sample[0], find_model("qwen3-8b"), gpu="a100-40").config.method == "lora"


def test_the_card_and_the_preset_can_be_named(sample):
    plan = plan_run(sample[0], find_model("qwen3-1.7b"), gpu="RTX 4090", preset="best")
    assert (plan.gpu.id, plan.settings.preset, plan.config.lora_rank) == ("rtx-4090", "best", 32)


def test_too_few_rows_are_refused_with_the_reason(sample):
    with pytest.raises(Problem, match="9 valid examples; training needs at least 10") as raised:
        assemble(with_examples(sample[0], 9), sample[1], find_model("qwen3-1.7b"), "x.jsonl")
    assert raised.value.code == "too_few_examples"


def test_rows_travel_in_the_notebook_unless_another_way_is_given(sample):
    model = find_model("qwen3-1.7b")
    assert assemble(*sample, model, "x.jsonl").delivery == Embedded(sample[1].payload().read_bytes())
    by_file = Fetched("x.data.jsonl.gz", 9, "0" * 64)
    assert assemble(*sample, model, "x.jsonl", delivery=by_file).delivery is by_file


def test_the_notebook_asks_colab_for_the_card_it_was_planned_for(sample):
    model = find_model("qwen3-8b")
    text = render(assemble(*sample, model, "x.jsonl", plan_run(sample[0], model, gpu="a100-40"))).decode()
    assert "Change runtime type > A100 GPU" in text
    assert '"gpuType": "A100"' in text


def test_where_colab_has_no_such_card_it_is_asked_for_the_smallest_that_can_do_it(sample):
    model = find_model("gemma-3-4b")
    plan = plan_run(sample[0], model, gpu="rtx-4090")
    assert (plan.gpu.id, plan.colab.id) == ("rtx-4090", "l4")
    text = render(assemble(*sample, model, "x.jsonl", plan)).decode()
    assert "for the RTX 4090" in text
    assert "Change runtime type > L4 GPU" in text
