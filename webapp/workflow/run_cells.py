"""How far a notebook's run is, cell by cell: its cells by their headings, and what its events tell of each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from webapp.jobs.states import ELSEWHERE
from webapp.notebooks.outline import dry_run_outline, outline
from webapp.storage.tables import JobEvent, Notebook
from webapp.workflow.jobs import JobStatus
from webapp.workflow.services import Services

State = Literal["waiting", "running", "done", "failed", "stopped"]
_TOLD = ("cell_started", "cell_finished")


@dataclass(frozen=True)
class CellState:
    """A code cell of a notebook, its place in the preview (0: it is not there), and how it stands in a run.

    `seconds` are None until it has ended; `began` is the moment at which it started, if it has.
    """

    number: int
    tag: str
    title: str
    state: State = "waiting"
    seconds: float | None = None
    began: datetime | None = None


def cell_states(services: Services, notebook: Notebook, job: JobStatus | None) -> list[CellState]:
    """The code cells of the notebook in the newest attempt of its job; all are waiting where there is no job.

    Empty for a notebook that a person runs elsewhere: that reports its steps alone.
    """
    if job and job.executor == ELSEWHERE:
        return []
    path = services.blobs.path(notebook.blob)
    cells = dry_run_outline(path) if job and job.kind == "dry_run" else outline(path)
    told = _told(services, job) if job else {}
    return [
        _state(CellState(cell.number, cell.tag, cell.title), told.get(cell.tag, []), job.status if job else "")
        for cell in cells
    ]


def _told(services: Services, job: JobStatus) -> dict[str, list[JobEvent]]:
    """The events of each cell by its tag."""
    statement = select(JobEvent).where(
        JobEvent.job_id == job.id, JobEvent.attempt == job.attempt, JobEvent.type.in_(_TOLD)
    )
    told: dict[str, list[JobEvent]] = {}
    with services.db.reading() as session:
        for event in session.scalars(statement.order_by(JobEvent.seq)):
            told.setdefault(event.data.get("tag") or "", []).append(event)
    return told


def _state(cell: CellState, told: list[JobEvent], status: str) -> CellState:
    """The cell as its events and the state of the whole run leave it."""
    found = {event.type: event for event in told}
    began, ended = (found.get(kind) for kind in _TOLD)
    if ended and began:
        state: State = "done" if ended.data["ok"] else "failed"
        return CellState(cell.number, cell.tag, cell.title, state, (ended.at - began.at).total_seconds(), began.at)
    if began:
        left: dict[str, State] = {"completed": "done", "failed": "failed", "cancelled": "stopped"}
        return CellState(cell.number, cell.tag, cell.title, left.get(status, "running"), None, began.at)
    return CellState(cell.number, cell.tag, cell.title, "done" if status == "completed" else "waiting")
