"""A dataset comes in: from the visitor's disk, or the bundled sample. (`/` itself is in `webapp.api.service`.)"""

from flask import Blueprint, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services
from webapp.api.uploads import receive_upload
from webapp.errors import Problem
from webapp.pages.visitors import keep_in_mind
from webapp.storage.tables import Dataset


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.post("/datasets")(upload)
    bp.post("/datasets/sample")(use_sample)
    bp.post("/datasets/<dataset_id>/arrival")(arrive)


def upload() -> ResponseReturnValue:
    """Takes the file of the form on the start page."""
    try:
        dataset = receive_upload()
    except Problem as problem:
        return make_response(render_template("start.html", problem=problem), problem.status)
    return _to(dataset)


def use_sample() -> ResponseReturnValue:
    """Takes the bundled sample."""
    return _to(workflow.upload_sample(services(), caller()))


def arrive(dataset_id: str) -> ResponseReturnValue:
    """Takes a file that the page's script has sent by the API."""
    return _to(workflow.dataset_state(services(), caller(), dataset_id).dataset)


def _to(dataset: Dataset) -> ResponseReturnValue:
    keep_in_mind(dataset)
    return redirect(url_for("pages.dataset", dataset_id=dataset.id), 303)
