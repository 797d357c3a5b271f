"""The score: three named terms from 0 to 1, each one function, and their weighted sum.

The weights and constants are judgements, written down so that they can be argued with; none is a measurement.
"""

import math
from typing import NamedTuple

from webapp.catalog.models import BaseModel
from webapp.catalog.targets import Target, deployed_gib
from webapp.catalog.tasks import Task
from webapp.datasets import Analysis

WEIGHTS = {"task": 0.45, "deployment": 0.25, "data": 0.30}

STRENGTH_STEP = 0.12  # lost with each place down a model's list of strengths
NOT_LISTED = 0.25
ENOUGH_EXAMPLES = 400  # half of what examples can do for a model of 1B
FOREIGN_CHARACTERS = 0.05  # non-ASCII share from which languages count in full (German has 2-4 %)
ENOUGH_LANGUAGES = 20


class Terms(NamedTuple):
    """The terms of one model's score, each from 0 to 1."""

    task: float
    deployment: float
    data: float

    @property
    def total(self) -> float:
        """0.45 task + 0.25 deployment + 0.30 data."""
        return WEIGHTS["task"] * self.task + WEIGHTS["deployment"] * self.deployment + WEIGHTS["data"] * self.data


def score_terms(model: BaseModel, analysis: Analysis, task: Task, target: Target) -> Terms:
    """All terms of a model for this data, task and target."""
    return Terms(task_fit(model, task), deployment_fit(model, target), data_fit(model, analysis))


def task_fit(model: BaseModel, task: Task) -> float:
    """0.5 strength + 0.5 ability.

    strength = 1 - 0.12 x its place in the model's list of tasks (0.25 when absent);
    ability = N / (N + the task's half_ability), N being the parameters.
    """
    listed = task.name in model.tasks
    strength = 1 - STRENGTH_STEP * model.tasks.index(task.name) if listed else NOT_LISTED
    ability = model.parameters / (model.parameters + task.half_ability)
    return 0.5 * strength + 0.5 * ability


def deployment_fit(model: BaseModel, target: Target) -> float:
    """1 - (weights on the target / its limit), never below 0: the room left for context and other work."""
    return max(0.0, 1 - deployed_gib(model, target) / target.limit_gib)


def data_fit(model: BaseModel, analysis: Analysis) -> float:
    """size_fit x language_fit x structure_fit."""
    return size_fit(model, analysis) * language_fit(model, analysis) * structure_fit(model, analysis)


def size_fit(model: BaseModel, analysis: Analysis) -> float:
    """n / (n + 400 / sqrt(N in billions)) for n examples: smaller models ask for more of them."""
    examples = analysis.total_examples
    return examples / (examples + ENOUGH_EXAMPLES / math.sqrt(model.parameters / 1e9))


def language_fit(model: BaseModel, analysis: Analysis) -> float:
    """1 - foreign x (1 - breadth).

    foreign = non-ASCII share / 5 %, at most 1; breadth = number of the model's languages / 20, at most 1.
    """
    breadth = min(1.0, len(model.languages) / ENOUGH_LANGUAGES)
    return 1 - foreign_share(analysis) * (1 - breadth)


def foreign_share(analysis: Analysis) -> float:
    """How much the data's languages matter, from 0 (plain English or code) to 1."""
    return min(1.0, analysis.characteristics.non_ascii_share / FOREIGN_CHARACTERS)


def structure_fit(model: BaseModel, analysis: Analysis) -> float:
    """1, less 0.5 x share of tool calls, 0.3 x share of JSON answers and 0.2 x share of system prompts.

    Each is taken off only where the model lacks it: tool calls, extraction among its tasks, a system role.
    """
    data = analysis.characteristics
    lacking = 0.0 if model.tool_calls else 0.5 * data.tool_call_share
    lacking += 0.0 if "extraction" in model.tasks else 0.3 * data.json_answer_share
    lacking += 0.0 if model.system_role else 0.2 * data.system_prompt_share
    return 1 - lacking
