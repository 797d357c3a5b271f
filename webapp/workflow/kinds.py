"""The kinds of jobs: what the process of a job does."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from webapp.datasets import ExampleWriter, analyze
from webapp.errors import Problem
from webapp.jobs import Event, JobContext
from webapp.storage.tables import Dataset, Notebook
from webapp.workflow.analyses import examples_key
from webapp.workflow.services import Services

# How the training loop tells of itself: "step 12/100  epoch 0.29  loss 4.5254 ...".
_STEP = re.compile(r"step (\d+)/([1-9]\d*)\b")


def job_kinds(services: Services) -> Mapping[str, Callable[[JobContext], Mapping[str, Any]]]:
    """What `run_child` calls for each kind of job."""
    return {"analysis": partial(run_analysis, services), "dry_run": partial(run_dry_run, services)}


def run_analysis(services: Services, context: JobContext) -> Mapping[str, Any]:
    """Analyses the dataset of the job; its report goes to the dataset, its valid rows to the store."""
    dataset_id = context.job.dataset_id
    with services.db.reading() as session:
        upload = services.blobs.path(session.get_one(Dataset, dataset_id).blob)
    with services.blobs.new_folder(examples_key(dataset_id)) as folder, ExampleWriter(folder) as sink:
        report = analyze(upload, sink=sink, progress=lambda share: context.report(share, "Reading the file"))
    with services.db.session() as session:
        session.get_one(Dataset, dataset_id).analysis = report.to_dict()
    return {"total_examples": report.total_examples, "quality_score": report.quality_score}


def run_dry_run(services: Services, context: JobContext) -> Mapping[str, Any]:
    """Runs the notebook of the job on a miniature of its model; answers the report.

    Raises the run's own Problem when it failed; what had been run by then is in its details as `report`.
    """
    # Imported here: it belongs to processes that run notebooks, and the server is none.
    from webapp.notebooks.running import Watch, dry_run

    with services.db.reading() as session:
        notebook = session.get_one(Notebook, context.job.notebook_id)
    context.report(0.0, "Making a miniature of the model")
    watch = Watch(
        timeout=services.settings.job_timeout,
        on_event=_Progress(context),
        cancelled=context.cancelled,
    )
    report = dry_run(
        services.blobs.path(notebook.blob), services.blobs.folder(f"runs/{context.job.id}"), watch
    ).to_dict()
    context.check()
    if report["status"] != "completed":
        error = report["error"] or {"code": "dry_run_failed", "message": "The notebook did not run to its end."}
        raise Problem(error["code"], error["message"], status=500, details={"report": report})
    return report


class _Progress:
    """Passes a run's events on, and says in a line what it is doing."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._cell, self._total = 0, 1
        self._share, self._message = 0.0, ""

    def __call__(self, event: Event) -> None:
        self._context.event(event.type, event.data)
        if event.type == "cell_started":
            self._cell, self._total = event.data["cell"], event.data["total"]
            self._share = self._cell / self._total
            self._message = f"Cell {self._cell + 1} of {self._total}"
        elif event.type == "stream" and event.data["name"] == "stdout":
            self._listen(_last_line(event.data["text"]))
        self._context.report(self._share, self._message)

    def _listen(self, said: str) -> None:
        if not said:
            return
        self._message = said
        if step := _STEP.match(said):
            self._share = (self._cell + int(step[1]) / int(step[2])) / self._total


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""
