"""The hard constraints: what a model must meet before it is compared with others."""

import math
from typing import NamedTuple

import msgspec

from webapp.catalog.gpus import Gpu, Method
from webapp.catalog.memory import MemoryEstimate, estimate_memory
from webapp.catalog.models import BaseModel
from webapp.catalog.targets import Target, deployed_gib
from webapp.datasets import Analysis
from webapp.training.memory import ROOM

# Counts are o200k's, without a chat template. Other tokenizers were measured at +2 to +5 % over a dataset and
# +13 to +17 % at the 95th percentile of single messages; templates add a few tokens a message, and some a
# default system prompt.
TOKENIZER_MARGIN = 1.15
TEMPLATE_TOKENS = 64
BATCH_SIZE = 2
LORA_RANK = 16
SHORTEST_LENGTH = 256
LONGEST_LENGTH = 8192
# Cards without bf16 have no FlashAttention either: their attention masks grow with the length squared.
LONGEST_LENGTH_FP16 = 2048

OTHER_SCRIPT = 0.20  # a larger share of non-ASCII characters is another script than Latin

METHOD_NAMES: dict[Method, str] = {"lora": "LoRA", "qlora": "QLoRA", "full": "full fine-tuning"}


class Plan(NamedTuple):
    """What every candidate is tried with: the data's needs, the training length, the machine, the methods."""

    needed_tokens: int
    max_seq_length: int
    non_ascii_share: float
    gpu: Gpu
    methods: tuple[Method, ...]

    @property
    def cut(self) -> bool:
        """Whether more than 1 % of the conversations are longer than the training length."""
        return self.needed_tokens > self.max_seq_length


class Exclusion(msgspec.Struct, frozen=True):
    """A model that was ruled out: a stable code, and the reason with its numbers."""

    model_id: str
    code: str
    reason: str


def make_plan(analysis: Analysis, gpu: Gpu, methods: tuple[Method, ...]) -> Plan:
    """The plan for this data on this machine.

    The length is the next power of two from the needed tokens on, 256 to 8,192 (to 2,048 on fp16 cards).
    """
    needed = needed_tokens(analysis)
    longest = LONGEST_LENGTH_FP16 if gpu.fp16 else LONGEST_LENGTH
    length = SHORTEST_LENGTH
    while length < min(needed, longest):
        length *= 2
    return Plan(needed, length, analysis.characteristics.non_ascii_share, gpu, methods)


def needed_tokens(analysis: Analysis) -> int:
    """p99 x 1.15 + 64: what 99 % of conversations stay below with a model's own tokenizer and template.

    A count by the model's own tokenizer needs no margin.
    """
    margin = 1 if analysis.tokens.exact else TOKENIZER_MARGIN
    return math.ceil(analysis.tokens.per_example.p99 * margin) + TEMPLATE_TOKENS


def check(model: BaseModel, plan: Plan, target: Target, include_gated: bool) -> MemoryEstimate | Exclusion:
    """The memory estimate of the first method that fits, or why the model is out."""
    gpu = plan.gpu
    if model.gated and not include_gated:
        return Exclusion(model.id, "gated", "Its licence has to be accepted on the hub; you left gated models out.")
    if plan.needed_tokens > model.context_length:
        return Exclusion(
            model.id,
            "context_too_short",
            f"Your longest 1 % of conversations need about {plan.needed_tokens:,} tokens or more; "
            f"its context is {model.context_length:,}.",
        )
    if len(model.languages) == 1 and plan.non_ascii_share > OTHER_SCRIPT:
        return Exclusion(
            model.id,
            "language_not_covered",
            f"{plan.non_ascii_share:.0%} of your characters are not ASCII; it knows one language "
            f"({model.languages[0]}).",
        )
    weights = deployed_gib(model, target)
    if weights > target.limit_gib:
        return Exclusion(
            model.id,
            "too_large_for_target",
            f"Its {target.bits}-bit weights are {weights:.1f} GiB; "
            f"{target.label} has room for {target.limit_gib:g} GiB.",
        )
    if gpu.fp16 and not model.t4:
        return Exclusion(model.id, "needs_bf16", f"{model.t4_note}; the {gpu.name} has no bf16.")
    return _first_that_fits(model, plan)


def _first_that_fits(model: BaseModel, plan: Plan) -> MemoryEstimate | Exclusion:
    length = min(plan.max_seq_length, model.context_length)
    estimates = [
        estimate_memory(
            model,
            gpu=plan.gpu,
            method=method,
            batch_size=BATCH_SIZE,
            max_seq_length=length,
            lora_rank=LORA_RANK,
        )
        for method in plan.methods
    ]
    for estimate in estimates:
        if estimate.fits:
            return estimate
    needs = " and ".join(f"{METHOD_NAMES[estimate.method]} about {estimate.mid:.1f} GiB" for estimate in estimates)
    room = f"{ROOM:.0%} of the {plan.gpu.name}'s {plan.gpu.memory_gib:g} GiB"
    reason = (
        f"With {BATCH_SIZE} rows of {length:,} tokens, it needs for {needs}; "
        f"{room} is {ROOM * plan.gpu.memory_gib:.1f} GiB."
    )
    return Exclusion(model.id, "out_of_memory", reason)
