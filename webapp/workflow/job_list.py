"""The list of runs, newest first, a page at a time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, select

from webapp.accounts import Caller, owned
from webapp.storage.tables import Dataset, Job
from webapp.workflow.jobs import JobStatus, describe
from webapp.workflow.lookup import RUNS, canonical_id
from webapp.workflow.services import Services

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# A place in the list: the microsecond in which a job was made, since 1970, and its id.
CURSOR_PATTERN = r"^[0-9]{1,16}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


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
    limit: int,
    after: str | None = None,
) -> JobPage:
    """Up to `limit` runs and dry runs after a place: all, or those of a status, a kind, an executor, a dataset.

    Runs that are made or deleted meanwhile neither repeat nor hide others: a page goes on behind its place.
    """
    statement = select(Job, Dataset.filename).join(Dataset, Dataset.id == Job.dataset_id)
    statement = statement.where(Job.kind == kind if kind else Job.kind.in_(RUNS))
    if status is not None:
        statement = statement.where(Job.status == status)
    if executor is not None:
        statement = statement.where(Job.executor == executor)
    if dataset_id is not None:
        statement = statement.where(Job.dataset_id == canonical_id(dataset_id))
    if after is not None:
        statement = statement.where(_behind(after))
    statement = owned(statement, Job, caller).order_by(Job.created_at.desc(), Job.id.desc()).limit(limit + 1)
    with services.db.reading() as session:
        found = [(job, filename) for job, filename in session.execute(statement)]
    shown = found[:limit]
    return JobPage(
        [describe(job, filename) for job, filename in shown],
        _cursor(shown[-1][0]) if len(found) > limit else None,
    )


def _cursor(job: Job) -> str:
    return f"{(job.created_at - _EPOCH) // _MICROSECOND}-{job.id}"


def _behind(cursor: str) -> ColumnElement[bool]:
    microseconds, _, job_id = cursor.partition("-")
    made = _EPOCH + int(microseconds) * _MICROSECOND
    return (Job.created_at < made) | ((Job.created_at == made) & (Job.id < job_id))
