"""The list of datasets, newest first, a page at a time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import aliased, defer

from webapp.accounts import Caller, owned
from webapp.storage.tables import Dataset, Notebook
from webapp.workflow.cursors import behind, cursor
from webapp.workflow.services import Services


@dataclass(frozen=True)
class ListedDataset:
    """An upload: its id is that of its first version, the figures are those of the version in use.

    `total_examples` and `quality_score` are None as long as that has no report.
    """

    session_id: str
    current_id: str
    filename: str
    size: int
    created_at: datetime
    expires_at: datetime | None
    versions: int
    notebooks: int
    total_examples: int | None
    quality_score: float | None


@dataclass(frozen=True)
class DatasetPage:
    """Some datasets, newest first; `next` is the place where the next page begins, None at the end."""

    datasets: list[ListedDataset]
    next: str | None


def list_datasets(services: Services, caller: Caller, *, limit: int, after: str | None = None) -> DatasetPage:
    """Up to `limit` of the caller's datasets after a place, each with its versions counted into it."""
    version, current = aliased(Dataset), aliased(Dataset)
    family = (version.id == Dataset.id) | (version.root_id == Dataset.id)
    versions = select(func.count()).select_from(version).where(family).correlate(Dataset).scalar_subquery()
    made = select(func.count()).select_from(Notebook).join(version, Notebook.dataset_id == version.id)
    notebooks = made.where(family).correlate(Dataset).scalar_subquery()
    # Only two figures of the report, which may be a megabyte.
    figures = (current.analysis["total_examples"].as_integer(), current.analysis["quality_score"].as_float())
    statement = (
        select(Dataset, current.id, versions, notebooks, *figures)
        .join(current, current.id == func.coalesce(Dataset.current_id, Dataset.id))
        .where(Dataset.root_id.is_(None))
        .options(defer(Dataset.analysis), defer(Dataset.operations))
    )
    if after is not None:
        statement = statement.where(behind(Dataset, after))
    statement = owned(statement, Dataset, caller).order_by(Dataset.created_at.desc(), Dataset.id.desc())
    with services.db.reading() as session:
        found = session.execute(statement.limit(limit + 1)).all()
    listed = [
        ListedDataset(row.id, used, row.filename, row.size, row.created_at, row.expires_at, *counts)
        for row, used, *counts in found[:limit]
    ]
    return DatasetPage(listed, cursor(found[limit - 1][0]) if len(found) > limit else None)
