"""What the page of a run shows at first: how it stands, the end of its log, its last figures, and where to go on."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from webapp.accounts import Caller, reachable
from webapp.jobs import last_events
from webapp.storage.tables import Dataset, Job, JobEvent, Notebook
from webapp.workflow.jobs import JobStatus, describe
from webapp.workflow.lookup import find_notebook, find_run
from webapp.workflow.run_cells import CellState, cell_states
from webapp.workflow.services import Services

_LOG_EVENTS = 200
_METRICS = 10
_RUNS = 5


@dataclass(frozen=True)
class RunState:
    """A run; `metrics` are the data of its last events of that type, oldest first, `seq` the last event counted in.

    `cells` are those of its notebook, if that is still there and its run tells of them.
    """

    job: JobStatus
    notebook: Notebook | None
    log: str
    metrics: list[dict[str, Any]]
    seq: int
    cells: list[CellState]


def run_state(services: Services, caller: Caller, job_id: str) -> RunState:
    """How a run stands; raises Problem `job_not_found` or `not_a_run`."""
    with services.db.reading() as session:
        job = find_run(session, caller, job_id)
        # First: what is written meanwhile is then left to the stream.
        seq = session.scalar(select(func.max(JobEvent.seq)).where(JobEvent.job_id == job.id)) or 0
        known = JobEvent.seq <= seq
        printed = last_events(session, job.id, _LOG_EVENTS, known, JobEvent.type == "stream")
        metrics = last_events(session, job.id, _METRICS, known, JobEvent.type == "metrics")
        status = describe(job, session.get_one(Dataset, job.dataset_id).filename)
        notebook = session.get(Notebook, job.notebook_id) if job.notebook_id else None
    return RunState(
        job=status,
        notebook=notebook,
        log="".join(event.data["text"] for event in printed),
        metrics=[event.data for event in metrics],
        seq=seq,
        cells=cell_states(services, notebook, status) if notebook else [],
    )


def step_figures(services: Services, caller: Caller, job_id: str) -> list[dict[str, Any]]:
    """The figures of every step of a run, in their order; what a later attempt told of a step replaces the earlier.

    Raises Problem `job_not_found` or `not_a_run`.
    """
    with services.db.reading() as session:
        job = find_run(session, caller, job_id)
        told = select(JobEvent.data).where(JobEvent.job_id == job.id, JobEvent.type == "metrics").order_by(JobEvent.seq)
        by_step = {figures["step"]: figures for figures in session.scalars(told)}
    return [by_step[step] for step in sorted(by_step)]


def notebook_runs(services: Services, caller: Caller, notebook_id: str) -> list[JobStatus]:
    """The newest runs of a notebook with its real model; raises Problem `notebook_not_found`."""
    with services.db.reading() as session:
        notebook = find_notebook(session, caller, notebook_id)
        statement = select(Job).where(Job.notebook_id == notebook.id, Job.kind == "run")
        statement = reachable(statement, Job, caller).order_by(Job.created_at.desc(), Job.id.desc()).limit(_RUNS)
        filename = session.get_one(Dataset, notebook.dataset_id).filename
        return [describe(job, filename) for job in session.scalars(statement)]
