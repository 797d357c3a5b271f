import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from webapp.training import merging
from webapp.training.answering import end_tokens
from webapp.training.masking import build_rows, tokenizer_encode
from webapp.training.merging import MergeCheck, Proof, export_merged_model, merge_adapter
from webapp.training.model import find_hardware, load_model, load_tokenizer
from webapp.training.saving import save_model
from webapp.training.turns import tokenizer_render


@pytest.fixture
def trained(tmp_path, miniature_of, run_config, conversations):
    """A saved adapter that changes answers, its model, and the rows to prove a merge with."""

    def make(entry, method="lora"):
        config = run_config(miniature_of(entry), method=method)
        model, tokenizer = load_model(config, find_hardware()), load_tokenizer(config)
        draw = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(std=0.3, generator=draw)
        save_model(model, tokenizer, tmp_path / "adapter")
        render = tokenizer_render(tokenizer)
        rows = build_rows(conversations, range(6), render, tokenizer_encode(tokenizer), 256)
        return config, model, Proof(tokenizer, rows, end_tokens(model, tokenizer, render))

    return make


def merge(config, proof, folder):
    return merge_adapter(config.base_model, folder / "adapter", folder / "merged", "cpu", torch.bfloat16, proof)


def test_the_merged_model_answers_as_the_adapter(distinct_model, trained, tmp_path):
    config, _, proof = trained(distinct_model)
    check = merge(config, proof, tmp_path)
    assert check.agrees
    assert check.answers == merging.CHECK_ROWS
    assert json.loads((tmp_path / "merged/config.json").read_text())["dtype"] == "bfloat16"
    assert not (tmp_path / "merged/adapter_config.json").exists()
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.bfloat16)
    assert merged.dtype == torch.bfloat16
    assert proof.ask(merged, "cpu")[1] == pytest.approx(check.loss_merged, abs=1e-3)
    base = AutoModelForCausalLM.from_pretrained(config.base_model, dtype=torch.bfloat16)
    assert proof.ask(base, "cpu")[0] != proof.ask(merged, "cpu")[0]  # the adapter does something


def test_a_qlora_adapter_is_merged_into_the_16_bit_base(llama, trained, tmp_path):
    config, model, proof = trained(llama, "qlora")
    outcome = export_merged_model(
        config.base_model, model, find_hardware(), tmp_path / "adapter", tmp_path / "merged", proof
    )
    assert outcome["done"], outcome
    assert "quantization_config" not in json.loads((tmp_path / "merged/config.json").read_text())


def test_a_merge_that_answers_differently_is_not_saved(monkeypatch, llama, trained, tmp_path):
    from peft.tuners.tuners_utils import BaseTuner

    config, _, proof = trained(llama)
    monkeypatch.setattr(BaseTuner, "merge_and_unload", lambda self: self.unload())  # forgets the adapter
    check = merge(config, proof, tmp_path)
    assert not check.agrees
    assert not (tmp_path / "merged").exists()


def test_without_room_nothing_is_merged_and_the_need_is_named(monkeypatch, llama, trained, tmp_path):
    config, model, proof = trained(llama)
    monkeypatch.setattr(merging, "available_memory", lambda: 1000)
    outcome = export_merged_model(
        config.base_model, model, find_hardware(), tmp_path / "adapter", tmp_path / "merged", proof
    )
    assert not outcome["done"]
    assert "GB of free memory" in outcome["message"]
    assert not (tmp_path / "merged").exists()


def test_on_a_card_the_base_never_lies_whole_in_main_memory(monkeypatch, llama, trained, tmp_path):
    config, _, proof = trained(llama)
    known, loader = merging.architecture_of(config.base_model)
    asked = []

    class Loader:
        @staticmethod
        def from_pretrained(name, **options):
            asked.append(options.pop("device_map"))
            return loader.from_pretrained(name, **options)

    monkeypatch.setattr(merging, "architecture_of", lambda _: (known, Loader))
    monkeypatch.setattr(Proof, "ask", lambda *_: (["same"], 1.0))
    merge_adapter(config.base_model, tmp_path / "adapter", tmp_path / "merged", "cuda", torch.bfloat16, proof)
    assert asked == [{"": "cuda"}]


@pytest.mark.parametrize(
    ("equal", "loss", "agrees"), [(3, 9.0, True), (2, 1.01, True), (2, 1.5, False), (2, float("nan"), False)]
)
def test_answers_that_differ_need_losses_that_do_not(equal, loss, agrees):
    assert MergeCheck(3, equal, 1.0, loss).agrees is agrees


def test_rounding_is_called_rounding(monkeypatch, llama, trained, tmp_path):
    config, model, proof = trained(llama)
    monkeypatch.setattr(merging, "merge_adapter", lambda *_: MergeCheck(3, 1, 4.2, 4.2003))
    outcome = export_merged_model(config.base_model, model, find_hardware(), tmp_path, tmp_path / "merged", proof)
    assert outcome["done"]
    assert "1 of 3 answers equal to the letter (the losses agree: the rest is 16-bit rounding)" in outcome["message"]
