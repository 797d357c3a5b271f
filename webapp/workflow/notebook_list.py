"""The list of notebooks, newest first, a page at a time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from webapp.accounts import Caller, owned
from webapp.storage.tables import Dataset, Job, Notebook
from webapp.workflow.cursors import behind, cursor
from webapp.workflow.lookup import RUNS, canonical_id
from webapp.workflow.services import Services
from webapp.workflow.versions import family


@dataclass(frozen=True)
class ListedNotebook:
    """A notebook, the version of a dataset it was made from, how its newest dry run stands, and its other runs."""

    id: str
    filename: str
    model_id: str
    method: str
    dataset_id: str
    dataset_filename: str
    created_at: datetime
    dry_run: str | None
    runs: int


@dataclass(frozen=True)
class NotebookPage:
    """Some notebooks, newest first; `next` is the place where the next page begins, None at the end."""

    notebooks: list[ListedNotebook]
    next: str | None


def list_notebooks(
    services: Services, caller: Caller, *, root_id: str | None = None, limit: int, after: str | None = None
) -> NotebookPage:
    """Up to `limit` of the caller's notebooks after a place; with `root_id` those of all versions of that upload."""
    mine = select(Job).where(Job.notebook_id == Notebook.id, Job.kind.in_(RUNS)).correlate(Notebook)
    newest = mine.with_only_columns(Job.status).where(Job.kind == "dry_run", Job.status != "created")
    dry_run = newest.order_by(Job.created_at.desc(), Job.id).limit(1).scalar_subquery()
    runs = mine.with_only_columns(func.count(Job.id)).where(Job.kind == "run").scalar_subquery()
    statement = select(Notebook, Dataset.filename, dry_run, runs).join(Dataset, Dataset.id == Notebook.dataset_id)
    if root_id is not None:
        statement = statement.where(family(canonical_id(root_id)))
    if after is not None:
        statement = statement.where(behind(Notebook, after))
    statement = owned(statement, Notebook, caller).order_by(Notebook.created_at.desc(), Notebook.id.desc())
    with services.db.reading() as session:
        found = session.execute(statement.limit(limit + 1)).all()
    listed = [
        ListedNotebook(
            id=row.id,
            filename=row.filename,
            model_id=row.model_id,
            method=row.config["method"],
            dataset_id=row.dataset_id,
            dataset_filename=filename,
            created_at=row.created_at,
            dry_run=status,
            runs=count,
        )
        for row, filename, status, count in found[:limit]
    ]
    return NotebookPage(listed, cursor(found[limit - 1][0]) if len(found) > limit else None)
