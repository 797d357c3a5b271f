import json

from webapp.training.masking import build_rows, tokenizer_encode
from webapp.training.model import find_hardware, load_model, load_tokenizer
from webapp.training.saving import save_model, write_model_card, write_report
from webapp.training.turns import tokenizer_render

REPORT = {
    "dataset_sha256": "ab" * 32,
    "steps": 7,
    "rows": {"train": 20, "eval": 3, "cut": 0},
    "loss": {"eval_before": 2.5, "eval_after": 1.25},
    "samples": [],
}


def test_the_card_holds_this_runs_numbers_and_replaces_pefts(tmp_path, miniature_of, run_config, llama):
    config = run_config(miniature_of(llama))
    model, tokenizer = load_model(config, find_hardware()), load_tokenizer(config)
    saved = save_model(model, tokenizer, tmp_path)
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json"} <= set(saved)
    text = write_model_card(tmp_path, config, REPORT, "Apache-2.0").read_text()
    for figure in ("2.5000 before, 1.2500 after 7 steps", "20 training rows", "ab" * 32, "Apache-2.0"):
        assert figure in text


def test_the_report_reads_back(tmp_path):
    assert json.loads(write_report(tmp_path, REPORT).read_text()) == REPORT


def test_a_saved_adapter_answers_as_the_trained_model(tmp_path, miniature_of, run_config, conversations, llama):
    import torch
    from transformers import AutoModelForCausalLM

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
