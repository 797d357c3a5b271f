"""What there is: the datasets and the runs of whoever asks, newest first."""

from typing import Any, get_args

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.bodies import JobState
from webapp.api.context import caller, services

_ROWS = 20
_STATES: tuple[str, ...] = get_args(JobState)


def add_to(bp: Blueprint) -> None:
    """Registers this page."""
    bp.get("/history", endpoint="history")(show)


def show() -> ResponseReturnValue:
    """One page of datasets and one of runs; the query string holds where each goes on, and which runs."""
    status = request.args.get("status", "")
    status = status if status in _STATES else ""
    places = {name: request.args.get(name) or None for name in ("datasets", "runs")}
    datasets = workflow.list_datasets(services(), caller(), limit=_ROWS, after=_place(places["datasets"]))
    runs = workflow.list_runs(services(), caller(), status=status or None, limit=_ROWS, after=_place(places["runs"]))
    kept: dict[str, Any] = {"status": status or None, **places}
    return render_template(
        "history.html",
        datasets=datasets.datasets,
        runs=runs.jobs,
        status=status,
        states={"": "all"} | {state: state for state in _STATES},
        more_datasets=url_for("pages.history", **{**kept, "datasets": datasets.next}) if datasets.next else None,
        more_runs=url_for("pages.history", **{**kept, "runs": runs.next}) if runs.next else None,
    )


def _place(text: str | None) -> str | None:
    """The place in a list, as far as it is one."""
    return text if text and workflow.is_place(text) else None
