"""How much memory a fine-tuning run needs, by component."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec

from webapp.catalog.gpus import Gpu, Method
from webapp.catalog.models import BaseModel
from webapp.training.memory import ROOM, Dimensions, Load, lora_parameters, predicted_memory

GIB = 1024**3

BAND = 0.15  # half-width: 30 of 33 published peaks are this near, see docs/estimates.md


class MemoryEstimate(msgspec.Struct, frozen=True):
    """Peak memory in GiB: `parts` by component sum to `mid`; `low` and `high` are the band around it."""

    method: Method
    batch_size: int
    max_seq_length: int
    lora_rank: int
    parts: Mapping[str, float]
    low: float
    mid: float
    high: float
    gpu_gib: float
    fits: bool

    def to_dict(self) -> dict[str, Any]:
        """JSON data: `gib` is the middle of the band."""
        return {
            "gib": round(self.mid, 2),
            "low": round(self.low, 2),
            "high": round(self.high, 2),
            "gpu_gib": self.gpu_gib,
            "fits": self.fits,
            "parts": {name: round(gib, 2) for name, gib in self.parts.items()},
        }


@lru_cache(maxsize=16_384)  # asked again for every change of the question that sensitivity tries
def estimate_memory(
    model: BaseModel,
    *,
    gpu: Gpu,
    method: Method,
    batch_size: int,
    max_seq_length: int,
    lora_rank: int,
    checkpointing: bool = True,
    chunked_loss: bool = True,
) -> MemoryEstimate:
    """Peak memory of training `model` on `gpu` with micro-batches of `batch_size` x `max_seq_length` tokens.

    The formula is in `webapp.training.memory`; how near it comes is in docs/estimates.md.
    """
    load = Load(
        method=method,
        value_bytes=gpu.value_bytes,
        trained_bytes=4,
        tokens=batch_size * max_seq_length,
        lora_rank=lora_rank,
        checkpointing=checkpointing,
        chunked_loss=chunked_loss,
        rows=batch_size,
        flash=not gpu.fp16,
    )
    parts = predicted_memory(dimensions(model), load)
    # As the notebook does: 32-bit weights where they fit, and on an fp16 card, whose GradScaler refuses fp16 gradients.
    if method == "full" and not gpu.fp16 and sum(parts.values()) > ROOM * gpu.memory_gib * GIB:
        parts = predicted_memory(dimensions(model), replace(load, trained_bytes=gpu.value_bytes))
    gib = {name: size / GIB for name, size in parts.items()}
    mid = sum(gib.values())
    return MemoryEstimate(
        method=method,
        batch_size=batch_size,
        max_seq_length=max_seq_length,
        lora_rank=lora_rank,
        parts=MappingProxyType(gib),
        low=mid * (1 - BAND),
        mid=mid,
        high=mid * (1 + BAND),
        gpu_gib=gpu.memory_gib,
        fits=mid <= ROOM * gpu.memory_gib,
    )


def adapter_parameters(model: BaseModel, lora_rank: int) -> int:
    """Parameters of LoRA adapters of this rank, see `webapp.training.memory`."""
    return lora_parameters(dimensions(model), lora_rank)


@lru_cache(maxsize=256)
def dimensions(model: BaseModel) -> Dimensions:
    """What the memory of a catalogue's model follows from."""
    shape = model.shape
    return Dimensions(
        parameters=model.parameters,
        other_towers=model.vision_parameters,
        embeddings=shape.embedding_parameters,
        layers=shape.layers,
        hidden=shape.hidden,
        query_width=shape.query_width,
        kv_width=shape.kv_width,
        ffn=shape.ffn,
        vocab=shape.vocab,
        heads=shape.heads,
        recurrent_layers=shape.recurrent_layers,
    )
