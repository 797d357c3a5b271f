"""Finds rows by id for whoever asks: what belongs to another person is not found."""

import uuid

from sqlalchemy import Select, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from webapp.accounts import Caller, reachable
from webapp.errors import Problem
from webapp.storage.tables import Dataset, Job, Notebook

# The kinds of jobs that people order, list and delete; the others are parts of what is done with a dataset.
RUNS = ("dry_run", "run")


def find_dataset(session: Session, caller: Caller, dataset_id: str) -> Dataset:
    """The dataset; raises Problem `dataset_not_found` (404)."""
    statement = reachable(select(Dataset).where(Dataset.id == canonical_id(dataset_id)), Dataset, caller)
    found = session.scalar(statement)
    if found is None:
        raise _no_dataset()
    return found


def find_notebook(session: Session, caller: Caller, notebook_id: str) -> Notebook:
    """The notebook; raises Problem `notebook_not_found` (404)."""
    statement = reachable(select(Notebook).where(Notebook.id == canonical_id(notebook_id)), Notebook, caller)
    found = session.scalar(statement)
    if found is None:
        raise _no_notebook()
    return found


def hold_dataset(session: Session, caller: Caller, dataset_id: str) -> Dataset:
    """The dataset, held; raises Problem `dataset_not_found` (404)."""
    found = find_dataset(session, caller, dataset_id)
    hold(session, found)
    return found


def hold(session: Session, row: Dataset | Notebook) -> None:
    """Keeps the row, and others that hold it waiting, until the session ends: of two orders, one sees the other's.

    SQLite has one writer at a time anyway. Raises Problem `dataset_not_found` or `notebook_not_found` (404) when it was
    deleted since it was read.
    """
    try:
        session.refresh(row, with_for_update={"key_share": True})
    except InvalidRequestError:
        raise (_no_dataset() if isinstance(row, Dataset) else _no_notebook()) from None


def find_job(session: Session, caller: Caller, job_id: str) -> Job:
    """The job; raises Problem `job_not_found` (404)."""
    statement = reachable(select(Job).where(Job.id == canonical_id(job_id)), Job, caller)
    found = session.scalar(statement)
    if found is None:
        raise Problem(
            "job_not_found", "There is no job with this id; it may have been deleted.", status=404, param="job_id"
        )
    return found


def find_run(session: Session, caller: Caller, job_id: str) -> Job:
    """The job, which runs a notebook; raises Problem `job_not_found` (404) or `not_a_run` (409)."""
    job = find_job(session, caller, job_id)
    if job.kind not in RUNS:
        raise Problem("not_a_run", "This job belongs to its dataset; only runs can be treated so.", status=409)
    return job


def chats_of(run_id: str) -> Select[Job]:
    """The jobs in which the model of a run was, or is, tried, newest first."""
    whose = (Job.kind == "chat") & (Job.params["run_id"].as_string() == run_id)
    return select(Job).where(whose).order_by(Job.created_at.desc(), Job.id.desc())


def canonical_id(given: str) -> str:
    """The id in its canonical spelling; for text that is no UUID one that nothing has."""
    try:
        return str(uuid.UUID(given))
    except ValueError:
        return ""


def _no_dataset() -> Problem:
    message = "There is no dataset with this id; it may have been deleted. Upload the file again."
    return Problem("dataset_not_found", message, status=404, param="session_id")


def _no_notebook() -> Problem:
    message = "There is no notebook with this id; it may have been deleted."
    return Problem("notebook_not_found", message, status=404, param="notebook_id")
