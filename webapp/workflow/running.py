"""The fifth step: the notebook is run on a miniature of its model, before anyone downloads it."""

from webapp.accounts import Caller
from webapp.jobs import enqueue
from webapp.storage.tables import Dataset
from webapp.workflow.jobs import JobStatus, describe, latest_job
from webapp.workflow.lookup import find_notebook
from webapp.workflow.services import Services


def start_dry_run(services: Services, caller: Caller, notebook_id: str) -> JobStatus:
    """Orders a dry run of the notebook, or answers the one that is already under way.

    Raises Problem `notebook_not_found`.
    """
    with services.db.session() as session:
        notebook = find_notebook(session, caller, notebook_id)
        filename = session.get_one(Dataset, notebook.dataset_id).filename
        dataset_id = notebook.dataset_id
        latest = latest_job(session, caller, "dry_run", dataset_id=dataset_id, notebook_id=notebook.id)
        if latest and not (status := describe(latest, filename)).finished:
            return status
        job = enqueue(session, "dry_run", owner=caller.id, dataset_id=dataset_id, notebook_id=notebook.id)
        return describe(job, filename)
