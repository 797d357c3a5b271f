"""Deleting in the browser: first a page that says what will go, then it goes."""

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import workflow
from webapp.api.auth import farewell
from webapp.api.context import caller, services
from webapp.api.sessions import forget
from webapp.errors import Problem
from webapp.notebooks.results import MODEL, REPORT
from webapp.pages.signing_in import refusal
from webapp.plurals import counted


def add_to(bp: Blueprint) -> None:
    """Registers these pages."""
    bp.get("/datasets/<dataset_id>/delete", endpoint="confirm_dataset_deletion")(confirm_dataset)
    bp.post("/datasets/<dataset_id>/delete", endpoint="delete_dataset")(delete_dataset)
    bp.get("/notebooks/<notebook_id>/delete", endpoint="confirm_notebook_deletion")(confirm_notebook)
    bp.post("/notebooks/<notebook_id>/delete", endpoint="delete_notebook")(delete_notebook)
    bp.get("/runs/<job_id>/delete", endpoint="confirm_run_deletion")(confirm_run)
    bp.post("/runs/<job_id>/delete", endpoint="delete_run")(delete_run)
    bp.get("/settings/delete", endpoint="confirm_account_deletion")(confirm_account)
    bp.post("/settings/delete", endpoint="delete_account")(delete_account)


def confirm_dataset(dataset_id: str) -> ResponseReturnValue:
    """What will go with a dataset."""
    dataset, going = workflow.dataset_belongings(services(), caller(), dataset_id)
    return _page("dataset", dataset.filename, going, url_for("pages.dataset", dataset_id=dataset_id))


def delete_dataset(dataset_id: str) -> ResponseReturnValue:
    """Deletes it and leads to the start."""
    workflow.delete_dataset(services(), caller(), dataset_id)
    return redirect(url_for("service.index"), 303)


def confirm_notebook(notebook_id: str) -> ResponseReturnValue:
    """What will go with a notebook."""
    notebook, going = workflow.notebook_belongings(services(), caller(), notebook_id)
    return _page("notebook", notebook.filename, going, url_for("pages.notebook", notebook_id=notebook_id))


def delete_notebook(notebook_id: str) -> ResponseReturnValue:
    """Deletes it and leads to its dataset."""
    dataset = workflow.notebook_state(services(), caller(), notebook_id).dataset
    workflow.delete_notebook(services(), caller(), notebook_id)
    return redirect(url_for("pages.dataset", dataset_id=dataset.id), 303)


def confirm_run(job_id: str) -> ResponseReturnValue:
    """What will go with a run."""
    job, going = workflow.run_belongings(services(), caller(), job_id)
    name = job.name or ("Dry run" if job.kind == "dry_run" else "Run") + f" of {job.dataset_filename}"
    back = url_for("pages.run", job_id=job_id)
    return _page("run", name, going, back, ["its log", f"its {counted(going.events, 'event')}", *_left_by(job_id)])


def _left_by(job_id: str) -> list[str]:
    """What of its own a run has left, in words."""
    names = [file.name for file in workflow.artifacts(services(), caller(), job_id)]
    left = {
        "its report": REPORT in names,
        "the model that it made": any(name.startswith(f"{MODEL}/") for name in names),
    }
    return [words for words, there in left.items() if there]


def delete_run(job_id: str) -> ResponseReturnValue:
    """Deletes it and leads to its notebook, or to its dataset where that has gone."""
    job, _ = workflow.run_belongings(services(), caller(), job_id)
    workflow.delete_run(services(), caller(), job_id)
    if job.notebook_id:
        return redirect(url_for("pages.notebook", notebook_id=job.notebook_id), 303)
    return redirect(url_for("pages.dataset", dataset_id=job.session_id), 303)


def confirm_account() -> ResponseReturnValue:
    """What will go with the account, and what is asked for so that nobody else deletes it."""
    return _account_page()


def delete_account() -> ResponseReturnValue:
    """Deletes the account, signs out, and leads to the start, which says so."""
    try:
        left = workflow.delete_account(services(), caller(), request.form.get("confirmation", ""))
    except Problem as problem:
        return refusal(problem, _account_page(problem))
    forget()
    flash(farewell(left))
    return redirect(url_for("service.index"), 303)


def _account_page(problem: Problem | None = None) -> str:
    confirmed_by = services().accounts.confirmed_by
    return render_template(
        "delete_account.html",
        person=caller(),
        uploaded=workflow.profile(services(), caller()).usage.datasets,
        going=workflow.account_belongings(services(), caller()),
        confirmed_by=confirmed_by,
        sign_in_remains=confirmed_by == "email" and services().settings.supabase_service_key is None,
        problem=problem,
    )


def _page(
    what: str, name: str, going: workflow.DeletedData | workflow.Deleted, back: str, of_run: Sequence[str] = ()
) -> str:
    """What goes, and the button; `of_run` are the parts of a run, in words."""
    shown = {"what": what, "name": name, "going": going, "of_run": of_run, "back": back, "action": request.path}
    return render_template("delete.html", **shown)
