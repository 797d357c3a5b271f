"""The hard constraints: what a model must meet before it is compared with others."""

from functools import lru_cache

import msgspec

from webapp.catalog.case import Case, training_length
from webapp.catalog.gpus import Gpu, Method
from webapp.catalog.memory import MemoryEstimate, estimate_memory
from webapp.catalog.methods import METHOD_NAMES
from webapp.catalog.models import BaseModel
from webapp.catalog.presets import LORA_RANK
from webapp.catalog.targets import deployed_gib, weights_gib
from webapp.training.memory import ROOM

OTHER_SCRIPT = 0.20  # a larger share of non-ASCII characters is another script than Latin
FOREIGN = 0.50  # a larger share of the data in languages that a model does not know rules it out
BROAD = 30  # of so many languages a card names only the largest


class Exclusion(msgspec.Struct, frozen=True):
    """A model that was ruled out: a stable code, and the reason with its numbers."""

    model_id: str
    code: str
    reason: str


def check(model: BaseModel, case: Case) -> MemoryEstimate | Exclusion:
    """The memory that a single row at a time takes by the first method that fits, or why the model is out."""
    needed = case.profile.needed_tokens(model)
    for code, find in _REASONS:
        if reason := find(model, case, needed):
            return Exclusion(model.id, code, reason)
    return _first_that_fits(model, case, needed)


def _gated(model: BaseModel, case: Case, _needed: int) -> str:
    if not model.gated or case.gated != "exclude":
        return ""
    return "Its licence has to be accepted on the hub; you left gated models out."


def _context(model: BaseModel, _case: Case, needed: int) -> str:
    if needed <= model.context_length:
        return ""
    return (
        f"Your longest 1 % of conversations need about {needed:,} tokens or more; "
        f"its context is {model.context_length:,}."
    )


def _languages(model: BaseModel, case: Case, _needed: int) -> str:
    share, known = case.profile.non_ascii_share, model.languages
    if len(known) == 1 and share > OTHER_SCRIPT:
        return f"{share:.0%} of your characters are not ASCII; it knows one language ({known[0]})."
    foreign = case.profile.unknown_languages(model)
    if len(known) >= BROAD or sum(foreign.values()) <= FOREIGN:
        return ""
    return (
        f"{sum(foreign.values()):.0%} of your data are in languages that it does not know "
        f"({', '.join(list(foreign)[:3])}); it knows {len(known)}."
    )


def _target(model: BaseModel, case: Case, needed: int) -> str:
    target = case.target
    taken = deployed_gib(model, target, needed)
    if taken <= target.limit_gib:
        return ""
    weights = f"Its {target.bits}-bit weights are {weights_gib(model, target.bits):.1f} GiB"
    if target.counts == "memory":
        several = f"{target.conversations} conversations" if target.conversations > 1 else "a conversation"
        weights += f", with {several} of {needed:,} tokens {taken:.1f} GiB"
    return f"{weights}; {target.label} has room for {target.limit_gib:g} GiB."


def _bf16(model: BaseModel, case: Case, _needed: int) -> str:
    if not case.gpu.fp16 or model.t4:
        return ""
    return f"{model.t4_note}; the {case.gpu.name} has no bf16."


_REASONS = (
    ("gated", _gated),
    ("context_too_short", _context),
    ("language_not_covered", _languages),
    ("too_large_for_target", _target),
    ("needs_bf16", _bf16),
)


def _first_that_fits(model: BaseModel, case: Case, needed: int) -> MemoryEstimate | Exclusion:
    length = training_length(needed, model, case.gpu)
    estimates: list[MemoryEstimate] = []
    for method in case.methods:
        estimate = smallest_estimate(model, case.gpu, method, length)
        if estimate.fits:
            return estimate
        estimates.append(estimate)
    needs = " and ".join(f"{METHOD_NAMES[estimate.method]} about {estimate.mid:.1f} GiB" for estimate in estimates)
    room = f"{ROOM:.0%} of the {case.gpu.name}'s {case.gpu.memory_gib:g} GiB"
    reason = (
        f"With a single row of {length:,} tokens at a time, it needs for {needs}; "
        f"{room} is {ROOM * case.gpu.memory_gib:.1f} GiB."
    )
    return Exclusion(model.id, "out_of_memory", reason)


@lru_cache(maxsize=4096)  # asked again for every change of the question that sensitivity tries
def smallest_estimate(model: BaseModel, gpu: Gpu, method: Method, max_seq_length: int) -> MemoryEstimate:
    """The memory of one row at a time."""
    return estimate_memory(
        model, gpu=gpu, method=method, batch_size=1, max_seq_length=max_seq_length, lora_rank=LORA_RANK
    )
