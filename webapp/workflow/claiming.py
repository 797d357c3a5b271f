"""What was tried without an account becomes the dataset of somebody who has one."""

from sqlalchemy import select, update

from webapp.accounts import VISITORS, Caller, audit
from webapp.errors import Problem
from webapp.storage.tables import DataLink, Dataset, Job, Notebook, StreamTicket, Upload
from webapp.workflow.lookup import find_dataset
from webapp.workflow.services import Services
from webapp.workflow.versions import family, root_of


def claim_dataset(services: Services, caller: Caller, dataset_id: str) -> Dataset:
    """Makes a visitor's upload, and everything made from it, the caller's own; it no longer expires.

    Twice by the same person is fine; of two people one gets it. Raises Problem `sign_in_required` (401) or
    `dataset_not_found`.
    """
    if not caller.signed_in:
        raise Problem("sign_in_required", "Sign in first, to keep this dataset as yours.", status=401)
    with services.db.session() as session:
        root_id = root_of(session, find_dataset(session, caller, dataset_id)).id
        # One statement decides; who waits for its row finds it taken.
        claimed = session.scalar(
            update(Dataset)
            .where(Dataset.id == root_id, Dataset.owner == VISITORS)
            .values(owner=caller.id, expires_at=None)
            .returning(Dataset.id)
            .execution_options(synchronize_session=False)
        )
        if claimed:
            datasets = select(Dataset.id).where(family(root_id))
            notebooks = select(Notebook.id).where(Notebook.dataset_id.in_(datasets))
            jobs = select(Job.id).where(Job.dataset_id.in_(datasets))
            for table, theirs in (
                (Dataset, family(root_id)),
                (Upload, Upload.dataset_id.in_(datasets)),
                (Notebook, Notebook.dataset_id.in_(datasets)),
                (DataLink, DataLink.notebook_id.in_(notebooks)),
                (Job, Job.dataset_id.in_(datasets)),
                (StreamTicket, StreamTicket.job_id.in_(jobs)),
            ):
                session.execute(
                    update(table).where(theirs).values(owner=caller.id).execution_options(synchronize_session=False)
                )
            audit.record(session, caller, "claimed", root_id)
        session.expire_all()
        return root_of(session, find_dataset(session, caller, dataset_id))
