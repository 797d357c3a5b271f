"""What models are compared for: the data, the task, the place where the model will run, the machine to train on."""

from typing import Literal, NamedTuple

from webapp.catalog.gpus import Gpu, Method
from webapp.catalog.methods import methods_on
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
    """One question to the recommender; without a `method` LoRA is tried, then QLoRA, as far as the machine can."""

    profile: Profile
    task: Task
    target: Target
    gpu: Gpu
    method: Method | None = None
    gated: Gating = "last"

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods to try, in their order; none where the machine cannot run the one that was asked for."""
        if self.method is None:
            return methods_on(self.gpu)
        return (self.method,) if self.method in self.gpu.methods else ()


def training_length(needed: int, model: BaseModel, gpu: Gpu) -> int:
    """The needed tokens as the next multiple of 128, from 256 on.

    At most 8,192 (2,048 on fp16 cards), and never over the model's context.
    """
    longest = min(LONGEST_LENGTH_FP16 if gpu.fp16 else LONGEST_LENGTH, model.context_length)
    return min(longest, max(SHORTEST_LENGTH, -(-needed // LENGTH_STEP) * LENGTH_STEP))
