"""The receipt of a run: what it was made of, so that anyone can tell later what no longer matches."""

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from webapp.training.configuration import RunConfig

RECEIPT_VERSION = 1
PACKAGES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "numpy", "bitsandbytes")


def installed_versions() -> dict[str, str]:
    """Versions of Python and of the packages a run depends on, as far as they are installed here."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def template_sha256(chat_template: Any) -> str:
    """SHA-256 of the tokenizer's chat template; of its JSON where a tokenizer names several."""
    text = chat_template if isinstance(chat_template, str) else json.dumps(chat_template, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def split_sha256(train: Sequence[int], held_out: Sequence[int]) -> str:
    """SHA-256 of which conversations (0-based) are trained on and which are held out."""
    return hashlib.sha256(json.dumps([list(train), list(held_out)]).encode("ascii")).hexdigest()


def make_receipt(
    config: RunConfig, report: Mapping[str, Any], split: tuple[Sequence[int], Sequence[int]]
) -> dict[str, Any]:
    """The receipt: hashes of data, split and template, parameters, versions, machine, and what was measured."""
    train, held_out = split
    return {
        "receipt": RECEIPT_VERSION,
        "base_model": config.base_model,
        "dataset_sha256": report["dataset_sha256"],
        "split": {"train": len(train), "held_out": len(held_out), "sha256": split_sha256(train, held_out)},
        "template_sha256": report["template_sha256"],
        "parameters": asdict(config),
        "fingerprint": config.fingerprint(report["dataset_sha256"]),
        "versions": report["versions"],
        "hardware": report["hardware"],
        "measured": {
            "steps": report["steps"],
            "loss": {name: report["loss"][name] for name in ("eval_before", "eval_after")},
            **{name: report[name] for name in ("perplexity", "interval", "metrics")},
        },
    }
