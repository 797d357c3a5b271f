"""One dataset: what is wrong with it, and what can be done about that."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services
from webapp.datasets.exporting import FORMATS
from webapp.errors import Problem
from webapp.pages.calling_off import call_off
from webapp.pages.columns import columns, in_words, read_mapping
from webapp.pages.diagnosis import diagnosis
from webapp.pages.fixes import defaults, labels, offers, read_operations
from webapp.pages.forms import choices

# What an analysis ends with although the file may have rows, which fixes may mend.
_WITH_ROWS = {"no_valid_examples", "analysis_cancelled"}


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.get("/datasets/<dataset_id>", endpoint="dataset")(show)
    bp.post("/datasets/<dataset_id>/analysis", endpoint="analyse_again")(analyse_again)
    bp.post("/datasets/<dataset_id>/analysis/cancel", endpoint="cancel_analysis")(cancel_analysis)
    bp.post("/datasets/<dataset_id>/columns", endpoint="map_columns")(map_columns)
    bp.post("/datasets/<dataset_id>/fixes", endpoint="start_fix")(start_fix)


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
        call_off(state.job.id)
    return redirect(url_for("pages.dataset", dataset_id=dataset_id), 303)


def map_columns(dataset_id: str) -> ResponseReturnValue:
    """Takes what the columns are said to be, as the answer to a question or another time."""
    given = read_mapping(request.form)
    try:
        workflow.map_columns(services(), caller(), dataset_id, given)
    except Problem as problem:
        return _page(dataset_id, problem, given)
    return redirect(url_for("pages.dataset", dataset_id=dataset_id), 303)


def start_fix(dataset_id: str) -> ResponseReturnValue:
    """Orders what the form of fixes asks for: a preview, or the fix itself."""
    try:
        operations, preview = read_operations(request.form), "preview" in request.form
        job = workflow.start_fix(services(), caller(), dataset_id, operations, preview=preview)
    except Problem as problem:
        return _page(dataset_id, fix_problem=problem)
    return redirect(url_for("pages.fix", dataset_id=dataset_id, job_id=job.id), 303)


def _page(
    dataset_id: str,
    problem: Problem | None = None,
    given: Mapping[str, str] | None = None,
    fix_problem: Problem | None = None,
) -> ResponseReturnValue:
    """The page as far as things are; a problem is shown where it belongs, with the mapping that was `given`."""
    state = workflow.dataset_state(services(), caller(), dataset_id)
    shown: dict[str, Any] = {"state": state, "dataset": state.dataset, "choices": choices(), "fix_problem": fix_problem}
    if state.pending:
        return render_template("dataset_pending.html", **shown)
    shown |= {"versions": workflow.versions(services(), caller(), dataset_id), "formats": list(FORMATS)}
    shown["columns"] = columns(state, given)
    shown |= {"offers": offers(state.analysis), "labels": labels(), "settings": defaults()}
    try:
        report = state.finished()
        shown |= diagnosis(state, report)
    except Problem as found:
        shown["mendable"] = found.code in _WITH_ROWS
        # What the file is at fault for ends in the same way each time.
        shown["again"] = found.code == "analysis_cancelled" or found.status >= 500
        shown["first_bad"] = workflow.first_bad_lines(services(), state)
        problem = problem or in_words(found)
    told = fix_problem or problem
    return make_response(render_template("dataset.html", problem=problem, **shown), told.status if told else 200)
