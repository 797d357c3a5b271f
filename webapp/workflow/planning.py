"""The plan of a run before its notebook is made: what it takes, and why it cannot be where it cannot."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.accounts import Caller
from webapp.catalog import PRESETS, BaseModel, RunEstimate, TokenRates, find_gpu, planned_run, resolve_preset
from webapp.datasets import Analysis, Examples
from webapp.errors import Problem
from webapp.hub import ChosenModel
from webapp.notebooks import Plan, TrainingConfig, plan_run, require_template, require_trainable
from webapp.storage.tables import Dataset
from webapp.training.families import Family
from webapp.workflow.analyses import dataset_state, open_examples
from webapp.workflow.choosing import chosen_model
from webapp.workflow.findings import token_rates
from webapp.workflow.services import Services


@dataclass(frozen=True)
class Material:
    """What a notebook is made of: an analysed dataset, its rows, and a base model."""

    dataset: Dataset
    report: Analysis
    examples: Examples
    chosen: ChosenModel
    rates: TokenRates | None

    @property
    def model(self) -> BaseModel:
        """The base model."""
        return self.chosen.model

    def own_format(self) -> Family | None:
        """The chat format of a model that the catalogue does not have; raises Problem where its rows cannot be trained.

        Those are the Problems of `require_trainable` and `require_template`.
        """
        own_format = self.chosen.own_format()
        require_trainable(self.report, self.examples)
        require_template(own_format, self.examples)
        return own_format

    def plan(self, wanted: TrainingConfig | None, gpu: str | None, preset: str) -> Plan:
        """The plan with what is wanted put over what is suggested; raises the Problems of `plan_run`."""
        return plan_run(self.report, self.model, wanted, gpu=gpu, preset=preset, rates=self.rates)


@dataclass(frozen=True)
class PlannedRun:
    """A plan, with the time and the cost of its run."""

    plan: Plan
    run: RunEstimate


@dataclass(frozen=True)
class Planning:
    """A plan that is being made.

    `presets` are the plans of which nothing is set, by preset; None where even that cannot be. `refusal` is why no
    notebook can be made of these rows; whether a chat template from the hub suits them is only tried when it is made.
    """

    material: Material
    gpu: str
    preset: str
    presets: Mapping[str, PlannedRun | None]
    refusal: Problem | None

    @property
    def suggested(self) -> PlannedRun | None:
        """The plan of which nothing is set."""
        return self.presets[self.preset]

    def with_settings(self, wanted: TrainingConfig) -> tuple[PlannedRun | None, Problem | None]:
        """What `generate` would plan, or the Problem that it would raise."""
        return _planned(self.material, wanted, self.gpu, self.preset)


def material(services: Services, caller: Caller, dataset_id: str, model_id: str) -> Material:
    """The dataset and the model; raises Problem `dataset_not_found`, `analysis_pending`, those of `chosen_model`."""
    state = dataset_state(services, caller, dataset_id)
    chosen = chosen_model(services, model_id)
    report = state.finished()
    rates = token_rates(services, caller, dataset_id)
    return Material(state.dataset, report, open_examples(services, state.dataset.id), chosen, rates)


def planning(services: Services, caller: Caller, dataset_id: str, model_id: str, *, gpu: str, preset: str) -> Planning:
    """The plans to choose from; raises Problem `unknown_gpu`, `unknown_preset`, and those of `material`."""
    name, machine = resolve_preset(preset).name, find_gpu(gpu).id
    given = material(services, caller, dataset_id, model_id)
    presets = {each: _planned(given, None, machine, each)[0] for each in PRESETS}
    return Planning(given, machine, name, presets, _refusal(given))


def _planned(
    given: Material, wanted: TrainingConfig | None, gpu: str, preset: str
) -> tuple[PlannedRun | None, Problem | None]:
    try:
        plan = given.plan(wanted, gpu, preset)
    except Problem as problem:
        return None, problem
    return PlannedRun(plan, planned_run(given.model, plan.gpu, plan.settings, given.report)), None


def _refusal(given: Material) -> Problem | None:
    try:
        require_trainable(given.report, given.examples)
    except Problem as problem:
        return problem
    return None
