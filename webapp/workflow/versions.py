"""The versions of a dataset: an upload and what fixes made of it, one of them in use; nothing is ever lost."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from webapp.accounts import Caller
from webapp.datasets import Analysis
from webapp.datasets.repair import Figures
from webapp.errors import Problem
from webapp.storage.tables import Dataset
from webapp.workflow.lookup import find_dataset, hold
from webapp.workflow.services import Services


@dataclass(frozen=True)
class Version:
    """One version: its number (1 is the upload), what made it of which other, and its figures.

    `counts` are rows changed, dropped and added by each operation; `statistics` is None before its analysis is done.
    """

    session_id: str
    version: int
    parent_id: str | None
    current: bool
    created_at: datetime
    operations: list[dict[str, Any]]
    counts: list[dict[str, Any]]
    validation_rows: int
    statistics: dict[str, Any] | None


@dataclass(frozen=True)
class Versions:
    """All versions, oldest first; whether there is one before, and one after, the one in use."""

    versions: list[Version]
    current_id: str
    can_undo: bool
    can_redo: bool


def versions(services: Services, caller: Caller, dataset_id: str) -> Versions:
    """The versions of the dataset that `dataset_id`, any of them, belongs to; raises Problem `dataset_not_found`."""
    with services.db.reading() as session:
        return _listed(session, root_of(session, find_dataset(session, caller, dataset_id)))


def undo(services: Services, caller: Caller, dataset_id: str) -> Versions:
    """Goes back to the version that the one in use was made from; raises Problem `nothing_to_undo`."""
    with services.db.session() as session:
        root = root_of(session, find_dataset(session, caller, dataset_id))
        hold(session, root)
        before = _current(session, root).parent_id
        if before is None:
            raise Problem("nothing_to_undo", "The version in use is the uploaded file itself.", status=409)
        return _use(session, root, before)


def redo(services: Services, caller: Caller, dataset_id: str) -> Versions:
    """Goes forward to the newest version that was made from the one in use; raises Problem `nothing_to_redo`."""
    with services.db.session() as session:
        root = root_of(session, find_dataset(session, caller, dataset_id))
        hold(session, root)
        after = _newest_made_from(session, _current(session, root))
        if after is None:
            raise Problem("nothing_to_redo", "Nothing was made from the version in use.", status=409)
        return _use(session, root, after)


def add_version(session: Session, source_id: str, made: Dataset) -> None:
    """Adds the version that was made from another one, with the next number, and puts it to use."""
    source = session.get_one(Dataset, source_id)
    root_id = source.root_id or source.id
    # Read again: somebody may have claimed all of it meanwhile.
    root = session.get_one(Dataset, root_id, with_for_update=True, populate_existing=True)
    newest = session.scalar(select(func.max(Dataset.version)).where(family(root.id))) or 1
    made.owner, made.root_id, made.parent_id, made.version = root.owner, root.id, source.id, newest + 1
    session.add(made)
    session.flush()
    root.current_id = made.id


def family(root_id: str) -> ColumnElement[bool]:
    """True for an upload and all versions that go back to it."""
    return (Dataset.id == root_id) | (Dataset.root_id == root_id)


def _use(session: Session, root: Dataset, dataset_id: str) -> Versions:
    root.current_id = None if dataset_id == root.id else dataset_id
    session.flush()
    return _listed(session, root)


def root_of(session: Session, dataset: Dataset) -> Dataset:
    """The upload that a version goes back to."""
    return session.get_one(Dataset, dataset.root_id) if dataset.root_id else dataset


def _current(session: Session, root: Dataset) -> Dataset:
    return session.get_one(Dataset, root.current_id or root.id)


def _newest_made_from(session: Session, dataset: Dataset) -> str | None:
    made = select(Dataset.id).where(Dataset.parent_id == dataset.id)
    return session.scalar(made.order_by(Dataset.version.desc()).limit(1))


def _listed(session: Session, root: Dataset) -> Versions:
    current = _current(session, root)
    found = session.scalars(select(Dataset).where(family(root.id)).order_by(Dataset.version))
    return Versions(
        versions=[_described(dataset, current.id) for dataset in found],
        current_id=current.id,
        can_undo=current.parent_id is not None,
        can_redo=_newest_made_from(session, current) is not None,
    )


def _described(dataset: Dataset, current_id: str) -> Version:
    made = dataset.operations or {"applied": [], "report": {"operations": [], "validation_rows": 0}}
    report = dataset.analysis
    return Version(
        session_id=dataset.id,
        version=dataset.version,
        parent_id=dataset.parent_id,
        current=dataset.id == current_id,
        created_at=dataset.created_at,
        operations=made["applied"],
        counts=made["report"]["operations"],
        validation_rows=made["report"]["validation_rows"],
        statistics=msgspec.to_builtins(Figures.of(Analysis.from_dict(report))) if report else None,
    )
