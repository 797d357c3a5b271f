"""The score: named terms from 0 to 1, each one function, and their weighted mean.

The weights and constants are judgements, written down so that they can be argued with; none is a measurement.
"""

import math
import statistics
from collections.abc import Mapping
from operator import mul
from typing import NamedTuple

from webapp.catalog.case import Case
from webapp.catalog.duration import minutes_per_million_tokens
from webapp.catalog.epochs import epochs
from webapp.catalog.memory import MemoryEstimate, dimensions
from webapp.catalog.models import BaseModel
from webapp.catalog.profile import Profile
from webapp.catalog.targets import deployed_gib
from webapp.catalog.tasks import Task
from webapp.training.memory import ROOM

STRENGTH_STEP = 0.10  # lost with each place down a model's list of strengths
NOT_LISTED = 0.40
PROGRESS, REFERENCE_YEAR = 1.5, 2025  # what a parameter is worth, year over year
ENOUGH_EXAMPLES = 400  # half of what examples can do for a model of 1B
FOREIGN_CHARACTERS = 0.05  # non-ASCII share from which languages count in full (German has 2-4 %)
ENOUGH_LANGUAGES = 20
AMPLE_CONTEXT = 8  # times what the data needs
HALF_TIME = 60.0  # minutes of a run that halve its term
ROWS_AT_A_TIME = 8
OPEN_LICENCES = frozenset({"Apache-2.0", "MIT"})
CONDITIONS = 0.5  # commercial use on terms of the licence's own


class Terms(NamedTuple):
    """The terms of one model's score, each from 0 to 1."""

    task: float
    data: float
    structure: float
    languages: float
    tokenizer: float
    deployment: float
    context: float
    memory: float
    time: float
    licence: float
    gating: float

    @property
    def total(self) -> float:
        """The sum of each term times its weight."""
        total: float = sum(map(mul, WEIGHTS, self))
        return total


WEIGHTS = Terms(
    task=0.33,
    data=0.12,
    structure=0.10,
    languages=0.12,
    tokenizer=0.04,
    deployment=0.11,
    context=0.03,
    memory=0.04,
    time=0.04,
    licence=0.04,
    gating=0.03,
)


def score_terms(model: BaseModel, case: Case, needed: int, memory: MemoryEstimate) -> Terms:
    """All terms of a model for this case: `needed` are the tokens of p99, `memory` is that of a single row."""
    return Terms(
        task=task_fit(model, case.task),
        data=data_fit(model, case.profile),
        structure=structure_fit(model, case.profile),
        languages=language_fit(model, case.profile),
        tokenizer=tokenizer_fit(model, case.profile),
        deployment=deployment_fit(model, case, needed),
        context=context_fit(model, needed),
        memory=memory_fit(memory),
        time=time_fit(model, case, memory),
        licence=licence_fit(model),
        gating=0.0 if model.gated and case.gated != "equal" else 1.0,
    )


def task_fit(model: BaseModel, task: Task) -> float:
    """0.3 strength + 0.7 ability.

    strength = 1 - 0.1 x its place in the model's list of tasks (0.4 when absent);
    ability = E / (E + the task's half_ability) with E = parameters x 1.5^(year of release - 2025): small models have
    become better at the same size each year.
    """
    listed = task.name in model.tasks
    strength = 1 - STRENGTH_STEP * model.tasks.index(task.name) if listed else NOT_LISTED
    effective = model.parameters * PROGRESS ** (model.year - REFERENCE_YEAR)
    ability = effective / (effective + task.half_ability)
    return 0.3 * strength + 0.7 * ability


def data_fit(model: BaseModel, profile: Profile) -> float:
    """n / (n + 400 / sqrt(N in billions)) for n examples: smaller models ask for more of them."""
    return profile.examples / (profile.examples + ENOUGH_EXAMPLES / math.sqrt(model.parameters / 1e9))


def structure_fit(model: BaseModel, profile: Profile) -> float:
    """1, less 0.5 x share of tool calls, 0.3 x share of JSON answers and 0.2 x share of system prompts.

    Each is taken off only where the model lacks it: tool calls, extraction among its tasks, a system role.
    """
    lacking = 0.0 if model.tool_calls else 0.5 * profile.tool_call_share
    lacking += 0.0 if "extraction" in model.tasks else 0.3 * profile.json_answer_share
    lacking += 0.0 if model.system_role else 0.2 * profile.system_prompt_share
    return 1 - lacking


def language_fit(model: BaseModel, profile: Profile) -> float:
    """1 - unknown x (1 - breadth), or 1 - foreign x (1 - breadth) where that is less.

    unknown = share of the data in languages that its card does not name; foreign = non-ASCII share / 5 %, at most 1,
    which also tells where no language could be; breadth = number of the model's languages / 20, at most 1.
    """
    breadth = min(1.0, len(model.languages) / ENOUGH_LANGUAGES)
    by_language = 1 - profile.unknown_share(model) * (1 - breadth)
    return min(by_language, 1 - foreign_share(profile) * (1 - breadth))


def foreign_share(profile: Profile) -> float:
    """How much the data's characters say that languages matter, from 0 (plain English or code) to 1."""
    return min(1.0, profile.non_ascii_share / FOREIGN_CHARACTERS)


def tokenizer_fit(model: BaseModel, profile: Profile) -> float:
    """Fewest tokens per word of this data among the known tokenizers, over this one's.

    A model whose tokenizer is not known gets the median of those that are, so that knowing one moves nobody.
    """
    known: Mapping[str, float] = profile.rates.models if profile.rates else {}
    if not known:
        return 1.0
    fewest = min(known.values())
    if model.id in known:
        return fewest / known[model.id]
    return statistics.median(fewest / rate for rate in known.values())


def deployment_fit(model: BaseModel, case: Case, needed: int) -> float:
    """1 - (what counts on the target / its limit)^2, never below 0: room matters where it becomes scarce."""
    taken = deployed_gib(model, case.target, needed)
    return max(0.0, 1 - (taken / case.target.limit_gib) ** 2)


def context_fit(model: BaseModel, needed: int) -> float:
    """log(context / needed) / log(8): 0 where the longest 1 % just fit, 1 where eight times as much would."""
    times = model.context_length / needed
    return min(1.0, max(0.0, math.log(times) / math.log(AMPLE_CONTEXT)))


def memory_fit(memory: MemoryEstimate) -> float:
    """1 - (need / 85 % of the card)^2: the room that larger batches can use."""
    return max(0.0, 1 - (memory.mid / (ROOM * memory.gpu_gib)) ** 2)


def time_fit(model: BaseModel, case: Case, memory: MemoryEstimate) -> float:
    """60 / (60 + minutes of training): those of a million tokens x the data's tokens x the usual epochs."""
    each = minutes_per_million_tokens(
        dimensions(model), case.gpu, memory.method, rows=ROWS_AT_A_TIME, length=memory.max_seq_length
    )
    tokens = case.profile.total_tokens(model) * epochs(case.profile.examples)
    return HALF_TIME / (HALF_TIME + each.mid * tokens / 1e6)


def licence_fit(model: BaseModel) -> float:
    """1 for Apache-2.0 and MIT, 0.5 for commercial use on terms of its own, 0 for none."""
    if model.license in OPEN_LICENCES:
        return 1.0
    return CONDITIONS if model.commercial_use else 0.0
