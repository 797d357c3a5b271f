import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from webapp.training.evaluation import held_out_loss
from webapp.training.masking import build_rows, tokenizer_encode
from webapp.training.model import find_hardware, load_model, load_tokenizer, to_sixteen_bits
from webapp.training.saving import is_miniature, save_model, write_model_card, write_report
from webapp.training.turns import tokenizer_render

REPORT = {
    "dataset_sha256": "ab" * 32,
    "license": "Apache-2.0",
    "miniature": False,
    "steps": 7,
    "rows": {"train": 20, "eval": 3, "cut": 0},
    "loss": {"eval_before": 2.5, "eval_after": 1.25},
    "perplexity": {"before": 12.18, "after": 3.49},
    "interval": {"level": 0.95, "conversations": 3, "loss": {"change": [-1.5, -1.0]}},
    "metrics": {"answers": 4, "figures": [{"name": "label_accuracy", "before": 0.25, "after": 0.5, "interval": None}]},
    "samples": [],
    "alarms": [{"code": "no_end_of_turn", "message": "none of 4 ended"}],
    "versions": {"torch": "2.13.0"},
    "hardware": "Tesla T4",
}


def test_the_card_holds_this_runs_numbers_and_replaces_pefts(tmp_path, miniature_of, run_config, llama):
    config = run_config(miniature_of(llama))
    model, tokenizer = load_model(config, find_hardware()), load_tokenizer(config)
    saved = save_model(model, tokenizer, tmp_path)
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json"} <= set(saved)
    text = write_model_card(tmp_path, config, REPORT).read_text()
    for figure in (
        "2.5000 before, 1.2500 after 7 steps (change between -1.5000 and -1.0000)",
        "Perplexity: 12.18 before, 3.49 after",
        "label accuracy of 4 held-out answers: 0.250 before, 0.500 after",
        "20 training rows",
        "ab" * 32,
        "Apache-2.0",
        "torch 2.13.0",
        "Tesla T4",
        "none of 4 ended",
        "95%, bootstrap over 3 held-out conversations",
    ):
        assert figure in text, figure
    assert "miniature:" not in text
    assert "mean nothing" in write_model_card(tmp_path, config, REPORT | {"miniature": True}).read_text()


def test_the_cards_head_names_a_base_model_of_the_hub_and_no_folder(tmp_path, run_config):
    """The hub refuses an upload whose card has a path there (huggingface/transformers#33922)."""
    for base_model, head in (
        ("acme/model", ["---", 'base_model: "acme/model"', "tags: [lora, tunebook]", "---"]),
        (tmp_path, ["---", "tags: [lora, tunebook]", "---"]),
    ):
        lines = write_model_card(tmp_path, run_config(base_model), REPORT).read_text().splitlines()
        assert lines[: len(head)] == head


def test_every_file_can_be_read_as_the_others(tmp_path, miniature_of, run_config, llama):
    config = run_config(miniature_of(llama))
    save_model(load_model(config, find_hardware()), load_tokenizer(config), tmp_path)
    (tmp_path / "usual").touch()
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1


def test_the_report_reads_back_beside_its_page(tmp_path):
    write_report(tmp_path, REPORT, "<!DOCTYPE html>é")
    assert json.loads((tmp_path / "report.json").read_text()) == REPORT
    assert (tmp_path / "report.html").read_text() == "<!DOCTYPE html>é"


def test_a_miniature_is_known_by_its_description(tmp_path):
    assert not is_miniature(str(tmp_path))
    assert not is_miniature("maker/model")
    (tmp_path / "miniature.json").write_text("{}")
    assert is_miniature(str(tmp_path))


def test_a_saved_adapter_answers_as_the_trained_model(tmp_path, miniature_of, run_config, conversations, llama):
    config = run_config(miniature_of(llama))
    model, tokenizer = load_model(config, find_hardware()), load_tokenizer(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(generator=torch.Generator().manual_seed(1))
    save_model(model, tokenizer, tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    (row, *_) = build_rows(conversations, [0], tokenizer_render(tokenizer), tokenizer_encode(tokenizer), 256)
    ids = torch.tensor([row.input_ids])
    model.eval()
    torch.testing.assert_close(again(ids).logits, model(ids).logits)


def test_nothing_of_an_earlier_run_stays_beside_what_is_saved(miniature_of, run_config, llama, tmp_path):
    """An adapter beside another run's weights would be put on those."""
    folder = tmp_path / "model"
    for method, present, absent in (
        ("full", "model.safetensors", "adapter_model.safetensors"),
        ("lora", "adapter_model.safetensors", "model.safetensors"),
    ):
        config = run_config(miniature_of(llama), method=method)
        saved = save_model(load_model(config, find_hardware()), load_tokenizer(config), folder)
        assert present in saved
        assert absent not in saved
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_fully_trained_model_is_saved_in_16_bits_and_loads_as_it_was_measured(
    miniature_of, run_config, conversations, distinct_model, tmp_path
):
    config = run_config(miniature_of(distinct_model), method="full")
    model, tokenizer = load_model(config, find_hardware()), load_tokenizer(config)
    rows = build_rows(conversations, range(6), tokenizer_render(tokenizer), tokenizer_encode(tokenizer), 256)
    to_sixteen_bits(model, find_hardware())
    measured = held_out_loss(model, rows, tokenizer.pad_token_id, find_hardware(), 6)
    save_model(model, tokenizer, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "bfloat16"
    saved = load_file(tmp_path / "model.safetensors")
    weights = [saved[name] for name, _ in model.named_parameters() if name in saved]  # buffers stay as they are
    assert {tensor.dtype for tensor in weights} == {torch.bfloat16}
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert again.dtype == torch.bfloat16
    assert held_out_loss(again, rows, tokenizer.pad_token_id, find_hardware(), 6) == pytest.approx(measured, abs=1e-3)
