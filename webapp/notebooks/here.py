"""Whether a notebook can be run with its real model where this process is; nothing heavy is loaded to tell."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from webapp.catalog import THIS_MACHINE, BaseModel, Gpu, estimate, find_gpu
from webapp.catalog.estimates import Fit
from webapp.errors import Problem

_PACKAGES = ("torch", "transformers", "peft")


@dataclass(frozen=True)
class Here:
    """The machine, the packages that it lacks, and whether the run fits into its memory: `needed_gib` of `gib`.

    Where the machine cannot train so at all, `fit` is None and `obstacle` says why.
    """

    machine: str
    has_gpu: bool
    missing: tuple[str, ...]
    gib: float
    needed_gib: float = 0.0
    fit: Fit | None = None
    obstacle: str = ""

    @property
    def able(self) -> bool:
        """Whether a run here has a chance to come to its end."""
        return not self.missing and self.fit in ("fits", "tight")


def missing_packages() -> list[str]:
    """What this environment lacks for training."""
    return [name for name in _PACKAGES if importlib.util.find_spec(name) is None]


def look_here(model: BaseModel, config: Mapping[str, Any]) -> Here:
    """This machine, beside what training the model by this configuration takes."""
    machine = find_gpu(THIS_MACHINE)
    here = Here(machine.name, _has_gpu(machine), tuple(missing_packages()), machine.memory_gib)
    try:
        found = estimate(
            model,
            machine,
            config["method"],
            length=config["max_seq_length"],
            batch=config["batch_size"],
            rank=config["lora_rank"],
            checkpointing=config["gradient_checkpointing"],
        )
    except Problem as problem:
        return replace(here, obstacle=problem.message)
    return replace(here, needed_gib=found.memory.mid, fit=found.fit)


def _has_gpu(machine: Gpu) -> bool:
    """A processor trains in 32-bit values, a card in 16-bit ones."""
    return machine.value_bytes == 2
