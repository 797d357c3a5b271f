"""What a job leaves behind: its events, what it printed, the files of a run, and their end."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.accounts import Caller, audit
from webapp.errors import Problem
from webapp.jobs import job_at_rest, read_events
from webapp.jobs.events import SHOWN, storable
from webapp.notebooks.results import EXECUTED, REPORT, RESULTS
from webapp.storage.tables import Dataset, Job, JobEvent, Measurement
from webapp.workflow.jobs import JobStatus, describe
from webapp.workflow.leftovers import has_left
from webapp.workflow.lookup import find_job, find_run
from webapp.workflow.services import Services

_PRINTED = JobEvent.type == "stream"
_EVENTS_AT_ONCE = 200


@dataclass(frozen=True)
class Artifact:
    """A file that a run left: its name with folders, its bytes, and the path that fetches it."""

    name: str
    size: int
    url: str


@dataclass(frozen=True)
class Deleted:
    """What went with a job; `bytes` are those of its `files`."""

    jobs: int
    events: int
    measurements: int
    files: int
    bytes: int


def run_key(job_id: str) -> str:
    """Where the working folder of a run is kept."""
    return f"runs/{job_id}"


def job_events(services: Services, caller: Caller, job_id: str, after: int, limit: int) -> list[JobEvent]:
    """The next events after the sequence number, oldest first; raises Problem `job_not_found`."""
    with services.db.reading() as session:
        return read_events(session, find_job(session, caller, job_id).id, after, limit, SHOWN)


def job_log(services: Services, caller: Caller, job_id: str) -> Iterator[str]:
    """What the job's notebook printed, attempt after attempt, piece by piece; raises Problem `job_not_found`."""
    return _printed(services, _found(services, caller, job_id))


def _printed(services: Services, job_id: str) -> Iterator[str]:
    after = 0
    while True:
        with services.db.reading() as session:
            events = read_events(session, job_id, after, _EVENTS_AT_ONCE, _PRINTED)
        for event in events:
            yield event.data["text"]
            if "left_out" in event.data:
                yield f"\n[{event.data['left_out']} more characters are in the executed notebook]\n"
            after = event.seq
        if not events:
            return


def artifacts(services: Services, caller: Caller, job_id: str) -> list[Artifact]:
    """The executed notebook and what it wrote, by name; raises Problem `job_not_found`."""
    found = _found(services, caller, job_id)
    return [
        Artifact(name, size, f"/jobs/{found}/artifacts/{quote(name)}")
        for name, size in sorted(services.blobs.files(run_key(found)).items())
        if _is_artifact(name)
    ]


def artifact_file(services: Services, caller: Caller, job_id: str, name: str) -> Path:
    """The file of that name; raises Problem `job_not_found` or `artifact_not_found`.

    Only names that are listed are found, so none leads out of the run's folder.
    """
    key = run_key(_found(services, caller, job_id))
    if not _is_artifact(name) or name not in services.blobs.files(key):
        raise Problem("artifact_not_found", "This job has no file of that name.", status=404, param="name")
    with services.db.session() as session:
        audit.record(session, caller, "downloaded", key.rpartition("/")[2], what="artifact", name=name)
    return services.blobs.path(key) / name


def settle_run(services: Services, job_id: str) -> None:
    """Puts what a run left where the store keeps finished files; raises the store's Problem."""
    key = run_key(job_id)
    services.blobs.settle(key, [name for name in services.blobs.files(key) if _is_artifact(name)])


def _is_artifact(name: str) -> bool:
    return name == EXECUTED or name.startswith(f"{RESULTS}/")


def job_report(services: Services, caller: Caller, job_id: str) -> dict[str, Any]:
    """The report that the run's notebook wrote; raises Problem `job_not_found` or `no_report`."""
    key = run_key(_found(services, caller, job_id))
    if REPORT not in services.blobs.files(key):
        raise Problem("no_report", "This job has no report: a run writes it at its end.", status=404)
    written = (services.blobs.path(key) / REPORT).read_text(encoding="utf-8")
    report: dict[str, Any] = storable(json.loads(written))
    return report


def run_belongings(services: Services, caller: Caller, job_id: str) -> tuple[JobStatus, Deleted]:
    """A run and what would go with it; raises Problem `job_not_found` or `not_a_run`."""
    with services.db.reading() as session:
        job = find_run(session, caller, job_id)
        filename = session.get_one(Dataset, job.dataset_id).filename
        return describe(job, filename), _counted(services, session, job.id)


def delete_run(services: Services, caller: Caller, job_id: str) -> Deleted:
    """Deletes a run with its events, its measurement and its files.

    Raises Problem `job_not_found`, `not_a_run`, `job_running` (409), or `job_leaves` (409) while what it made on Colab
    or a cluster is being ended.
    """
    with services.db.session() as session:
        job = job_at_rest(session, find_run(session, caller, job_id).id)
        if session.scalar(select(Job.id).where(Job.id == job.id, has_left())):
            raise Problem(
                "job_leaves",
                "What this run made elsewhere is still being ended: try again in a minute, or cancel the run first.",
                status=409,
            )
        going = _counted(services, session, job.id)
        counts = {"events": going.events, "files": going.files}
        audit.record(session, caller, "deleted", job.id, what="job", name=job.name, **counts)
        session.delete(job)
        session.flush()
        # Before the commit: should this fail, the job is still there to be deleted again.
        services.blobs.delete(run_key(job.id))
    return going


def _counted(services: Services, session: Session, job_id: str) -> Deleted:
    """What belongs to a run."""
    events, measurements = (
        session.scalar(select(func.count()).select_from(table).where(table.job_id == job_id)) or 0
        for table in (JobEvent, Measurement)
    )
    sizes = services.blobs.files(run_key(job_id)).values()
    return Deleted(1, events, measurements, len(sizes), sum(sizes))


def _found(services: Services, caller: Caller, job_id: str) -> str:
    """The id of the job in its canonical spelling."""
    with services.db.reading() as session:
        return find_job(session, caller, job_id).id
