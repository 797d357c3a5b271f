"""Which base models suit a dataset, a task, a deployment target and a GPU, in order and with reasons."""

from collections.abc import Collection
from typing import Any, get_args

import msgspec

from webapp.catalog.case import Case, Gating
from webapp.catalog.constraints import Exclusion
from webapp.catalog.entries import unknown
from webapp.catalog.estimates import RunEstimate
from webapp.catalog.gpus import find_gpu
from webapp.catalog.hyperparameters import Settings, suggest
from webapp.catalog.memory import MemoryEstimate
from webapp.catalog.methods import resolve_method
from webapp.catalog.models import BaseModel
from webapp.catalog.planned import planned_run
from webapp.catalog.presets import resolve_preset
from webapp.catalog.profile import Profile
from webapp.catalog.ranking import Candidate, Ranking, places, rank
from webapp.catalog.rates import TokenRates
from webapp.catalog.reasons import explain
from webapp.catalog.score import WEIGHTS, Terms
from webapp.catalog.sensitivity import Change, sensitivity
from webapp.catalog.targets import resolve_target
from webapp.catalog.tasks import resolve_task
from webapp.datasets import Analysis
from webapp.errors import Problem


class Recommended(msgspec.Struct, frozen=True):
    """One recommended model: its place (a tie shares one), the score from 0 to 1, and how it would be trained."""

    model: BaseModel
    place: int
    score: float
    terms: Terms
    reasons: tuple[str, ...]
    settings: Settings
    run: RunEstimate

    @property
    def memory(self) -> MemoryEstimate:
        """The memory that the run takes with these settings."""
        return self.settings.memory

    def to_dict(self) -> dict[str, Any]:
        """One item of the answer's `recommendations`."""
        model, memory = self.model, self.memory
        return {
            "model_id": model.id,
            "model_name": model.name,
            "size": model.size,
            "score": self.score,
            "reasons": list(self.reasons),
            "is_gated": model.gated,
            "rank": self.place,
            "hub_id": model.hub_id,
            "license": model.license,
            "commercial_use": model.commercial_use,
            "context_length": model.context_length,
            "ungated_alternative": model.ungated_alternative,
            "method": memory.method,
            "max_seq_length": memory.max_seq_length,
            "memory": memory.to_dict(),
            "run": self.run.to_dict(),
            "settings": self.settings.to_list(),
            "terms": {name: round(value, 4) for name, value in self.terms._asdict().items()},
        }


class Recommendation(msgspec.Struct, frozen=True):
    """The models that meet every constraint, best first, those that do not, and what would change the first place."""

    task: str
    target: str
    gpu: str
    recommendations: tuple[Recommended, ...]
    excluded: tuple[Exclusion, ...]
    sensitivity: tuple[Change, ...]

    @property
    def tied(self) -> tuple[str, ...]:
        """The models that share the first place, where more than one does."""
        first = tuple(item.model.id for item in self.recommendations if item.place == 1)
        return first if len(first) > 1 else ()

    def to_dict(self) -> dict[str, Any]:
        """The body of `POST /recommend`."""
        return {
            "task_type": self.task,
            "deployment_target": self.target,
            "gpu": self.gpu,
            "recommendations": [item.to_dict() for item in self.recommendations],
            "excluded": [msgspec.structs.asdict(item) for item in self.excluded],
            "tied": list(self.tied),
            "weights": WEIGHTS._asdict(),
            "sensitivity": [change._asdict() for change in self.sensitivity],
        }


def recommend(
    analysis: Analysis,
    task: str,
    target: str,
    gpu: str = "t4",
    method: str | None = None,
    *,
    gated: str = "last",
    preset: str = "balanced",
    languages: Collection[str] | None = None,
    rates: TokenRates | None = None,
) -> Recommendation:
    """The base models for this dataset, best first.

    A model must have room for the data's p99 length in its context, know its languages, have room on the target, and
    for training on the GPU within 85 % of its memory: by LoRA where that fits, else by QLoRA, or by the `method` that
    is given. What is left is sorted by the score (see `score.py`); `gated` models come last unless they are to count as
    "equal", and "exclude" leaves them out. With `languages` (ISO 639 codes), others of the data need not be known.

    Raises Problem `unknown_task`, `unknown_target`, `unknown_gpu`, `unknown_method`, `unknown_gating`,
    `unknown_preset`, `method_unavailable` (with `param`), or `no_model_fits` with the exclusions in its details.
    """
    machine = find_gpu(gpu)
    case = Case(
        profile=Profile.of(analysis, rates, languages),
        task=resolve_task(task),
        target=resolve_target(target),
        gpu=machine,
        method=resolve_method(method, machine) if method else None,
        gated=_gating(gated),
    )
    resolve_preset(preset)
    ranking = rank(case)
    if ranking.first is None:
        raise _none_left(case, ranking)
    return Recommendation(
        task=case.task.name,
        target=case.target.name,
        gpu=machine.id,
        recommendations=tuple(
            _recommended(item, place, case, preset, analysis)
            for item, place in zip(ranking.candidates, places(ranking, case), strict=True)
        ),
        excluded=ranking.excluded,
        sensitivity=sensitivity(case, ranking.first.id),
    )


def _gating(name: str) -> Gating:
    for known in get_args(Gating):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise unknown("gating", name, get_args(Gating), param="gated")


def _recommended(item: Candidate, place: int, case: Case, preset: str, analysis: Analysis) -> Recommended:
    given = {"method": case.method} if case.method else None
    settings = suggest(case.profile, item.model, case.gpu, preset, given)
    run = planned_run(item.model, case.gpu, settings, analysis)
    return Recommended(
        model=item.model,
        place=place,
        score=item.score,
        terms=item.terms,
        reasons=explain(item.model, case, settings.memory, run),
        settings=settings,
        run=run,
    )


def _none_left(case: Case, ranking: Ranking) -> Problem:
    return Problem(
        "no_model_fits",
        f"None of the {len(ranking.excluded)} base models meets every constraint: conversations of "
        f"{case.profile.needed_tokens():,} tokens, {case.gpu.memory_gib:g} GiB of the {case.gpu.name}, "
        f"{case.target.label}. Try a larger GPU, another target or shorter rows; details.excluded says what ruled each "
        "out.",
        details={"excluded": [msgspec.structs.asdict(item) for item in ranking.excluded]},
    )
