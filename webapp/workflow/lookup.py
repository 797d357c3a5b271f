"""Finds rows by id for whoever asks: what belongs to another person is not found."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.accounts import Caller, owned
from webapp.errors import Problem
from webapp.storage.tables import Dataset, Job, Notebook


def find_dataset(session: Session, caller: Caller, dataset_id: str) -> Dataset:
    """The dataset; raises Problem `dataset_not_found` (404)."""
    statement = owned(select(Dataset).where(Dataset.id == _key(dataset_id)), Dataset, caller)
    found = session.scalar(statement)
    if found is None:
        raise Problem(
            "dataset_not_found",
            "There is no dataset with this id; it may have been deleted. Upload the file again.",
            status=404,
            param="session_id",
        )
    return found


def find_notebook(session: Session, caller: Caller, notebook_id: str) -> Notebook:
    """The notebook; raises Problem `notebook_not_found` (404)."""
    statement = owned(select(Notebook).where(Notebook.id == _key(notebook_id)), Notebook, caller)
    found = session.scalar(statement)
    if found is None:
        raise Problem("notebook_not_found", "There is no notebook with this id.", status=404, param="notebook_id")
    return found


def find_job(session: Session, caller: Caller, job_id: str) -> Job:
    """The job; raises Problem `job_not_found` (404)."""
    statement = owned(select(Job).where(Job.id == _key(job_id)), Job, caller)
    found = session.scalar(statement)
    if found is None:
        raise Problem("job_not_found", "There is no job with this id.", status=404, param="job_id")
    return found


def _key(given: str) -> str:
    """The id in its canonical spelling; for text that is no UUID one that nothing has."""
    try:
        return str(uuid.UUID(given))
    except ValueError:
        return ""
