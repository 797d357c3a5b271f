"""Three ways to spend time on a run."""

from typing import NamedTuple

from webapp.catalog.entries import unknown

LORA_RANK = 16  # enough for small data: "LoRA Without Regret" (Thinking Machines, 2025)


class Preset(NamedTuple):
    """A way to spend time: times the usual epochs, the LoRA rank, and how much of the longest rows is kept whole."""

    name: str
    label: str
    epochs: float
    lora_rank: int
    percentile: str
    patience: int


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("fast", "fast: a first look", 1 / 3, 8, "p95", 1),
        Preset("balanced", "balanced", 1.0, LORA_RANK, "p99", 2),
        Preset("best", "best: more epochs and a larger adapter", 5 / 3, 32, "longest", 3),
    )
}


def resolve_preset(name: str) -> Preset:
    """The preset of this name. Raises Problem `unknown_preset`."""
    preset = PRESETS.get(str(name).strip().lower())
    if preset is None:
        raise unknown("preset", name, PRESETS, param="preset")
    return preset
