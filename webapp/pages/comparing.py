"""Two recommended models side by side: every figure, and which of the two is better where that can be said."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from webapp.catalog import METHOD_NAMES, Recommended, deployed_gib, resolve_target
from webapp.catalog.score import WEIGHTS
from webapp.pages.fit_cells import run_cost
from webapp.pages.wording import figure, percent

_TERMS = {
    "task": "Fit for the task",
    "data": "Fit for the number of examples",
    "structure": "Tool calls, JSON, system prompts",
    "languages": "Languages of your data",
    "tokenizer": "Tokens per word of your data",
    "deployment": "Room where it will run",
    "context": "Room in its context",
    "memory": "Room on the GPU",
    "time": "Time of a run",
    "licence": "Licence",
    "gating": "Free to download",
}


@dataclass(frozen=True)
class Row:
    """One figure of both; `better` is 0 or 1, None where they are alike or neither can be called better."""

    label: str
    values: tuple[str, str]
    better: int | None = None


def comparison(first: Recommended, second: Recommended, target: str) -> list[Row]:
    """The rows of the table."""
    return [*_figures(first, second, target), *_terms(first, second)]


def _figures(first: Recommended, second: Recommended, target: str) -> Iterator[Row]:
    pair = (first, second)

    def row(label: str, words: Callable[[Recommended], str], less: Callable[[Recommended], float] | None = None) -> Row:
        """A row; the one with `less` of something is better."""
        better = _lower(less(first), less(second)) if less else None
        return Row(label, (words(first), words(second)), better)

    place = resolve_target(target)

    def deployed(item: Recommended) -> float:
        return deployed_gib(item.model, place, item.memory.max_seq_length)

    yield row("Score", lambda item: percent(item.score), lambda item: -item.score)
    yield row("Place", lambda item: str(item.place), lambda item: item.place)
    yield row("Size", lambda item: item.model.size)
    yield row("Released", lambda item: str(item.model.year), lambda item: -item.model.year)
    yield row("Licence", lambda item: item.model.license, lambda item: -item.terms.licence)
    yield row(
        "Commercial use", lambda item: _yes(item.model.commercial_use), lambda item: not item.model.commercial_use
    )
    yield row("Licence to accept first", lambda item: _yes(item.model.gated), lambda item: item.model.gated)
    yield row("Context", lambda item: f"{item.model.context_length:,} tokens", lambda item: -item.model.context_length)
    yield row(
        "Languages it names", lambda item: str(len(item.model.languages)), lambda item: -len(item.model.languages)
    )
    yield row("Method", lambda item: METHOD_NAMES[item.memory.method])
    yield row("Longest row trained", lambda item: f"{item.memory.max_seq_length:,} tokens")
    yield row("Rows at a time", lambda item: str(item.memory.batch_size))
    yield row(
        "Memory while training",
        lambda item: f"{item.memory.low:.1f} to {item.memory.high:.1f} of {item.memory.gpu_gib:g} GiB",
        lambda item: item.memory.mid,
    )
    yield row(
        "Time of a run",
        lambda item: f"{figure(item.run.minutes.low)} to {figure(item.run.minutes.high)} min",
        lambda item: item.run.minutes.mid,
    )
    if all(item.run.costs for item in pair):
        yield row(
            "Cost of a run",
            lambda item: run_cost(item.run.costs),
            lambda item: min(cost.money.mid for cost in item.run.costs),
        )
    yield row("Tokens trained", lambda item: f"{item.run.tokens:,}")
    yield row(f"Memory on {place.label}", lambda item: f"{deployed(item):.1f} of {place.limit_gib:g} GiB", deployed)


def _terms(first: Recommended, second: Recommended) -> Iterator[Row]:
    """What the score is made of."""
    for name, label in _TERMS.items():
        values = getattr(first.terms, name), getattr(second.terms, name)
        said = f"{values[0]:.2f}", f"{values[1]:.2f}"
        better = _lower(-values[0], -values[1]) if said[0] != said[1] else None
        yield Row(f"{label}, {getattr(WEIGHTS, name):.0%} of the score", said, better)


def _lower(first: float, second: float) -> int | None:
    return None if first == second else int(second < first)


def _yes(holds: bool | None) -> str:
    return "yes" if holds else "no"
