"""The kinds of jobs: what the process of a job does."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from webapp.datasets import Examples, ExampleWriter, analyze, suited_to
from webapp.errors import Problem
from webapp.jobs import Died, JobContext, Remote
from webapp.jobs.executors import Event
from webapp.jobs.metrics import metrics_key
from webapp.jobs.states import FINAL
from webapp.notebooks.executors import Run, executor
from webapp.notebooks.progress import Progress
from webapp.notebooks.running import Watch, dry_run
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, Notebook
from webapp.workflow.analyses import examples_key
from webapp.workflow.chatting import run_chat
from webapp.workflow.exporting import run_export
from webapp.workflow.findings import keep_findings
from webapp.workflow.fixing import run_fix
from webapp.workflow.job_files import run_key, settle_run
from webapp.workflow.measuring import record_measurement
from webapp.workflow.running import default_timeout
from webapp.workflow.services import Services


def job_kinds(services: Services) -> Mapping[str, Callable[[JobContext], Mapping[str, Any]]]:
    """What `run_child` calls for each kind of job."""
    kinds = {
        "analysis": run_analysis,
        "fix": run_fix,
        "export": run_export,
        "dry_run": run_dry_run,
        "run": run_as_it_is,
        "chat": run_chat,
    }
    return {name: partial(run, services) for name, run in kinds.items()}


def run_analysis(services: Services, context: JobContext) -> Mapping[str, Any]:
    """Analyses the dataset of the job; its report goes to the dataset, its valid rows and findings to the store."""
    dataset_id = context.job.dataset_id
    with services.db.reading() as session:
        dataset = session.get_one(Dataset, dataset_id)
    upload, mapping = services.blobs.path(dataset.blob), context.job.params.get("map")
    with services.blobs.new_folder(examples_key(dataset_id)) as folder:
        with ExampleWriter(folder) as sink:
            report = analyze(
                upload,
                name=dataset.filename,
                mapping=mapping,
                engine=suited_to(upload),
                sink=sink,
                progress=lambda share: context.report(share, _stage(share, sink.count)),
            )
        Examples(folder).payload()  # here, so that no server process has to compress it
    with services.db.session() as session:
        session.get_one(Dataset, dataset_id).analysis = report.to_dict()
    found = {"total_examples": report.total_examples, "quality_score": report.quality_score}
    context.event("report", found)
    keep_findings(services, dataset_id)  # after the report, which nobody shall wait for
    return found


def _stage(share: float, conversations: int) -> str:
    """What an analysis is at, for people."""
    if share < 1:
        return f"Reading the file: {conversations:,} conversations so far"
    return f"Comparing {conversations:,} conversations with each other"


def run_dry_run(services: Services, context: JobContext) -> Mapping[str, Any]:
    """Runs the notebook of the job on a miniature of its model; answers the report, or raises as `run_as_it_is`."""
    context.report(0.0, "Making a miniature of the model")
    return _run(services, context, dry_run)


def run_as_it_is(services: Services, context: JobContext) -> Mapping[str, Any]:
    """Runs the notebook of the job unchanged, with its real model, by its executor; answers the report.

    Raises the run's own Problem when it failed; in its details, `failure` says why, and `report` what had been run.
    """
    context.report(0.0, "Starting the notebook")
    return _run(services, context, executor(context.job.executor, services.settings).run)


def _run(services: Services, context: JobContext, run: Run) -> Mapping[str, Any]:
    """A second attempt finds the working folder of the first, and goes on from its checkpoint."""
    job = context.job
    with services.db.reading() as session:
        notebook = session.get_one(Notebook, job.notebook_id)
    progress = Progress()

    def tell(event: Event) -> None:
        progress.follow(event)
        key = metrics_key(job.attempt, event.data["step"]) if event.type == "metrics" else None
        context.event(event.type, event.data, key)
        context.report(progress.share, progress.message)

    watch = Watch(
        timeout=job.timeout_seconds or default_timeout(services.settings, job.kind),
        on_event=tell,
        cancelled=context.cancelled,
        remote=Remote(f"tunebook-{job.id}-{job.attempt}", job.remote, context.note_remote),
        goes_on=lambda: _goes_on(services.db, job.id),
    )
    rows = services.blobs.path(notebook.data_blob) if notebook.data_blob else None
    workdir = services.blobs.folder(run_key(job.id))
    report = run(services.blobs.path(notebook.blob), workdir, watch, rows).to_dict()
    context.check()
    _settle(services, context)
    if error := report["error"]:
        details = {"report": report, "failure": error.get("failure")}
        # A kernel that is killed is the job's death: its last checkpoint gets one more try.
        kind = Died if error["code"] == "kernel_died" else Problem
        raise kind(error["code"], error["message"], status=500, details=details)
    record_measurement(services, job.id, notebook.model_id, workdir)
    return report


def _settle(services: Services, context: JobContext) -> None:
    """Keeps what the run left; hours of work do not fail for want of a second copy, but the log says so."""
    try:
        settle_run(services, context.job.id)
    except Problem as problem:
        text = f"\nThe files of this run are on this machine only: {problem.message}\n"
        context.event("stream", {"cell": None, "name": "stderr", "text": text})


def _goes_on(db: Database, job_id: str) -> bool:
    """Whether the job will have another attempt: nobody has cancelled it, it only has to leave this process.

    Also when that cannot be asked: what then belongs to no further attempt is found as a leftover.
    """
    try:
        with db.reading() as session:
            job = session.get(Job, job_id)
            return job is not None and job.status not in FINAL and not job.cancel_requested
    except Problem:
        return True
