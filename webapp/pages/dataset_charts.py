"""The charts of a dataset's report: how long its conversations are, who speaks, what repeats, in which languages."""

from collections.abc import Iterable

from webapp.catalog import BaseModel
from webapp.catalog import models as all_models
from webapp.datasets import Analysis, SizeRange
from webapp.pages.charts import Bar, Histogram, Mark, histogram
from webapp.pages.wording import number
from webapp.workflow import Clusters

_MOST_LIMITS = 3


def token_chart(report: Analysis) -> Histogram:
    """Tokens of the conversations, with percentiles and the contexts of models that are nearest to the longest."""
    bars = [
        Bar(f"{number(item.start)}–{number(item.end - 1)}", item.count, item.start, item.end)
        for item in report.tokens.histogram
    ]
    measured = report.tokens.per_example
    marks = [Mark("p50", measured.p50), Mark("p95", measured.p95), Mark("p99", measured.p99)]
    nearest = _nearest(measured.max)
    return histogram(
        "Tokens per conversation",
        "conversations",
        bars,
        [*marks, *(Mark(f"context of {model.name}", model.context_length, limit=True) for model in nearest)],
    )


def share_charts(report: Analysis) -> list[Histogram]:
    """Messages by role, conversations by turns, and languages; each only where there is something to compare."""
    roles = [Bar(role, count) for role, count in report.distribution.roles.items()]
    turns = [Bar(count, found) for count, found in report.distribution.turns.items()]
    languages = [Bar(code, round(share * report.languages.sampled)) for code, share in report.languages.shares.items()]
    found = []
    if len(roles) > 1:
        found.append(histogram("Messages by role", "messages", roles))
    if len(turns) > 1:
        found.append(histogram("Conversations by turns of the user", "conversations", turns))
    if len(languages) > 1:
        found.append(histogram("Languages", "conversations looked at", languages[:12]))
    return found


def cluster_charts(clusters: Clusters) -> list[Histogram]:
    """How large the groups of rows are that repeat one another; each only where there are any."""
    kinds = {"Groups of exact duplicates by size": clusters.exact, "Near-duplicate clusters by size": clusters.near}
    return [histogram(title, "groups", _sizes(sizes)) for title, sizes in kinds.items() if sizes]


def _sizes(sizes: Iterable[SizeRange]) -> list[Bar]:
    return [
        Bar(
            f"{item.start} rows" if item.end == item.start + 1 else f"{item.start}–{item.end - 1} rows",
            item.groups,
            item.start,
            item.end,
        )
        for item in sizes
    ]


def _nearest(longest: int) -> list[BaseModel]:
    """The first model of each context length: the longest that is too short, and the next ones that are not."""
    by_context: dict[int, BaseModel] = {}
    for model in all_models():
        by_context.setdefault(model.context_length, model)
    lengths = sorted(by_context)
    first = sum(length < longest for length in lengths)
    start = max(0, min(first - 1, len(lengths) - _MOST_LIMITS))
    return [by_context[length] for length in lengths[start : start + _MOST_LIMITS]]
