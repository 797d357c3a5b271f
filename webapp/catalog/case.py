"""What models are compared for: the data, the task, the place where the model will run, the machine to train on."""

from typing import Literal, NamedTuple

from webapp.catalog.gpus import Gpu, Method
from webapp.catalog.models import BaseModel
from webapp.catalog.profile import Profile
from webapp.catalog.targets import Target
from webapp.catalog.tasks import Task

Gating = Literal["last", "equal", "exclude"]  # gated models: after all others, by their score, or not at all

SHORTEST_LENGTH = 256
LONGEST_LENGTH = 8192
# Cards without bf16 have no FlashAttention either: what their attention computes grows with the length squared.
LONGEST_LENGTH_FP16 = 2048
LENGTH_STEP = 128


class Case(NamedTuple):
    """One question to the recommender; `methods` are tried in their order."""

    profile: Profile
    task: Task
    target: Target
    gpu: Gpu
    methods: tuple[Method, ...]
    gated: Gating = "last"


def training_length(needed: int, model: BaseModel, gpu: Gpu) -> int:
    """The needed tokens as the next multiple of 128, from 256 on.

    At most 8,192 (2,048 on fp16 cards), and never over the model's context.
    """
    longest = min(LONGEST_LENGTH_FP16 if gpu.fp16 else LONGEST_LENGTH, model.context_length)
    return min(longest, max(SHORTEST_LENGTH, -(-needed // LENGTH_STEP) * LENGTH_STEP))
