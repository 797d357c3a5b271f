"""Which base models suit a dataset, a task, a deployment target and a GPU, in order and with reasons."""

from typing import Any, NamedTuple, get_args

import msgspec

from webapp.catalog.constraints import METHOD_NAMES, Exclusion, Plan, check, make_plan
from webapp.catalog.entries import unknown
from webapp.catalog.gpus import Gpu, Method, find_gpu
from webapp.catalog.memory import MemoryEstimate
from webapp.catalog.models import BaseModel, models
from webapp.catalog.reasons import explain
from webapp.catalog.score import Terms, score_terms
from webapp.catalog.targets import Target, resolve_target
from webapp.catalog.tasks import Task, resolve_task
from webapp.datasets import Analysis
from webapp.errors import Problem

# LoRA first: a step takes about a quarter less time than with QLoRA (Qwen-7B on an A100: 5.2 against 7.0 s),
# and nothing is lost to 4-bit weights. Full fine-tuning is never chosen, only asked for.
CHOICE: tuple[Method, ...] = ("lora", "qlora")


class Recommended(msgspec.Struct, frozen=True):
    """One recommended model: the score from 0 to 1, its terms, the reasons, and how it would be trained."""

    model: BaseModel
    score: float
    terms: Terms
    reasons: tuple[str, ...]
    memory: MemoryEstimate

    def to_dict(self) -> dict[str, Any]:
        """One item of the answer's `recommendations`."""
        model = self.model
        return {
            "model_id": model.id,
            "model_name": model.name,
            "size": model.size,
            "score": self.score,
            "reasons": list(self.reasons),
            "is_gated": model.gated,
            "hub_id": model.hub_id,
            "license": model.license,
            "commercial_use": model.commercial_use,
            "context_length": model.context_length,
            "ungated_alternative": model.ungated_alternative,
            "method": self.memory.method,
            "max_seq_length": self.memory.max_seq_length,
            "memory": self.memory.to_dict(),
            "terms": {name: round(value, 4) for name, value in self.terms._asdict().items()},
        }


class Recommendation(msgspec.Struct, frozen=True):
    """The models that meet every constraint, best first, and those that do not, with the reason."""

    task: str
    target: str
    gpu: str
    recommendations: tuple[Recommended, ...]
    excluded: tuple[Exclusion, ...]

    def to_dict(self) -> dict[str, Any]:
        """The body of `POST /recommend`."""
        return {
            "task_type": self.task,
            "deployment_target": self.target,
            "gpu": self.gpu,
            "recommendations": [item.to_dict() for item in self.recommendations],
            "excluded": [msgspec.structs.asdict(item) for item in self.excluded],
        }


class _Candidate(NamedTuple):
    model: BaseModel
    terms: Terms
    memory: MemoryEstimate


def recommend(
    analysis: Analysis,
    task: str,
    target: str,
    gpu: str = "t4",
    method: str | None = None,
    include_gated: bool = True,
) -> Recommendation:
    """The base models for this dataset, best first.

    A model must have room for the data's p99 length in its context, for its weights on the target, and for
    training on the GPU within 85 % of its memory: by LoRA where that fits, else by QLoRA, or by the
    `method` that is given. What is left is sorted by the score (see `score.py`), and on equal scores by
    size, then id. Gated models come after all others: their scores are scaled into the range below the last
    ungated one. Where nothing else fits they are named among the exclusions instead, since a gated model is
    never the first answer.

    Raises Problem `unknown_task`, `unknown_target`, `unknown_gpu`, `unknown_method`, `method_unavailable`
    (with `param`), or `no_model_fits` with the exclusions in its details.
    """
    wanted, place, machine = resolve_task(task), resolve_target(target), find_gpu(gpu)
    plan = make_plan(analysis, machine, _methods(machine, method))
    candidates: list[_Candidate] = []
    excluded: list[Exclusion] = []
    for model in models():
        outcome = check(model, plan, place, include_gated)
        if isinstance(outcome, Exclusion):
            excluded.append(outcome)
        else:
            candidates.append(_Candidate(model, score_terms(model, analysis, wanted, place), outcome))
    if all(item.model.gated for item in candidates):
        raise _none_left(plan, place, [*excluded, *map(_only_gated, candidates)])
    return Recommendation(
        task=wanted.name,
        target=place.name,
        gpu=machine.id,
        recommendations=_ranked(candidates, analysis, wanted, place, plan),
        excluded=tuple(excluded),
    )


def _methods(gpu: Gpu, method: str | None) -> tuple[Method, ...]:
    """The methods to try on this machine, in order."""
    if method is None:
        return tuple(name for name in CHOICE if name in gpu.methods)
    wanted = method.strip().lower()
    for known in get_args(Method):
        if wanted == known and known not in gpu.methods:
            raise Problem("method_unavailable", f"{known} cannot be run on the {gpu.name}.", param="method")
        if wanted == known:
            return (known,)
    raise unknown("method", method, get_args(Method), param="method")


def _ranked(
    candidates: list[_Candidate], analysis: Analysis, task: Task, target: Target, plan: Plan
) -> tuple[Recommended, ...]:
    """The candidates with score and reasons, best first."""
    ceiling = min(item.terms.total for item in candidates if not item.model.gated)

    def score(item: _Candidate) -> float:
        return item.terms.total * (ceiling if item.model.gated else 1.0)

    ordered = sorted(candidates, key=lambda item: (-score(item), item.model.parameters, item.model.id))
    return tuple(
        Recommended(
            model=item.model,
            score=round(score(item), 4),
            terms=item.terms,
            reasons=explain(item.model, analysis, task, target, plan, item.memory),
            memory=item.memory,
        )
        for item in ordered
    )


def _only_gated(candidate: _Candidate) -> Exclusion:
    memory = candidate.memory
    return Exclusion(
        candidate.model.id,
        "gated",
        f"It fits ({METHOD_NAMES[memory.method]} in about {memory.mid:.1f} GiB), but its licence has to be "
        "accepted on the hub first; choose it by name once you have access.",
    )


def _none_left(plan: Plan, target: Target, excluded: list[Exclusion]) -> Problem:
    return Problem(
        "no_model_fits",
        f"None of the {len(excluded)} base models meets every constraint: conversations of "
        f"{plan.needed_tokens:,} tokens, {plan.gpu.memory_gib:g} GiB of the {plan.gpu.name}, {target.label}. "
        "Try a larger GPU, another target or shorter rows; details.excluded says what ruled each out.",
        details={"excluded": [msgspec.structs.asdict(item) for item in excluded]},
    )
