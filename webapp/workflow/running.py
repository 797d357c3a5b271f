"""The fifth step: a notebook is run, on a miniature of its model before anyone downloads it, or as it is."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from webapp.accounts import Caller
from webapp.errors import Problem
from webapp.jobs import add_job, enqueue, job_at_rest, request_cancel, resume, submit
from webapp.jobs.events import storable
from webapp.notebooks.executors import ExecutorName, require_executor
from webapp.settings import Settings
from webapp.storage.tables import Dataset, Job
from webapp.workflow.jobs import JobStatus, describe, latest_job
from webapp.workflow.lookup import find_dataset, find_job, find_notebook, find_run, hold
from webapp.workflow.quotas import require_place
from webapp.workflow.services import Services


def start_dry_run(services: Services, caller: Caller, notebook_id: str) -> JobStatus:
    """Orders a dry run of the notebook, or answers the one that is already under way.

    Raises Problem `notebook_not_found` or `too_many_jobs` (429).
    """
    with services.db.session() as session:
        notebook = find_notebook(session, caller, notebook_id)
        hold(session, notebook)
        dataset = session.get_one(Dataset, notebook.dataset_id)
        filename, dataset_id = dataset.filename, dataset.id
        latest = latest_job(session, caller, "dry_run", dataset_id=dataset_id, notebook_id=notebook.id)
        if latest and not (status := describe(latest, filename)).finished:
            return status
        require_place(services, session, caller, dataset_id)
        job = enqueue(
            session,
            "dry_run",
            owner=dataset.owner,
            dataset_id=dataset_id,
            notebook_id=notebook.id,
            timeout_seconds=default_timeout(services.settings, "dry_run"),
        )
        return describe(job, filename)


def default_timeout(settings: Settings, kind: str) -> float:
    """Seconds that a run of this kind may take when nobody said otherwise."""
    return settings.run_timeout if kind == "run" else settings.job_timeout


def create_run(
    services: Services,
    caller: Caller,
    dataset_id: str,
    notebook_id: str,
    kind: str,
    *,
    executor: ExecutorName = "local",
    name: str | None = None,
    note: str | None = None,
    timeout: float | None = None,
) -> JobStatus:
    """A `run` or `dry_run` of one of the dataset's notebooks, as a record that waits for `start_run`.

    `timeout` is in seconds, None for what is usual for the kind. Raises Problem `dry_run_is_local`,
    `dataset_not_found` or `notebook_not_found`.
    """
    if kind == "run":
        caller.require("train")
    with services.db.session() as session:
        dataset, notebook = find_dataset(session, caller, dataset_id), find_notebook(session, caller, notebook_id)
        hold(session, notebook)
        if notebook.dataset_id != dataset.id:
            raise Problem("notebook_not_found", "This dataset has no such notebook.", status=404, param="notebook_id")
        require_executor(executor, kind)
        job = Job(
            kind=kind,
            executor=executor,
            owner=dataset.owner,
            dataset_id=dataset.id,
            notebook_id=notebook.id,
            name=storable(name),
            note=storable(note),
            timeout_seconds=timeout or default_timeout(services.settings, kind),
            status="created",
        )
        return describe(add_job(session, job), dataset.filename)


def start_run(services: Services, caller: Caller, job_id: str) -> JobStatus:
    """Queues a created job; raises Problem `job_not_found`, or `invalid_transition` (409) in another state."""
    with services.db.reading() as session:
        _require_training(caller, find_job(session, caller, job_id))
    return _queued(services, caller, job_id, submit)


def cancel_job(services: Services, caller: Caller, job_id: str) -> JobStatus:
    """Cancels a waiting job at once and asks a running one to stop; raises Problem `job_not_found`, `job_finished`."""
    return _told(services, caller, job_id, request_cancel)


def resume_run(services: Services, caller: Caller, job_id: str) -> JobStatus:
    """Queues a failed or cancelled run again; with its files it goes on from its last checkpoint.

    Raises Problem `job_not_found`, `not_a_run`, or `invalid_transition` (409) in another state.
    """
    with services.db.reading() as session:
        _require_training(caller, find_run(session, caller, job_id))
    return _queued(services, caller, job_id, resume)


def change_run(services: Services, caller: Caller, job_id: str, changes: Mapping[str, Any]) -> JobStatus:
    """Sets what `changes` hold of `name`, `note` and `timeout_s` (None: what is usual for the kind).

    Raises Problem `job_not_found` or `not_a_run`, and `job_running` when the time of a running job is to change.
    """
    with services.db.session() as session:
        job = find_run(session, caller, job_id)
        values: dict[str, Any] = {name: storable(changes[name]) for name in ("name", "note") if name in changes}
        if "timeout_s" in changes:
            job_at_rest(session, job.id)
            values["timeout_seconds"] = changes["timeout_s"] or default_timeout(services.settings, job.kind)
        if values:
            session.execute(update(Job).where(Job.id == job.id).values(values))
            session.refresh(job)
        return _described(session, job)


def _require_training(caller: Caller, job: Job) -> None:
    if job.kind == "run":
        caller.require("train")


def _queued(services: Services, caller: Caller, job_id: str, order: Callable[[Session, str], Job]) -> JobStatus:
    """What puts a job into the queue; raises Problem `too_many_jobs` (429)."""

    def in_its_place(session: Session, found_id: str) -> Job:
        job = order(session, found_id)  # what cannot be queued at all is told first
        require_place(services, session, caller, job.dataset_id, besides=found_id)
        return job

    return _told(services, caller, job_id, in_its_place)


def _told(services: Services, caller: Caller, job_id: str, order: Callable[[Session, str], Job]) -> JobStatus:
    with services.db.session() as session:
        return _described(session, order(session, find_job(session, caller, job_id).id))


def _described(session: Session, job: Job) -> JobStatus:
    return describe(job, session.get_one(Dataset, job.dataset_id).filename)
