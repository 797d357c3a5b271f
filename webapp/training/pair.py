"""The base model and what was trained from it, loaded from this machine's files to answer the same prompts."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from webapp.training.configuration import RunConfig
from webapp.training.merging import available_memory
from webapp.training.model import (
    Hardware,
    architecture_of,
    base_weights,
    four_bit,
    free_cache,
    held_memory,
    placement,
    suited_hardware,
)
from webapp.training.sides import Side

_ROOM = 1.2  # times the weights: what answering takes besides


class Pair:
    """Both sides in the precision of the run: with adapters one model, which answers as the base when they are off.

    Of a fully trained model there are two; they are in memory together where it has room, else one after the other.
    `folder` holds what the run saved. OSError where the base model is not on this machine.
    """

    def __init__(self, config: RunConfig, folder: Path, hardware: Hardware) -> None:
        self.hardware = suited_hardware(config, hardware)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._places: dict[Side, str] = {"base": config.base_model, "tuned": str(folder)}
        self._config = config
        self._held: dict[Side, Any] = {}
        if config.method == "full":
            self._load("base")
        else:
            self._held["tuned"] = self._adapted()

    @contextmanager
    def answering(self, side: Side) -> Iterator[Any]:
        """The model of that side, ready to generate."""
        if self._config.method != "full":
            model = self._held["tuned"]
            with base_weights(model) if side == "base" else nullcontext():
                yield model
            return
        if side not in self._held:
            self._load(side)
        yield self._held[side]

    def _adapted(self) -> Any:
        # Imported here: it takes seconds, and full fine-tuning does without it.
        from peft import PeftModel

        base = self._from(self._config.base_model)
        return PeftModel.from_pretrained(base, self._places["tuned"], is_trainable=False).eval()

    def _load(self, side: Side) -> None:
        """Loads one side; the other one goes when both would not fit."""
        for other in list(self._held):
            needed = _ROOM * sum(held_memory(self._held[other]).values())
            if needed > _free_memory(self.hardware):
                del self._held[other]
                free_cache()
        self._held[side] = self._from(self._places[side])

    def _from(self, place: str) -> Any:
        """The model in a folder or in the hub's cache, never from a pickle."""
        options: dict[str, Any] = {"dtype": self.hardware.dtype, "use_safetensors": True}
        options |= four_bit(self.hardware) if self._config.method == "qlora" else placement(self.hardware.device)
        _, loader = architecture_of(place)
        return loader.from_pretrained(place, **options).eval()


def _free_memory(hardware: Hardware) -> int:
    """Bytes that a model can still take where models are."""
    if hardware.device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return available_memory()
