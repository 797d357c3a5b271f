"""What a run leaves behind: adapter or model, tokenizer, a model card of real numbers, and the report."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from webapp.training.configuration import RunConfig


def save_model(model: Any, tokenizer: Any, folder: Path) -> list[str]:
    """Writes the adapter (or the whole model) with its tokenizer; returns the file names."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def write_report(folder: Path, report: Mapping[str, Any]) -> Path:
    """`report.json`: rows, loss before and after, sample answers; what the app and the command line show."""
    path = folder / "report.json"
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def write_model_card(folder: Path, config: RunConfig, report: Mapping[str, Any], license_name: str) -> Path:
    """README.md for the model folder, every figure taken from this run; replaces the template peft writes."""
    loss, rows = report["loss"], report["rows"]
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft"))
    lines = [
        "---",
        f"base_model: {json.dumps(config.base_model)}",
        f"tags: [{config.method}, tunebook]",
        "---",
        f"# {config.method} fine-tune of {config.base_model}",
        "",
        f"- Base model licence: {license_name}",
        f"- Data: {rows['train']} training rows, {rows['eval']} held-out rows, SHA-256 `{report['dataset_sha256']}`",
        f"- Held-out loss: {loss['eval_before']:.4f} before, {loss['eval_after']:.4f} after {report['steps']} steps",
        f"- Method: {config.method}, LoRA rank {config.lora_rank}, alpha {config.lora_alpha}",
        f"- Learning rate {config.learning_rate}, {config.num_epochs} epochs, batch {config.batch_size} x "
        f"{config.gradient_accumulation}, sequence length {config.max_seq_length}, seed {config.seed}",
        f"- Versions: {versions}",
    ]
    path = folder / "README.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
