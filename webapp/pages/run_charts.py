"""The charts of a run: what its figures became from step to step."""

from collections.abc import Mapping, Sequence
from typing import Any

from webapp.pages.charts import LineChart, Window, line_chart

_GIB = 1024**3
# Each chart's title, and what its lines are called by the names of the figures.
_CHARTS: dict[str, dict[str, str]] = {
    "Loss": {"loss": "Training", "eval_loss": "Held-out"},
    "Learning rate": {"learning_rate": "Learning rate"},
    "Tokens a second": {"tokens_per_second": "Tokens a second"},
    "Gradient norm": {"grad_norm": "Gradient norm"},
    "Peak memory in GiB": {"memory_bytes": "Peak memory"},
}


def run_charts(figures: Sequence[Mapping[str, Any]], window: Window) -> list[LineChart]:
    """A chart for everything that was told of any step; that of the losses even before."""
    found = []
    for title, names in _CHARTS.items():
        series = {label: _points(figures, name) for name, label in names.items()}
        if any(series.values()) or title == "Loss":
            found.append(line_chart(title, series, window))
    return found


def _points(figures: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    unit = _GIB if name == "memory_bytes" else 1
    return [(row["step"], row[name] / unit) for row in figures if row.get(name) is not None]


def read_window(values: Mapping[str, str]) -> Window:
    """What a query string asks to see; what is no number is as if it were not there."""
    return Window(_number(values.get("from")), _number(values.get("to")), log=values.get("log") == "1")


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
