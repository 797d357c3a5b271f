"""The list of runs, newest first, a page at a time."""

from dataclasses import dataclass

from sqlalchemy import select

from webapp.accounts import Caller, owned
from webapp.storage.tables import Dataset, Job
from webapp.workflow.cursors import behind, cursor
from webapp.workflow.jobs import JobStatus, describe
from webapp.workflow.lookup import RUNS, canonical_id
from webapp.workflow.services import Services
from webapp.workflow.versions import family


@dataclass(frozen=True)
class JobPage:
    """Some runs, newest first; `next` is the place where the next page begins, None at the end."""

    jobs: list[JobStatus]
    next: str | None


def list_runs(
    services: Services,
    caller: Caller,
    *,
    status: str | None = None,
    kind: str | None = None,
    executor: str | None = None,
    dataset_id: str | None = None,
    root_id: str | None = None,
    limit: int,
    after: str | None = None,
) -> JobPage:
    """Up to `limit` runs and dry runs after a place: all, or those of a status, a kind, an executor, a dataset.

    `dataset_id` is one version, `root_id` an upload with all its versions.
    """
    statement = select(Job, Dataset.filename).join(Dataset, Dataset.id == Job.dataset_id)
    statement = statement.where(Job.kind == kind if kind else Job.kind.in_(RUNS))
    if status is not None:
        statement = statement.where(Job.status == status)
    if executor is not None:
        statement = statement.where(Job.executor == executor)
    if dataset_id is not None:
        statement = statement.where(Job.dataset_id == canonical_id(dataset_id))
    if root_id is not None:
        statement = statement.where(family(canonical_id(root_id)))
    if after is not None:
        statement = statement.where(behind(Job, after))
    statement = owned(statement, Job, caller).order_by(Job.created_at.desc(), Job.id.desc()).limit(limit + 1)
    with services.db.reading() as session:
        found = [(job, filename) for job, filename in session.execute(statement)]
    shown = found[:limit]
    return JobPage(
        [describe(job, filename) for job, filename in shown],
        cursor(shown[-1][0]) if len(found) > limit else None,
    )
