import msgspec
import pytest

from webapp.catalog import find_model
from webapp.errors import Problem
from webapp.notebooks import TrainingConfig, assemble, effective_config


def with_examples(analysis, count):
    return msgspec.structs.replace(analysis, total_examples=count)


@pytest.mark.parametrize(("examples", "epochs"), [(10, 10), (20, 5), (50, 3), (5000, 3), (1, 25)])
def test_small_data_is_seen_more_often(sample, examples, epochs):
    config = effective_config(with_examples(sample[0], examples), find_model("qwen3-1.7b"), None)
    assert config.num_epochs == epochs


def test_the_length_holds_the_99th_percentile(sample):
    config = effective_config(sample[0], find_model("qwen3-1.7b"), None)
    assert config.max_seq_length >= sample[0].tokens.per_example.p99
    assert config.max_seq_length == 512


def test_a_model_too_large_for_lora_on_a_t4_gets_qlora(sample):
    assert effective_config(sample[0], find_model("qwen3-1.7b"), None).method == "lora"
    assert effective_config(sample[0], find_model("qwen3-8b"), None).method == "qlora"


def test_what_the_person_sets_wins_and_the_rest_follows_it(sample):
    config = effective_config(sample[0], find_model("qwen3-1.7b"), TrainingConfig(method="full", lora_rank=4))
    assert (config.method, config.lora_rank, config.learning_rate) == ("full", 4, 2e-5)


def test_a_length_beyond_the_context_is_refused(sample):
    with pytest.raises(Problem, match="8,192") as raised:
        effective_config(sample[0], find_model("smollm2-360m"), TrainingConfig(max_seq_length=16384))
    assert raised.value.param == "training_config.max_seq_length"


def test_too_few_rows_are_refused_with_the_reason(sample):
    with pytest.raises(Problem, match="9 valid examples; training needs at least 10") as raised:
        assemble(with_examples(sample[0], 9), sample[1], find_model("qwen3-1.7b"), "x.jsonl")
    assert raised.value.code == "too_few_examples"


def test_rows_that_cannot_be_embedded_are_refused_with_the_limit(sample, monkeypatch):
    analysis, examples = sample
    monkeypatch.setattr(examples, "payload", lambda: None)
    with pytest.raises(Problem, match="5 MB") as raised:
        assemble(analysis, examples, find_model("qwen3-1.7b"), "x.jsonl")
    assert raised.value.code == "dataset_too_large_to_embed"
