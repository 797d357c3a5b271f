"""The rows of a version in a format that other tools read; anything but the canonical lines is written by a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webapp.accounts import Caller, audit
from webapp.datasets import LINES
from webapp.datasets.exporting import Format, export, find_format
from webapp.errors import Problem
from webapp.jobs import JobContext, enqueue
from webapp.jobs.states import FINAL
from webapp.storage.tables import Dataset
from webapp.workflow.analyses import dataset_state, examples_key
from webapp.workflow.fixing import validation_key
from webapp.workflow.jobs import JobStatus, job_status, latest_job
from webapp.workflow.lookup import hold_dataset
from webapp.workflow.quotas import require_place
from webapp.workflow.services import Services
from webapp.workflow.waiting import wait_until


@dataclass(frozen=True)
class Exported:
    """A file to hand out, or the job that writes it."""

    path: Path
    filename: str
    media_type: str
    job: JobStatus | None


def export_dataset(
    services: Services, caller: Caller, dataset_id: str, format_name: str, part: str, seconds: float
) -> Exported:
    """The part, `train` or `validation`, of a version in a format, as far as that is after so many seconds.

    Raises Problem `dataset_not_found`, `analysis_pending`, `unknown_format`, `no_validation_part`, `too_many_jobs`, or
    the one that the writing ended with, for instance `not_expressible`.
    """
    state = dataset_state(services, caller, dataset_id)
    form = find_format(format_name)
    state.finished()
    dataset = state.dataset
    lines = _lines_key(dataset.id, part)
    if not services.blobs.exists(lines):
        raise Problem("no_validation_part", "This version has no validation part; make one with a fix.", status=404)
    key = lines if form.name == "jsonl" else _export_key(dataset.id, part, form)
    job = None
    if not services.blobs.exists(key):
        job = _wait(services, caller, _ordered(services, caller, dataset, form, part), seconds)
    if job is None:
        with services.db.session() as session:
            audit.record(session, caller, "downloaded", dataset.id, what="export", format=form.name, part=part)
    return Exported(services.blobs.path(key), _filename(dataset, part, form), form.media_type, job)


def run_export(services: Services, context: JobContext) -> Mapping[str, Any]:
    """Writes the file of the job."""
    form, part = find_format(context.job.params["format"]), context.job.params["part"]
    dataset_id = context.job.dataset_id
    with services.blobs.new_file(_export_key(dataset_id, part, form)) as target:
        export(services.blobs.path(_lines_key(dataset_id, part)), form, target)
    return {"format": form.name, "part": part}


def _ordered(services: Services, caller: Caller, dataset: Dataset, form: Format, part: str) -> str:
    """The id of the job that writes the file."""
    params = {"format": form.name, "part": part}
    with services.db.session() as session:
        hold_dataset(session, caller, dataset.id)
        job = latest_job(session, caller, "export", dataset_id=dataset.id)
        if job is None or job.params != params or job.status in FINAL:
            require_place(services, session, caller, dataset.id)
            job = enqueue(session, "export", owner=dataset.owner, dataset_id=dataset.id, params=params)
        return job.id


def _wait(services: Services, caller: Caller, job_id: str, seconds: float) -> JobStatus | None:
    """The job as it stands after so many seconds, None once it has completed; raises the Problem it ended with."""
    job = wait_until(lambda job: job.finished, lambda: job_status(services, caller, job_id), seconds)
    if job.status == "failed" and job.error:
        raise Problem.from_dict(job.error)
    return None if job.status == "completed" else job


def _lines_key(dataset_id: str, part: str) -> str:
    return validation_key(dataset_id) if part == "validation" else f"{examples_key(dataset_id)}/{LINES}"


def _export_key(dataset_id: str, part: str, form: Format) -> str:
    return f"datasets/{dataset_id}/exports/{part}{form.suffix}"


def _filename(dataset: Dataset, part: str, form: Format) -> str:
    stem = dataset.filename.split(".")[0] or "dataset"
    version = f"-v{dataset.version}" if dataset.version > 1 else ""
    return f"{stem}{version}{'-validation' if part == 'validation' else ''}{form.suffix}"
