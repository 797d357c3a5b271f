"""The hard constraints: what a model must meet before it is compared with others."""

from collections.abc import Callable
from typing import NamedTuple

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


class Constraint(NamedTuple):
    """A test that a model has to pass, and what to say where it does not; `needed` are the tokens of the data's p99."""

    code: str
    met: Callable[[BaseModel, Case, int], bool]
    reason: Callable[[BaseModel, Case, int], str]


def candidate_memory(model: BaseModel, case: Case, needed: int) -> MemoryEstimate | None:
    """The memory that a single row at a time takes by the first method that fits; None where the model is out."""
    if not all(constraint.met(model, case, needed) for constraint in CONSTRAINTS):
        return None
    return fitting(model, case, needed)


def exclusion(model: BaseModel, case: Case) -> Exclusion:
    """Why a model that is out is so: the first constraint that it does not meet, else its memory."""
    needed = case.profile.needed_tokens(model)
    for constraint in CONSTRAINTS:
        if not constraint.met(model, case, needed):
            return Exclusion(model.id, constraint.code, constraint.reason(model, case, needed))
    return Exclusion(model.id, "out_of_memory", _memory_reason(model, case, needed))


def _gated_met(model: BaseModel, case: Case, _needed: int) -> bool:
    return not model.gated or case.gated != "exclude"


def _gated_reason(_model: BaseModel, _case: Case, _needed: int) -> str:
    return "Its licence has to be accepted on the hub; you left gated models out."


def _context_met(model: BaseModel, _case: Case, needed: int) -> bool:
    return needed <= model.context_length


def _context_reason(model: BaseModel, _case: Case, needed: int) -> str:
    return (
        f"Your longest 1 % of conversations need about {needed:,} tokens or more; "
        f"its context is {model.context_length:,}."
    )


def _script_met(model: BaseModel, case: Case, _needed: int) -> bool:
    return len(model.languages) > 1 or case.profile.non_ascii_share <= OTHER_SCRIPT


def _script_reason(model: BaseModel, case: Case, _needed: int) -> str:
    share = case.profile.non_ascii_share
    return f"{share:.0%} of your characters are not ASCII; it knows one language ({model.languages[0]})."


def _languages_met(model: BaseModel, case: Case, _needed: int) -> bool:
    return len(model.languages) >= BROAD or case.profile.unknown_share(model) <= FOREIGN


def _languages_reason(model: BaseModel, case: Case, _needed: int) -> str:
    names = list(case.profile.unknown_languages(model))
    return (
        f"{case.profile.unknown_share(model):.0%} of your data are in languages that it does not know "
        f"({', '.join(names[:3])}); it knows {len(model.languages)}."
    )


def _target_met(model: BaseModel, case: Case, needed: int) -> bool:
    return deployed_gib(model, case.target, needed) <= case.target.limit_gib


def _target_reason(model: BaseModel, case: Case, needed: int) -> str:
    target = case.target
    weights = f"Its {target.bits}-bit weights are {weights_gib(model, target.bits):.1f} GiB"
    if target.counts == "memory":
        several = f"{target.conversations} conversations" if target.conversations > 1 else "a conversation"
        weights += f", with {several} of {needed:,} tokens {deployed_gib(model, target, needed):.1f} GiB"
    return f"{weights}; {target.label} has room for {target.limit_gib:g} GiB."


def _bf16_met(model: BaseModel, case: Case, _needed: int) -> bool:
    return model.t4 or not case.gpu.fp16


def _bf16_reason(model: BaseModel, case: Case, _needed: int) -> str:
    return f"{model.t4_note}; the {case.gpu.name} has no bf16."


CONSTRAINTS = (
    Constraint("gated", _gated_met, _gated_reason),
    Constraint("context_too_short", _context_met, _context_reason),
    Constraint("language_not_covered", _script_met, _script_reason),
    Constraint("language_not_covered", _languages_met, _languages_reason),
    Constraint("too_large_for_target", _target_met, _target_reason),
    Constraint("needs_bf16", _bf16_met, _bf16_reason),
)


def fitting(model: BaseModel, case: Case, needed: int) -> MemoryEstimate | None:
    """The memory of a single row by the first of the case's methods that fits; None where none does."""
    length = training_length(needed, model, case.gpu)
    for method in case.methods:
        estimate = smallest_estimate(model, case.gpu, method, length)
        if estimate.fits:
            return estimate
    return None


def _memory_reason(model: BaseModel, case: Case, needed: int) -> str:
    length = training_length(needed, model, case.gpu)
    estimates = [smallest_estimate(model, case.gpu, method, length) for method in case.methods]
    needs = " and ".join(f"{METHOD_NAMES[estimate.method]} about {estimate.mid:.1f} GiB" for estimate in estimates)
    room = f"{ROOM:.0%} of the {case.gpu.name}'s {case.gpu.memory_gib:g} GiB"
    return (
        f"With a single row of {length:,} tokens at a time, it needs for {needs}; "
        f"{room} is {ROOM * case.gpu.memory_gib:.1f} GiB."
    )


def smallest_estimate(model: BaseModel, gpu: Gpu, method: Method, max_seq_length: int) -> MemoryEstimate:
    """The memory of one row at a time."""
    return estimate_memory(
        model, gpu=gpu, method=method, batch_size=1, max_seq_length=max_seq_length, lora_rank=LORA_RANK
    )
