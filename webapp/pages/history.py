"""What there is: the datasets, notebooks and runs of whoever asks, newest first, and what can be done with each."""

from typing import Any, get_args

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.bodies import JobState
from webapp.api.context import caller, services
from webapp.catalog import METHOD_NAMES
from webapp.errors import Problem

_ROWS = 20
_LISTS = ("datasets", "notebooks", "runs")
_FILTERS: dict[str, dict[str, str]] = {
    "kind": {"": "runs and dry runs", "run": "runs", "dry_run": "dry runs"},
    "status": {"": "all"} | {state: state for state in get_args(JobState)},
}
_PLACES = {"local": "here", "colab": "Colab", "ray": "Ray cluster", "elsewhere": "in a notebook elsewhere"}


def add_to(bp: Blueprint) -> None:
    """Registers this page."""
    bp.get("/history", endpoint="history")(show)


def show() -> ResponseReturnValue:
    """One page of each list; the query string holds where each goes on, and what is left out of them."""
    after = {name: _place(request.args.get(name, "")) for name in _LISTS}
    datasets = workflow.list_datasets(services(), caller(), limit=_ROWS, after=after["datasets"])
    chosen = {name: _option(name, options) for name, options in _FILTERS.items()}
    names = _names(datasets, request.args.get("dataset", ""))
    root = _option("dataset", names) or None
    shown: dict[str, Any] = {"limit": _ROWS, "root_id": root}
    notebooks = workflow.list_notebooks(services(), caller(), after=after["notebooks"], **shown)
    wanted: dict[str, Any] = {name: value or None for name, value in chosen.items()}
    runs = workflow.list_runs(services(), caller(), after=after["runs"], **wanted, **shown)
    kept = {**wanted, "dataset": root, **after}
    nexts = {"datasets": datasets.next, "notebooks": notebooks.next, "runs": runs.next}
    return render_template(
        "history.html",
        datasets=datasets.datasets,
        notebooks=notebooks.notebooks,
        runs=runs.jobs,
        chosen=chosen | {"dataset": root or ""},
        filters=_FILTERS | {"dataset": {"": "all", **names}},
        places=_PLACES,
        methods=METHOD_NAMES,
        more={
            name: url_for("pages.history", _anchor=f"{name}-title", **{**kept, name: place})
            for name, place in nexts.items()
            if place
        },
    )


def _place(text: str) -> str | None:
    """The place in a list, as far as it is one."""
    return text if workflow.is_place(text) else None


def _option(name: str, options: dict[str, str]) -> str:
    """What the query string chooses of the options."""
    given = request.args.get(name, "")
    return given if given in options else ""


def _names(listed: workflow.DatasetPage, chosen: str) -> dict[str, str]:
    """The names of the datasets that can be chosen, by the ids of their first versions; the chosen one among them."""
    names = {dataset.session_id: dataset.filename for dataset in listed.datasets}
    if chosen and chosen not in names:
        try:
            names[chosen] = workflow.dataset_state(services(), caller(), chosen).dataset.filename
        except Problem:
            return names  # as if nothing was chosen
    return names
