"""How long work stands, in the form that people and programs read."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.accounts import Caller, reachable
from webapp.jobs.states import FINAL
from webapp.storage.tables import Dataset, Job, utc_now
from webapp.workflow.lookup import find_job
from webapp.workflow.services import Services


@dataclass(frozen=True)
class JobStatus:
    """One job. `progress` is 0..1; `error` is None or `{code, message, status, param, details}`; an attempt may take
    `timeout_s` seconds, None for any time.

    A failed dry run has both an error and, in `result`, the report of what had been run.
    """

    id: str
    session_id: str
    dataset_filename: str
    notebook_id: str | None
    kind: str
    executor: str
    name: str | None
    note: str | None
    timeout_s: float | None
    status: str
    attempt: int
    cancel_requested: bool
    progress: float
    message: str
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in FINAL

    @property
    def seconds(self) -> float | None:
        """How long the newest attempt has taken so far, or took; None before the first."""
        if self.started_at is None:
            return None
        return max(0.0, ((self.finished_at or utc_now()) - self.started_at).total_seconds())

    @property
    def url(self) -> str:
        """The path that answers how the job stands."""
        return f"/jobs/{self.id}"

    def to_dict(self) -> dict[str, Any]:
        """Every field by its name, and `status_url`; moments are datetime objects."""
        return asdict(self) | {"status_url": self.url}


def job_status(services: Services, caller: Caller, job_id: str) -> JobStatus:
    """How the job stands; raises Problem `job_not_found`."""
    with services.db.reading() as session:
        job = find_job(session, caller, job_id)
        return describe(job, session.get_one(Dataset, job.dataset_id).filename)


def latest_job(
    session: Session, caller: Caller, kind: str, *, dataset_id: str, notebook_id: str | None = None
) -> Job | None:
    """The newest job of this kind that was started for a dataset, or for one of its notebooks."""
    statement = select(Job).where(Job.kind == kind, Job.dataset_id == dataset_id, Job.status != "created")
    if notebook_id is not None:
        statement = statement.where(Job.notebook_id == notebook_id)
    return session.scalar(reachable(statement, Job, caller).order_by(Job.created_at.desc(), Job.id).limit(1))


def describe(job: Job, dataset_filename: str) -> JobStatus:
    """The job as people read it."""
    result, error = job.result, dict(job.error) if job.error else None
    if error and "report" in (details := dict(error.get("details") or {})):
        result = details.pop("report")
        error["details"] = details
    return JobStatus(
        id=job.id,
        session_id=job.dataset_id,
        dataset_filename=dataset_filename,
        notebook_id=job.notebook_id,
        kind=job.kind,
        executor=job.executor,
        name=job.name,
        note=job.note,
        timeout_s=job.timeout_seconds,
        status=job.status,
        attempt=job.attempt,
        cancel_requested=job.cancel_requested,
        progress=job.progress,
        message=job.message,
        result=result,
        error=error,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )
