"""One notebook: how its dry run stands, what came of it, and the download."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.context import caller, services


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
    """The page of a notebook; it reloads itself while a dry run is under way."""
    return _page(notebook_id)


def _page(notebook_id: str, colab: workflow.ColabLink | None = None) -> str:
    """The page, with what came of the wish to open the notebook in Colab."""
    state = workflow.notebook_state(services(), caller(), notebook_id)
    return render_template(
        "notebook.html",
        notebook=state.notebook,
        dataset=state.dataset,
        job=state.dry_run,
        runs=workflow.notebook_runs(services(), caller(), notebook_id),
        download=workflow.download_path(services(), state.notebook),
        script=workflow.script_path(services(), state.notebook),
        rows=workflow.rows_file(services(), caller(), notebook_id) if state.notebook.data_blob else None,
        links=workflow.data_links(services(), caller(), notebook_id),
        colab=colab,
        commands=workflow.colab_commands(state.notebook),
    )


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
    """Makes the notebook again with the settings that its failure asks for, and leads to the new one."""
    made = workflow.remake(services(), caller(), notebook_id)
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
