"""The precision a run began in, and the one it goes on in when it is resumed on another card."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from webapp.training.configuration import RunConfig
from webapp.training.model import Hardware, weights_dtype

DESCRIPTION = "run.json"  # of a run, beside its checkpoints
STATES = "state-*.pt"  # its checkpoints


def described(folder: Path) -> dict[str, Any]:
    """The description of the run in `folder`; empty when there is none that can be read."""
    try:
        found = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def precision_of(config: RunConfig, hardware: Hardware) -> dict[str, str]:
    """The dtypes that what is trained is held in (adapters: 32 bits) and that steps are computed in, and where."""
    trained = weights_dtype(config, hardware) if config.method == "full" else torch.float32
    dtypes = {"trained": trained, "computed": hardware.dtype}
    return {name: str(dtype).removeprefix("torch.") for name, dtype in dtypes.items()} | {"hardware": hardware.name}


def settle_precision(config: RunConfig, hardware: Hardware, folder: Path) -> RunConfig:
    """The configuration to load with: a run that began with 16-bit weights goes on with them on any card that can.

    32 bits are kept where they fit, which `auto` finds out anew. What is not as it was is said.
    """
    began = described(folder).get("precision")
    if not began or not any(folder.glob(STATES)):
        return config
    if began["trained"] != "float32" and config.master_weights == "auto" and not hardware.needs_scaler:
        config = replace(config, master_weights="16-bit")
    now = precision_of(config, hardware)
    if any(began[name] != now[name] for name in ("trained", "computed")):
        print(
            f"this run began in {in_words(began)} and goes on in {in_words(now)}: "
            "its losses will not be quite those of an uninterrupted run",
            flush=True,
        )
    return config


def in_words(precision: Mapping[str, str]) -> str:
    """`float32 weights computed in bfloat16 (NVIDIA L4)`."""
    return f"{precision['trained']} weights computed in {precision['computed']} ({precision['hardware']})"
