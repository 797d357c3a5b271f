"""One dataset: what is wrong with it, and what can be done about that."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services
from webapp.datasets.exporting import FORMATS
from webapp.errors import Problem
from webapp.pages.columns import columns, in_words, read_mapping
from webapp.pages.diagnosis import diagnosis
from webapp.pages.fixes import defaults, labels, offers
from webapp.pages.forms import choices


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.get("/datasets/<dataset_id>", endpoint="dataset")(show)
    bp.post("/datasets/<dataset_id>/analysis", endpoint="analyse_again")(analyse_again)
    bp.post("/datasets/<dataset_id>/analysis/cancel", endpoint="cancel_analysis")(cancel_analysis)
    bp.post("/datasets/<dataset_id>/columns", endpoint="map_columns")(map_columns)


def show(dataset_id: str) -> ResponseReturnValue:
    """The page of a dataset."""
    return _page(dataset_id)


def analyse_again(dataset_id: str) -> ResponseReturnValue:
    """Takes up an analysis that was cancelled or failed."""
    workflow.analyse_again(services(), caller(), dataset_id)
    return redirect(url_for("pages.dataset", dataset_id=dataset_id), 303)


def cancel_analysis(dataset_id: str) -> ResponseReturnValue:
    """Calls the analysis off; one that has ended meanwhile is shown."""
    state = workflow.dataset_state(services(), caller(), dataset_id)
    if state.pending and state.job:
        try:
            workflow.cancel_job(services(), caller(), state.job.id)
        except Problem as problem:
            if problem.code != "job_finished":
                raise
    return redirect(url_for("pages.dataset", dataset_id=dataset_id), 303)


def map_columns(dataset_id: str) -> ResponseReturnValue:
    """Takes what the columns are said to be, as the answer to a question or another time."""
    given = read_mapping(request.form)
    try:
        workflow.map_columns(services(), caller(), dataset_id, given)
    except Problem as problem:
        return _page(dataset_id, problem, given)
    return redirect(url_for("pages.dataset", dataset_id=dataset_id), 303)


def _page(
    dataset_id: str, problem: Problem | None = None, given: Mapping[str, str] | None = None
) -> ResponseReturnValue:
    """The page as far as things are; a problem is shown where it belongs, with the mapping that was `given`."""
    state = workflow.dataset_state(services(), caller(), dataset_id)
    shown: dict[str, Any] = {"state": state, "dataset": state.dataset, "choices": choices()}
    if state.pending:
        return render_template("dataset_pending.html", **shown)
    shown |= {"versions": workflow.versions(services(), caller(), dataset_id), "formats": list(FORMATS)}
    shown["columns"] = columns(state, given)
    shown |= {"offers": offers(state.analysis), "labels": labels(), "settings": defaults()}
    try:
        report = state.finished()
        shown |= diagnosis(state, report)
    except Problem as found:
        shown["first_bad"] = workflow.first_bad_lines(services(), state)
        problem = problem or in_words(found)
    status = problem.status if problem else 200
    return make_response(render_template("dataset.html", problem=problem, **shown), status)
