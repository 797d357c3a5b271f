"""What is measured of a dataset: kept with its examples, used by what follows, and nobody else's."""

import json

import pytest

from tests.datasets.made_tokenizers import save, texts, words
from tests.test_hub import cache
from webapp import workflow
from webapp.accounts import LOCAL, Caller
from webapp.catalog import find_model
from webapp.catalog.case import LENGTH_STEP
from webapp.catalog.profile import TEMPLATE_TOKENS
from webapp.errors import Problem
from webapp.notebooks import plan_run

OWN = find_model("qwen3-0.6b")


@pytest.fixture(scope="module")
def counted(services, work, sample, tmp_path_factory):
    """Long rows of the sample's words, analysed after `sample`: by now one model's tokenizer is in the hub cache."""
    folder = save(words(), tmp_path_factory.mktemp("words"))
    cache(services.settings.hf_hub_cache, (folder / "tokenizer.json").read_bytes(), OWN)
    answer = {"role": "assistant", "content": " ".join(texts()[:100])}
    rows = [{"messages": [{"role": "user", "content": f"{number}"}, answer]} for number in range(20)]
    dataset = workflow.upload(services, LOCAL, "long.jsonl", [json.dumps(row).encode() + b"\n" for row in rows])
    work()
    return dataset.id


def test_the_rows_held_out_are_those_of_a_notebook_with_no_other_settings(services, sample):
    found = workflow.gate(services, LOCAL, sample).baseline
    config = workflow.generate(services, LOCAL, sample, "smollm2-360m").config
    assert (found.trained, found.held_out) == (270, 300 * config["eval_fraction"])


def test_before_anything_is_measured_there_is_nothing(services):
    dataset = workflow.upload_sample(services, LOCAL)
    assert workflow.gate(services, LOCAL, dataset.id) is None
    assert workflow.token_rates(services, LOCAL, dataset.id) is None


def test_where_no_tokenizer_is_at_hand_no_rates_are_kept(services, sample):
    assert workflow.token_rates(services, LOCAL, sample) is None
    assert workflow.gate(services, LOCAL, sample) is not None


def test_a_tokenizer_in_the_hub_cache_is_counted_with(services, counted):
    found = workflow.token_rates(services, LOCAL, counted)
    assert set(found.models) == {OWN.id}
    assert 1 < found.models[OWN.id] < found.counted


def test_the_recommendation_says_what_was_counted(services, counted):
    found = workflow.recommend(services, LOCAL, counted, task="conversation", target="desktop")
    rate = workflow.token_rates(services, LOCAL, counted).models[OWN.id]
    (own,) = [item for item in found.recommendations if item.model == OWN]
    assert f"Its tokenizer needs {rate:.2f} tokens a word of your data, the fewest of those known." in own.reasons


def test_the_length_of_a_notebook_follows_the_models_own_tokens(services, counted):
    report, rates = workflow.analysis(services, LOCAL, counted), workflow.token_rates(services, LOCAL, counted)
    length = workflow.generate(services, LOCAL, counted, OWN.id, gpu="a100-40").config["max_seq_length"]
    estimated = plan_run(report, OWN, gpu="a100-40").config.max_seq_length
    needed = report.tokens.per_example.p99 * rates.models[OWN.id] / rates.counted + TEMPLATE_TOKENS
    assert needed <= length < needed + LENGTH_STEP < estimated


@pytest.mark.parametrize("finding", [workflow.gate, workflow.token_rates])
def test_findings_are_the_owners_alone(services, sample, finding):
    with pytest.raises(Problem) as caught:
        finding(services, Caller("somebody else"), sample)
    assert caught.value.code == "dataset_not_found"
