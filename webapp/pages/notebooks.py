"""One notebook: how its dry run stands, what came of it, and the download."""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.get("/notebooks/<notebook_id>", endpoint="notebook")(show)
    bp.post("/notebooks/<notebook_id>/dry-runs", endpoint="start_dry_run")(start_dry_run)


def show(notebook_id: str) -> ResponseReturnValue:
    """The page of a notebook; it reloads itself while a dry run is under way."""
    state = workflow.notebook_state(services(), caller(), notebook_id)
    return render_template(
        "notebook.html",
        notebook=state.notebook,
        dataset=state.dataset,
        job=state.dry_run,
        download=workflow.download_path(services(), state.notebook),
    )


def start_dry_run(notebook_id: str) -> ResponseReturnValue:
    """Orders a dry run."""
    workflow.start_dry_run(services(), caller(), notebook_id)
    return redirect(url_for("pages.notebook", notebook_id=notebook_id), 303)
