"""Where a finished model will run, and what room its weights have there."""

from typing import NamedTuple

from webapp.catalog.entries import unknown
from webapp.catalog.models import BaseModel

GIB = 1024**3

# Bits per weight: blocks of 32 weights share one 16-bit scale (llama.cpp's Q4_0 and Q8_0). Embedding and head
# are counted at 8 bits, since 4 cost small models the most there.
LINEAR_BITS, EMBEDDING_BITS = 4.5, 8.5


class Target(NamedTuple):
    """A deployment target: weights of `bits` (16, or 4 after quantisation) that take at most `limit_gib`."""

    name: str
    label: str
    bits: int
    limit_gib: float


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("cloud", "a cloud GPU", 16, 60.0),  # an 80 GB card; the rest serves many requests at once
        Target("server", "a server GPU", 16, 18.0),  # a 24 GB card, a quarter of it for the context
        Target("desktop", "a desktop", 4, 6.0),  # an 8 GB card, or a 16 GB computer with other programs
        Target("edge", "an edge device", 4, 3.0),  # an 8 GB board that shares its memory with the system
        Target("mobile", "a phone", 4, 2.5),  # what an app may hold on a phone of 8 GB
        Target("browser", "a browser", 4, 2.0),  # a download people wait for, and WebGPU's usual limits
    )
}


def resolve_target(name: str) -> Target:
    """The target of this name. Raises Problem `unknown_target`."""
    target = TARGETS.get(str(name).strip().lower())
    if target is None:
        raise unknown("target", name, TARGETS, param="deployment_target")
    return target


def deployed_gib(model: BaseModel, target: Target) -> float:
    """GiB of the finished model's weights on the target: N x 16 bits, or 4.5 bits (8.5 for the embedding)."""
    if target.bits == 16:
        return model.parameters * 2 / GIB
    bits = model.linear_parameters * LINEAR_BITS + model.shape.embedding_parameters * EMBEDDING_BITS
    return bits / 8 / GIB
