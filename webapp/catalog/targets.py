"""Where a finished model will run, and what room it has there: one table."""

from functools import lru_cache
from typing import Literal, NamedTuple

from webapp.catalog.entries import unknown
from webapp.catalog.models import BaseModel

GIB = 1024**3

# Bits per weight: blocks of 32 weights share one 16-bit scale (llama.cpp's Q4_0 and Q8_0). Embedding and head
# are counted at 8 bits, since 4 cost small models the most there.
LINEAR_BITS, EMBEDDING_BITS = 4.5, 8.5
CACHE_BYTES = 2  # of a key or a value: 16 bits


class Target(NamedTuple):
    """A deployment target: `limit_gib` of what counts there, with weights of `bits` (16, or 4 after quantisation).

    A `download` is the weights alone; `memory` also holds the keys and values of so many `conversations` at once.
    """

    name: str
    label: str
    bits: int
    counts: Literal["download", "memory"]
    conversations: int
    limit_gib: float


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("cloud", "a cloud GPU", 16, "memory", 16, 72.0),  # an 80 GB card, less what the server takes
        Target("server", "a server GPU", 16, "memory", 4, 21.0),  # a 24 GB card, the same
        Target("desktop", "a desktop", 4, "memory", 1, 6.0),  # an 8 GB card, or 16 GB with other programs
        Target("edge", "an edge device", 4, "memory", 1, 3.0),  # an 8 GB board that shares it with the system
        Target("mobile", "a phone", 4, "download", 1, 2.5),  # what an app may fetch and hold on a phone of 8 GB
        Target("browser", "a browser", 4, "download", 1, 2.0),  # what people wait for, and WebGPU's usual limits
    )
}


def resolve_target(name: str) -> Target:
    """The target of this name. Raises Problem `unknown_target`."""
    target = TARGETS.get(str(name).strip().lower())
    if target is None:
        raise unknown("target", name, TARGETS, param="deployment_target")
    return target


def deployed_gib(model: BaseModel, target: Target, tokens: int) -> float:
    """GiB of what counts on the target, for conversations of so many tokens."""
    weights = weights_gib(model, target.bits)
    if target.counts == "download":
        return weights
    return weights + target.conversations * cache_gib(model, min(tokens, model.context_length))


@lru_cache(maxsize=256)
def weights_gib(model: BaseModel, bits: int) -> float:
    """GiB of the finished model's weights: N x 16 bits, or 4.5 bits (8.5 for the embedding)."""
    if bits == 16:
        return model.parameters * 2 / GIB
    quantised = model.linear_parameters * LINEAR_BITS + model.shape.embedding_parameters * EMBEDDING_BITS
    return quantised / 8 / GIB


def cache_gib(model: BaseModel, tokens: int) -> float:
    """GiB of the keys and values of one conversation: 2 x layers with attention x key width x tokens x 16 bits.

    Sliding windows count as full attention: too much rather than too little.
    """
    return 2 * attention_layers(model) * model.shape.kv_width * tokens * CACHE_BYTES / GIB


@lru_cache(maxsize=256)
def attention_layers(model: BaseModel) -> int:
    """Layers that keep keys and values: all, but in a hybrid only those that are no convolution or recurrence."""
    shape = model.shape
    if "full_attn_idxs" in shape.extra:
        return len(shape.extra["full_attn_idxs"])
    if shape.recurrent_layers:
        return shape.layers - shape.recurrent_layers
    kinds: list[str] = shape.extra.get("layer_types") or []
    return sum(kind.endswith("attention") and not kind.startswith("linear") for kind in kinds) or shape.layers
