"""One run: it is ordered, followed while it works, called off and taken up again."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services
from webapp.notebooks.results import has_checkpoint
from webapp.pages.run_charts import curves


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.post("/notebooks/<notebook_id>/runs", endpoint="start_run")(start)
    bp.get("/runs/<job_id>", endpoint="run")(show)
    bp.get("/runs/<job_id>/curves", endpoint="run_curves")(draw)
    bp.post("/runs/<job_id>/cancel", endpoint="cancel_run")(cancel)
    bp.post("/runs/<job_id>/resume", endpoint="resume_run")(resume)


def start(notebook_id: str) -> ResponseReturnValue:
    """Orders a run of the notebook with its real model."""
    dataset_id = workflow.notebook_state(services(), caller(), notebook_id).dataset.id
    job = workflow.create_run(services(), caller(), dataset_id, notebook_id, "run")
    return _to(workflow.start_run(services(), caller(), job.id).id)


def show(job_id: str) -> ResponseReturnValue:
    """The page of a run, which follows the job's stream; without scripts it loads itself anew."""
    state = workflow.run_state(services(), caller(), job_id)
    files = workflow.artifacts(services(), caller(), job_id)
    return render_template(
        "run.html",
        has_checkpoint=has_checkpoint(file.name for file in files),
        job=state.job,
        notebook=state.notebook,
        log=state.log,
        metrics=state.metrics,
        seq=state.seq,
        cells=state.cells,
        files=files,
        **curves(job_id, url_for("pages.run", job_id=job_id)),
    )


def draw(job_id: str) -> ResponseReturnValue:
    """The charts of a run alone, drawn anew for the page that shows them; the query string may ask for the loss."""
    page = url_for("pages.run", job_id=job_id)
    return render_template("curves.html", **curves(job_id, page, loss_only=request.args.get("only") == "loss"))


def cancel(job_id: str) -> ResponseReturnValue:
    """Calls the run off."""
    return _to(workflow.cancel_job(services(), caller(), job_id).id)


def resume(job_id: str) -> ResponseReturnValue:
    """Takes the run up again."""
    return _to(workflow.resume_run(services(), caller(), job_id).id)


def _to(job_id: str) -> ResponseReturnValue:
    return redirect(url_for("pages.run", job_id=job_id), 303)
