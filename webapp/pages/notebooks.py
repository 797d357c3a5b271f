"""One notebook: how its dry run stands, what came of it, and the download."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services
from webapp.pages.run_charts import curves


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.get("/notebooks/<notebook_id>", endpoint="notebook")(show)
    bp.get("/notebooks/<notebook_id>/preview", endpoint="preview")(look_inside)
    bp.post("/notebooks/<notebook_id>/dry-runs", endpoint="start_dry_run")(start_dry_run)
    bp.post("/notebooks/<notebook_id>/remake", endpoint="remake_notebook")(remake)
    bp.post("/notebooks/<notebook_id>/open-in-colab", endpoint="open_in_colab")(open_in_colab)
    bp.get("/notebooks/<notebook_id>/open-in-colab", endpoint="opened_in_colab")(back_to_notebook)
    bp.post("/notebooks/<notebook_id>/links/<link_id>/revoke", endpoint="revoke_link")(revoke_link)


def show(notebook_id: str) -> ResponseReturnValue:
    """The page of a notebook, which follows its dry run's stream; without scripts it loads itself anew."""
    return _page(notebook_id)


def _page(notebook_id: str, colab: workflow.ColabLink | None = None) -> str:
    """The page, with what came of the wish to open the notebook in Colab."""
    state = workflow.notebook_state(services(), caller(), notebook_id)
    job = state.dry_run
    return render_template(
        "notebook.html",
        notebook=state.notebook,
        dataset=state.dataset,
        job=job,
        here=workflow.run_here(services(), state.notebook),
        runs=workflow.notebook_runs(services(), caller(), notebook_id),
        download=workflow.download_path(services(), state.notebook),
        script=workflow.script_path(services(), state.notebook),
        rows=workflow.rows_file(services(), caller(), notebook_id) if state.notebook.data_blob else None,
        links=workflow.data_links(services(), caller(), notebook_id),
        colab=colab,
        commands=workflow.colab_commands(state.notebook),
        **(_of_dry_run(job.id, notebook_id) if job else {"cells": _cells(state)}),
    )


def _cells(state: workflow.NotebookState) -> list[workflow.CellState]:
    return workflow.cell_states(services(), state.notebook, None)


def _of_dry_run(job_id: str, notebook_id: str) -> dict[str, Any]:
    """Its cells, its curve, and the last event that they count in."""
    state = workflow.run_state(services(), caller(), job_id)
    page = url_for("pages.notebook", notebook_id=notebook_id)
    return {"cells": state.cells, "seq": state.seq, **curves(job_id, page, loss_only=True)}


def look_inside(notebook_id: str) -> ResponseReturnValue:
    """The cells of a notebook; the query string names one that is to be shown whole."""
    state = workflow.notebook_state(services(), caller(), notebook_id)
    cells = workflow.notebook_preview(services(), state.notebook, request.args.get("cell", 0, type=int))
    return render_template("preview.html", notebook=state.notebook, dataset=state.dataset, cells=cells)


def start_dry_run(notebook_id: str) -> ResponseReturnValue:
    """Orders a dry run."""
    workflow.start_dry_run(services(), caller(), notebook_id)
    return redirect(url_for("pages.notebook", notebook_id=notebook_id), 303)


def remake(notebook_id: str) -> ResponseReturnValue:
    """Makes the notebook again with the settings that its failure, or that of a run, asks for; leads to the new one."""
    made = workflow.remake(services(), caller(), notebook_id, request.form.get("run_id"))
    return redirect(url_for("pages.notebook", notebook_id=made.id), 303)


def open_in_colab(notebook_id: str) -> ResponseReturnValue:
    """Looks for a way to open the notebook in Colab, and shows it or why there is none."""
    share = "share_rows" in request.form
    return _page(notebook_id, workflow.colab_link(services(), caller(), notebook_id, share_rows=share))


def back_to_notebook(notebook_id: str) -> ResponseReturnValue:
    """For who reloads the page that shows the way into Colab."""
    return redirect(url_for("pages.notebook", notebook_id=notebook_id))


def revoke_link(notebook_id: str, link_id: str) -> ResponseReturnValue:
    """Ends a link to the rows."""
    workflow.revoke_link(services(), caller(), notebook_id, link_id)
    return redirect(url_for("pages.notebook", notebook_id=notebook_id) + "#rows-title", 303)
