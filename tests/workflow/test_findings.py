"""What is measured of a dataset: kept with its examples, used by what follows, and nobody else's."""

import json
from importlib import import_module

import pytest

from tests.datasets.made_tokenizers import save, texts, words
from tests.hub.test_tokenizers import cache
from webapp import workflow
from webapp.accounts import LOCAL, Caller
from webapp.catalog import find_model
from webapp.catalog.case import LENGTH_STEP
from webapp.catalog.profile import TEMPLATE_TOKENS
from webapp.errors import Problem
from webapp.notebooks import plan_run
from webapp.training.data import split_conversations
from webapp.workflow import findings
from webapp.workflow.analyses import open_examples

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


@pytest.mark.parametrize(("count", "held_out"), [(60, 12), (300, 30), (20_000, 500)])
def test_the_rows_held_out_are_those_of_a_notebook_with_no_other_settings(services, work, monkeypatch, count, held_out):
    """Each row is its number, and every tenth is there twice."""
    gate, seen = import_module("webapp.baselines.gate"), []
    monkeypatch.setattr(gate, "MIN_HELD_OUT", 2)
    monkeypatch.setattr(gate, "retrieval_baseline", lambda *sides: seen.extend(sides[:2]))
    numbers = [number - (number % 10 == 1) for number in range(count)]
    dataset = workflow.upload(services, LOCAL, "numbers.jsonl", map(numbered, numbers))
    work()
    config = workflow.generate(services, LOCAL, dataset.id, "smollm2-360m").config
    rows = list(open_examples(services, dataset.id).conversations())
    trained, left = split_conversations(rows, config["eval_fraction"], config["seed"])
    known, asked = ({pair.answer for pairs in side for pair in pairs} for side in seen)
    assert asked == {f"It is {numbers[place]}." for place in left}
    assert known <= {f"It is {numbers[place]}." for place in trained}
    assert held_out <= len(left) <= held_out + 1  # a row that is there twice is on one side


def numbered(number):
    asked = {"role": "user", "content": f"What is number {number}?"}
    return json.dumps({"messages": [asked, {"role": "assistant", "content": f"It is {number}."}]}).encode() + b"\n"


@pytest.mark.parametrize("measure", ["measure_gate", "measure_rates"])
def test_what_cannot_be_measured_is_logged_and_costs_no_analysis(services, work, monkeypatch, capsys, measure):
    def fail(*_):
        raise RuntimeError("out of order")

    monkeypatch.setattr(findings, measure, fail)
    dataset = workflow.upload(services, LOCAL, "a.jsonl", map(numbered, range(30)))
    work()
    assert workflow.dataset_state(services, LOCAL, dataset.id).job.status == "completed"
    assert (workflow.gate(services, LOCAL, dataset.id) is None) == (measure == "measure_gate")
    logged = capsys.readouterr().err
    assert dataset.id in logged
    assert "out of order" in logged


def test_nothing_old_is_left_of_what_could_not_be_measured_anew(services, counted, monkeypatch):
    monkeypatch.setattr(findings, "measure_gate", lambda *_: 1 / 0)
    monkeypatch.setattr(findings, "measure_rates", lambda *_: None)
    findings.keep_findings(services, counted)
    assert workflow.gate(services, LOCAL, counted) is None
    assert workflow.token_rates(services, LOCAL, counted) is None
    monkeypatch.undo()
    findings.keep_findings(services, counted)
    assert workflow.gate(services, LOCAL, counted)


def test_a_finding_in_an_older_form_is_as_good_as_none(services, sample):
    path = services.blobs.path(f"datasets/{sample}/examples/gate.json")
    written = path.read_bytes()
    path.write_bytes(b'{"verdict": "go_on"}')
    assert workflow.gate(services, LOCAL, sample) is None
    path.write_bytes(written)
    assert workflow.gate(services, LOCAL, sample)


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
