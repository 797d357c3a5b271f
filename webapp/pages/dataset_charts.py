"""The charts of a dataset's report: how long its conversations are, who speaks, in which languages."""

from collections.abc import Iterable

from webapp.catalog import BaseModel
from webapp.datasets import Analysis
from webapp.pages.charts import Bar, Histogram, Mark, histogram
from webapp.pages.wording import number

_MOST_LIMITS = 3


def token_chart(report: Analysis, models: Iterable[BaseModel] = ()) -> Histogram:
    """Tokens of the conversations, with percentiles, and with the contexts of the first of these models."""
    bars = [
        Bar(f"{number(item.start)}–{number(item.end - 1)}", item.count, item.start, item.end)
        for item in report.tokens.histogram
    ]
    measured = report.tokens.per_example
    marks = [Mark("p50", measured.p50), Mark("p95", measured.p95), Mark("p99", measured.p99)]
    limits: dict[int, str] = {}
    for model in models:
        if len(limits) < _MOST_LIMITS:
            limits.setdefault(model.context_length, f"context of {model.name}")
    return histogram(
        "Tokens per conversation",
        "conversations",
        bars,
        [*marks, *(Mark(name, length, limit=True) for length, name in limits.items())],
    )


def share_charts(report: Analysis) -> list[Histogram]:
    """Messages by role, and languages; each only where there is something to compare."""
    roles = [Bar(role, count) for role, count in report.distribution.roles.items()]
    languages = [Bar(code, round(share * report.languages.sampled)) for code, share in report.languages.shares.items()]
    found = []
    if len(roles) > 1:
        found.append(histogram("Messages by role", "messages", roles))
    if len(languages) > 1:
        found.append(histogram("Languages", "conversations looked at", languages[:12]))
    return found
