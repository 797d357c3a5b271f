"""Deleting for good: a dataset or a notebook with everything that was made of it, rows first, then files.

Should this stop in between, or a file resist, what is left are files without a row, which the sweep of the store finds.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from operator import add

import structlog
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.accounts import Caller, audit
from webapp.errors import Problem
from webapp.jobs import request_cancel
from webapp.jobs.states import FINAL
from webapp.storage.tables import DataLink, Dataset, Job, JobEvent, Measurement, Notebook, Upload
from webapp.workflow.delivering import data_key
from webapp.workflow.job_files import run_key
from webapp.workflow.leftovers import has_left
from webapp.workflow.lookup import find_dataset, find_notebook
from webapp.workflow.parts import upload_folder
from webapp.workflow.services import Services
from webapp.workflow.versions import family, root_of
from webapp.workflow.waiting import wait_until

WAIT_SECONDS = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Belongings:
    """The rows and files of datasets, of one notebook or of uploads, by their ids and keys."""

    name: str
    datasets: tuple[str, ...]
    notebooks: tuple[str, ...]
    jobs: tuple[str, ...]
    uploads: tuple[str, ...]

    @property
    def keys(self) -> list[str]:
        """The files and folders that go."""
        return [
            *(f"datasets/{dataset_id}/" for dataset_id in self.datasets),
            *(
                key
                for notebook_id in self.notebooks
                for key in (f"notebooks/{notebook_id}.ipynb", data_key(notebook_id))
            ),
            *(f"{run_key(job_id)}/" for job_id in self.jobs),
            *(f"{upload_folder(upload_id)}/" for upload_id in self.uploads),
        ]


@dataclass(frozen=True)
class DeletedData:
    """What went, or would go: rows by table, and `files` with their `bytes`."""

    datasets: int = 0
    notebooks: int = 0
    jobs: int = 0
    events: int = 0
    measurements: int = 0
    links: int = 0
    uploads: int = 0
    files: int = 0
    bytes: int = 0

    def __add__(self, other: "DeletedData") -> "DeletedData":
        return DeletedData(*map(add, astuple(self), astuple(other)))


def dataset_belongings(services: Services, caller: Caller, dataset_id: str) -> tuple[Dataset, DeletedData]:
    """The upload that a dataset goes back to, and what would go with it; raises Problem `dataset_not_found`."""
    with services.db.reading() as session:
        root = root_of(session, find_dataset(session, caller, dataset_id))
        return root, _counted(services, session, _of_dataset(session, root))


def notebook_belongings(services: Services, caller: Caller, notebook_id: str) -> tuple[Notebook, DeletedData]:
    """A notebook and what would go with it; raises Problem `notebook_not_found`."""
    with services.db.reading() as session:
        notebook = find_notebook(session, caller, notebook_id)
        return notebook, _counted(services, session, _of_notebook(session, notebook))


def delete_dataset(services: Services, caller: Caller, dataset_id: str) -> DeletedData:
    """Deletes all versions of a dataset, its notebooks, jobs, files and links; waiting and running jobs are called off.

    Raises Problem `dataset_not_found`, `job_running` or `job_leaves` (409).
    """
    with services.db.reading() as session:
        root = root_of(session, find_dataset(session, caller, dataset_id))
    return remove_dataset(services, caller, root.id, "deleted")


def remove_dataset(
    services: Services,
    caller: Caller,
    root_id: str,
    action: audit.Action,
    unless: Callable[[Dataset], bool] = lambda _: False,
) -> DeletedData:
    """The same for the upload of that id, whosever it is, unless something holds of it when it comes to it.

    `action` is what is written down.
    """
    call_off(services, Job.dataset_id.in_(select(Dataset.id).where(family(root_id))))
    with services.db.session() as session:
        # Held against jobs and notebooks that would come to it now.
        root = session.get(Dataset, root_id, with_for_update=True)
        if root is None or unless(root):
            raise Problem("dataset_not_found", "There is no dataset with this id.", status=404, param="session_id")
        found = _of_dataset(session, root)
        require_rest(session, Job.id.in_(found.jobs))
        deleted = _counted(services, session, found)
        session.execute(delete(Upload).where(Upload.id.in_(found.uploads)))
        session.execute(delete(Dataset).where(Dataset.id == root_id))  # the rest goes with it, by its foreign keys
        _write_down(session, caller, action, "dataset", root_id, found, deleted)
    _delete_files(services, found)
    return deleted


def delete_notebook(services: Services, caller: Caller, notebook_id: str) -> DeletedData:
    """Deletes a notebook with its rows, links and jobs; raises Problem `notebook_not_found` and as `delete_dataset`."""
    with services.db.reading() as session:
        found_id = find_notebook(session, caller, notebook_id).id
    call_off(services, Job.notebook_id == found_id)
    with services.db.session() as session:
        notebook = session.get(Notebook, found_id, with_for_update=True)
        if notebook is None:
            raise Problem("notebook_not_found", "There is no notebook with this id.", status=404, param="notebook_id")
        found = _of_notebook(session, notebook)
        require_rest(session, Job.id.in_(found.jobs))
        deleted = _counted(services, session, found)
        session.execute(delete(Notebook).where(Notebook.id == found_id))
        _write_down(session, caller, "deleted", "notebook", found_id, found, deleted)
    _delete_files(services, found)
    return deleted


def data_of(services: Services, owner: str) -> tuple[DeletedData, DeletedData]:
    """What would go with all datasets of somebody, and with their uploads that have become none."""
    with services.db.reading() as session:
        roots = session.scalars(select(Dataset).where(Dataset.owner == owner, Dataset.root_id.is_(None)))
        datasets = [_counted(services, session, _of_dataset(session, root)) for root in roots]
        uploads = _ids(session, Upload.id, (Upload.owner == owner) & Upload.dataset_id.is_(None))
        return sum(datasets, DeletedData()), _counted(services, session, _of_uploads(uploads))


def remove_uploads(services: Services, which: ColumnElement[bool]) -> DeletedData:
    """Deletes uploads that have become no dataset, with their parts."""
    with services.db.session() as session:
        gone = delete(Upload).where(which, Upload.dataset_id.is_(None)).returning(Upload.id)
        found = _of_uploads(tuple(session.scalars(gone)))
        deleted = _counted(services, session, found)
    _delete_files(services, found)
    return deleted


def _of_dataset(session: Session, root: Dataset) -> Belongings:
    datasets = _ids(session, Dataset.id, family(root.id))
    return Belongings(
        name=root.filename,
        datasets=datasets,
        notebooks=_ids(session, Notebook.id, Notebook.dataset_id.in_(datasets)),
        jobs=_ids(session, Job.id, Job.dataset_id.in_(datasets)),
        uploads=_ids(session, Upload.id, Upload.dataset_id.in_(datasets)),
    )


def _of_notebook(session: Session, notebook: Notebook) -> Belongings:
    jobs = _ids(session, Job.id, Job.notebook_id == notebook.id)
    return Belongings(notebook.filename, datasets=(), notebooks=(notebook.id,), jobs=jobs, uploads=())


def _of_uploads(uploads: tuple[str, ...]) -> Belongings:
    return Belongings("", datasets=(), notebooks=(), jobs=(), uploads=uploads)


def _ids(session: Session, column: InstrumentedAttribute[str], where: ColumnElement[bool]) -> tuple[str, ...]:
    return tuple(session.scalars(select(column).where(where)))


def call_off(services: Services, whose: ColumnElement[bool]) -> None:
    """Cancels the jobs that wait, asks those that run to stop, and waits for them a while."""
    with services.db.session() as session:
        for job_id in _ids(session, Job.id, whose & Job.status.not_in(FINAL)):
            with suppress(Problem):  # it has just ended
                request_cancel(session, job_id)

    def running() -> bool:
        with services.db.reading() as session:
            return bool(_ids(session, Job.id, whose & (Job.status == "running")))

    wait_until(lambda at_work: not at_work, running, WAIT_SECONDS)


def require_rest(session: Session, whose: ColumnElement[bool]) -> None:
    """Raises Problem `job_running` or `job_leaves` (409) while any of these jobs is at work, here or elsewhere."""
    if running := _ids(session, Job.id, whose & (Job.status == "running")):
        raise Problem(
            "job_running",
            "A job of this is still running. It has been asked to stop: try again in a few seconds.",
            status=409,
            details={"job_id": running[0], "retry_after": 5},
        )
    if leaving := _ids(session, Job.id, whose & has_left()):
        raise Problem(
            "job_leaves",
            "What a run made elsewhere is still being ended: try again in a minute.",
            status=409,
            details={"job_id": leaving[0], "retry_after": 60},
        )


def _counted(services: Services, session: Session, found: Belongings) -> DeletedData:
    def count(column: InstrumentedAttribute[str], ids: Sequence[str]) -> int:
        return session.scalar(select(func.count()).where(column.in_(ids))) or 0

    sizes = [size for key in found.keys for size in services.blobs.sizes(key)]
    return DeletedData(
        datasets=len(found.datasets),
        notebooks=len(found.notebooks),
        jobs=len(found.jobs),
        events=count(JobEvent.job_id, found.jobs),
        measurements=count(Measurement.job_id, found.jobs),
        links=count(DataLink.notebook_id, found.notebooks),
        uploads=len(found.uploads),
        files=len(sizes),
        bytes=sum(sizes),
    )


def _write_down(
    session: Session,
    caller: Caller,
    action: audit.Action,
    what: str,
    subject: str,
    found: Belongings,
    deleted: DeletedData,
) -> None:
    counts = {name: count for name, count in vars(deleted).items() if count}
    audit.record(session, caller, action, subject, what=what, filename=found.name, **counts)


def _delete_files(services: Services, found: Belongings) -> None:
    """What cannot be deleted now keeps nothing else, and nobody, waiting: no row knows it any more."""
    for key in found.keys:
        try:
            services.blobs.delete(key)
        except (Problem, OSError) as error:
            log.warning("files_left", key=key, reason=str(error))
