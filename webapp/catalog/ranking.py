"""The models that meet every constraint of a case, best first."""

from collections.abc import Iterable
from typing import NamedTuple

from webapp.catalog.case import Case
from webapp.catalog.constraints import Exclusion, candidate_memory, exclusion
from webapp.catalog.memory import MemoryEstimate
from webapp.catalog.methods import METHOD_NAMES
from webapp.catalog.models import BaseModel, models
from webapp.catalog.score import Terms, score_terms

DIGITS = 4  # of a score: models whose scores agree in them are tied


class Candidate(NamedTuple):
    """A model that meets every constraint, its score from 0 to 1; `memory` is that of a single row at a time."""

    model: BaseModel
    score: float
    terms: Terms
    memory: MemoryEstimate


class Ranking(NamedTuple):
    """What is left of the catalogue, best first, and what is not, with the reasons."""

    candidates: tuple[Candidate, ...]
    excluded: tuple[Exclusion, ...]

    @property
    def first(self) -> BaseModel | None:
        """The model in the first place."""
        return self.candidates[0].model if self.candidates else None


def rank(case: Case, catalogue: Iterable[BaseModel] | None = None) -> Ranking:
    """The catalogue's models for this case, by score; of models that tie, the smaller first.

    Gated models, and those whose numbers could not be checked, come after all others, unless gated ones are to count as
    equal. Where only gated ones fit they are named among the exclusions instead: a gated model is never the first
    answer to somebody who did not ask for it.
    """
    listed = tuple(models() if catalogue is None else catalogue)
    found = candidates(case, listed)
    left = {item.model.id for item in found}
    excluded = [exclusion(model, case) for model in listed if model.id not in left]
    if case.gated == "last" and all(item.model.gated for item in found):
        return Ranking((), (*excluded, *map(_only_gated, found)))
    return Ranking(tuple(found), tuple(excluded))


def leader(case: Case) -> BaseModel | None:
    """The first model of `rank`, without the words for those that are out; None where nothing fits."""
    found = candidates(case, (model for model in models() if case.gated != "last" or not model.gated))
    return found[0].model if found else None


def candidates(case: Case, catalogue: Iterable[BaseModel]) -> list[Candidate]:
    """The models that meet every constraint, in their order."""
    found: list[Candidate] = []
    for model in catalogue:
        needed = case.profile.needed_tokens(model)
        if memory := candidate_memory(model, case, needed):
            terms = score_terms(model, case, needed, memory)
            found.append(Candidate(model, round(terms.total, DIGITS), terms, memory))
    return sorted(found, key=lambda item: (_group(item.model, case), -item.score, item.model.parameters, item.model.id))


def _group(model: BaseModel, case: Case) -> int:
    """0, 1 for what could not be checked, 2 for gated models that come last."""
    if model.gated and case.gated == "last":
        return 2
    return int(not model.verified)


def places(ranking: Ranking, case: Case) -> list[int]:
    """The place of each candidate, from 1 on; a tie shares its place."""
    found: list[int] = []
    before: tuple[int, float] | None = None
    for number, item in enumerate(ranking.candidates, start=1):
        this = _group(item.model, case), item.score
        found.append(found[-1] if this == before else number)
        before = this
    return found


def _only_gated(candidate: Candidate) -> Exclusion:
    memory = candidate.memory
    return Exclusion(
        candidate.model.id,
        "gated",
        f"It fits ({METHOD_NAMES[memory.method]} in about {memory.mid:.1f} GiB), but its licence has to be accepted on "
        "the hub first; choose it by name once you have access, or ask for gated models.",
    )
