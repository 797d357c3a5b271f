"""Other training settings that a failed run may get through with; each leaves as much of the run as it can.

A remedy is given the settings that can be changed and the tag of the cell that failed; None where it has nothing.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from webapp.catalog.hyperparameters import LORA_TIMES

Settings = Mapping[str, Any]
Change = dict[str, Any]
Remedy = Callable[[Settings, str | None], Change | None]

SHORTEST_LENGTH = 256  # tokens; shorter rows would hold too little of most conversations
MOST_ACCUMULATED = 512  # TrainingConfig's own bound
CALMER = 4  # a loss that is not finite: the learning rate goes down to this part


def less_gpu_memory(settings: Settings, cell: str | None) -> Change | None:
    """The next of: activations recomputed, half a batch, fewer bits, shorter rows; where the cell can gain by it."""
    ladder = [recomputed_activations, half_batch, lighter_method, half_length]
    # These cells already went down to a single row, and where weights are loaded there are none yet.
    shorter = {"probe": [0, 2, 3], "before": [2, 3], "after": [2, 3], "model": [2]}
    return _first([ladder[step] for step in shorter.get(cell or "", range(len(ladder)))], settings)


def less_main_memory(settings: Settings, cell: str | None) -> Change | None:
    """Nothing exported where that failed, else a smaller run."""
    if cell in ("export", "gguf"):
        return without_exports(settings, cell)
    return _first([recomputed_activations, half_batch, half_length], settings)


def recomputed_activations(settings: Settings) -> Change | None:
    """Less memory for about a third more time."""
    return {"gradient_checkpointing": True} if settings.get("gradient_checkpointing") is False else None


def half_batch(settings: Settings) -> Change | None:
    """Half as many rows at once, and so many more times that a step still sees the same rows."""
    size = settings.get("batch_size", 1)
    if size == 1:
        return None
    times = math.ceil(size * settings["gradient_accumulation"] / (size // 2))
    return {"batch_size": size // 2, "gradient_accumulation": min(MOST_ACCUMULATED, times)}


def lighter_method(settings: Settings) -> Change | None:
    """Adapters in place of all weights, at the rate that suits them; then four bits. A miniature is small enough."""
    method = settings.get("method") if "base_model" in settings else None
    if method == "full":
        rate = {"learning_rate": LORA_TIMES * settings["learning_rate"]} if "learning_rate" in settings else {}
        return {"method": "lora"} | rate
    return {"method": "qlora"} if method == "lora" else None


def half_length(settings: Settings) -> Change | None:
    """Rows half as long; longer ones lose the start of their prompt."""
    length = settings.get("max_seq_length", 0) // 2
    return {"max_seq_length": length} if length >= SHORTEST_LENGTH else None


def without_exports(settings: Settings, cell: str | None) -> Change | None:
    """The adapter alone, where making more of it failed."""
    if cell not in ("export", "gguf"):
        return None
    return {name: False for name in ("export_merged", "export_gguf") if settings.get(name)} or None


def without_four_bits(settings: Settings, _: str | None) -> Change | None:
    """LoRA over 16-bit weights, which needs no bitsandbytes."""
    return {"method": "lora"} if settings.get("method") == "qlora" else None


def settled_weights(settings: Settings, _: str | None) -> Change | None:
    """The notebook itself chooses weights that the card can train."""
    return {"master_weights": "auto"} if settings.get("master_weights", "auto") != "auto" else None


def calmer_steps(settings: Settings, _: str | None) -> Change | None:
    """A lower learning rate."""
    return {"learning_rate": settings["learning_rate"] / CALMER} if "learning_rate" in settings else None


def without_drive(settings: Settings, _: str | None) -> Change | None:
    """Results beside the notebook, to be downloaded."""
    return {"keep_on_drive": False} if settings.get("keep_on_drive") else None


def _first(steps: list[Callable[[Settings], Change | None]], settings: Settings) -> Change | None:
    return next((change for step in steps if (change := step(settings))), None)
