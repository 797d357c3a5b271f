"""What a planned run takes: of the chosen model on the chosen machine, and of every model on every machine."""

from collections.abc import Iterable
from typing import NamedTuple

from webapp.catalog.estimates import Fit, RunEstimate, fit_of, run_estimate
from webapp.catalog.gpus import Gpu
from webapp.catalog.hyperparameters import Settings, suggest
from webapp.catalog.models import BaseModel
from webapp.catalog.presets import LORA_RANK
from webapp.catalog.profile import Profile
from webapp.catalog.workload import RunPlan
from webapp.datasets import Analysis
from webapp.errors import Problem


class Fitting(NamedTuple):
    """A model on a machine with the settings that are suggested for it there; `run` is None where it cannot work."""

    fit: Fit
    gib: float | None
    run: RunEstimate | None


def planned_run(model: BaseModel, gpu: Gpu, settings: Settings, analysis: Analysis) -> RunEstimate:
    """Time and cost of a run with these settings on this data."""
    checkpointing = bool(settings.values.get("gradient_checkpointing", True))
    return run_estimate(model, gpu, settings.memory.method, analysis, _run_plan(settings), checkpointing=checkpointing)


def fittings(
    model: BaseModel, machines: Iterable[Gpu], analysis: Analysis, profile: Profile, preset: str
) -> list[Fitting]:
    """The model on each of the machines; its rows are cut there as the suggestion says."""
    return [_fitting(model, gpu, analysis, profile, preset) for gpu in machines]


def _fitting(model: BaseModel, gpu: Gpu, analysis: Analysis, profile: Profile, preset: str) -> Fitting:
    try:
        settings = suggest(profile, model, gpu, preset)
    except Problem as problem:
        if problem.code == "needs_bf16":
            return Fitting("needs_bf16", None, None)
        return Fitting("no", problem.details["memory"]["gib"], None)
    run = planned_run(model, gpu, settings, analysis)
    return Fitting(fit_of(model, gpu, settings.memory), settings.memory.mid, run)


def _run_plan(settings: Settings) -> RunPlan:
    values, usual = settings.values, RunPlan()
    return RunPlan(
        epochs=values["num_epochs"],
        batch_size=values["batch_size"],
        max_seq_length=values["max_seq_length"],
        eval_fraction=values["eval_fraction"],
        packing=values.get("packing", usual.packing),
        train_turns=values.get("train_turns", usual.train_turns),
        evaluations=settings.evaluations,
        lora_rank=values.get("lora_rank", LORA_RANK),
        max_batches=values.get("max_steps", 0) * values["gradient_accumulation"],
        answers=values.get("metric_answers", usual.answers),
        max_new_tokens=values["max_new_tokens"],
    )
