"""What a run leaves behind: adapter or model, tokenizer, a model card of real numbers, and the report."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webapp.training.configuration import RunConfig
from webapp.training.drive import discard_folder


def save_model(model: Any, tokenizer: Any, folder: Path) -> list[str]:
    """Writes the adapter (or the whole model) with its tokenizer; returns the file names.

    What an earlier run left in `folder` is replaced as a whole: an adapter beside another run's weights would be put on
    those.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    discard_folder(partial)
    model.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    make_readable(partial)
    discard_folder(folder)
    partial.rename(folder)
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def make_readable(folder: Path) -> None:
    """Gives every file the rights that new files have here: safetensors keeps its own to their owner."""
    mask = os.umask(0)
    os.umask(mask)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o666 & ~mask)


def is_miniature(base_model: str) -> bool:
    """Whether the base model is the miniature of a dry run, which has its description beside it."""
    return Path(base_model, "miniature.json").exists()


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """The document as indented JSON."""
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_report(folder: Path, report: Mapping[str, Any], page: str) -> None:
    """`report.json`, which the app and the command line show, and the same as a page, `report.html`."""
    write_json(folder / "report.json", report)
    (folder / "report.html").write_text(page, encoding="utf-8", errors="replace")


def write_model_card(folder: Path, config: RunConfig, report: Mapping[str, Any]) -> Path:
    """README.md for the model folder, every figure taken from this run; replaces the template peft writes."""
    loss, rows, interval = report["loss"], report["rows"], report["interval"]
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    lines = [
        "---",
        # The hub refuses a card whose base model is a folder.
        *([] if Path(config.base_model).is_dir() else [f"base_model: {json.dumps(config.base_model)}"]),
        f"tags: [{config.method}, tunebook]",
        "---",
        f"# {config.method} fine-tune of {config.base_model}",
        "",
        "This was a dry run on a miniature: its figures mean nothing for the real model.\n"
        if report["miniature"]
        else "",
        f"- Base model licence: {report['license']}",
        f"- Data: {rows['train']} training rows, {rows['eval']} held-out rows, SHA-256 `{report['dataset_sha256']}`",
        f"- Held-out loss: {loss['eval_before']:.4f} before, {loss['eval_after']:.4f} after {report['steps']} steps"
        + card_interval(interval["loss"]),
        f"- Perplexity: {report['perplexity']['before']:.4g} before, {report['perplexity']['after']:.4g} after",
        *(
            f"- {figure['name'].replace('_', ' ')} of {report['metrics']['answers']} held-out answers: "
            f"{figure['before']:.3f} before, {figure['after']:.3f} after" + card_interval(figure["interval"])
            for figure in report["metrics"]["figures"]
        ),
        *(f"- Alarm: {alarm['message']}" for alarm in report["alarms"]),
        f"- Method: {config.method}, LoRA rank {config.lora_rank}, alpha {config.lora_alpha}",
        f"- Learning rate {config.learning_rate}, {config.num_epochs} epochs, batch {config.batch_size} x "
        f"{config.gradient_accumulation}, sequence length {config.max_seq_length}, seed {config.seed}",
        f"- Machine: {report['hardware']}",
        f"- Versions: {versions}",
        f"- Intervals: {interval['level']:.0%}, bootstrap over {interval['conversations']} held-out conversations",
    ]
    path = folder / "README.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def card_interval(interval: Mapping[str, Any] | None) -> str:
    """The interval of a change, where there is one."""
    return f" (change between {interval['change'][0]:.4f} and {interval['change'][1]:.4f})" if interval else ""
