"""The charts of a run, and its figures at a glance: what they became from step to step, and what they are now."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import request, url_for

from webapp import workflow
from webapp.api.context import caller, services
from webapp.pages.charts import LineChart, Window, line_chart
from webapp.pages.wording import number, seconds

_GIB = 1024**3
# Each chart's title, and what its lines are called by the names of the figures.
_CHARTS: dict[str, dict[str, str]] = {
    "Loss": {"loss": "Training", "eval_loss": "Held-out"},
    "Learning rate": {"learning_rate": "Learning rate"},
    "Tokens a second": {"tokens_per_second": "Tokens a second"},
    "Gradient norm": {"grad_norm": "Gradient norm"},
    "Peak memory in GiB": {"memory_bytes": "Peak memory"},
}
# What is shown at a glance, by the names of the figures; the last is of runs under way alone.
_AT_A_GLANCE = {
    "step": "Step",
    "loss": "Loss",
    "eval_loss": "Held-out loss",
    "learning_rate": "Learning rate",
    "tokens_per_second": "Tokens a second",
    "memory_bytes": "Peak memory",
    "eta_seconds": "Time left",
}


def curves(job_id: str, page: str, *, loss_only: bool = False) -> dict[str, Any]:
    """What the charts' template needs on the `page` of that address, and what the run was told of its steps.

    The query string says which steps, and on which scale.
    """
    window = read_window(request.args)
    figures = workflow.step_figures(services(), caller(), job_id)
    steps = {"from": window.start, "to": window.end}
    charts = run_charts(figures, window)
    return {
        "window": window,
        "charts": charts[:1] if loss_only else charts,
        "curves_url": url_for("pages.run_curves", job_id=job_id, only="loss" if loss_only else None),
        "other_scale": _address(page, **steps, log=None if window.log else "1"),
        "all_steps": _address(page, log="1" if window.log else None),
        "glance": at_a_glance(figures),
    }


def _address(page: str, **query: Any) -> str:
    """The page with these parameters, without those that are None."""
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    return f"{page}?{asked}" if asked else page


def at_a_glance(figures: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """The newest of each figure: its name, its label, and its value in words ("–" where nothing was told of it)."""
    newest: dict[str, Any] = {}
    for row in figures:
        newest |= {name: value for name, value in row.items() if value is not None}
    return [(name, label, _in_words(name, newest)) for name, label in _AT_A_GLANCE.items()]


def _in_words(name: str, newest: Mapping[str, Any]) -> str:
    value = newest.get(name)
    if value is None:
        return "–"
    if name == "step" and newest.get("total_steps"):
        return f"{number(value)} of {number(newest['total_steps'])}"
    if name == "memory_bytes":
        return f"{number(value / _GIB)} GiB"
    return seconds(value) if name == "eta_seconds" else number(value)


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
