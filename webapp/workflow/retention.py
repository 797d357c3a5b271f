"""What goes by itself: visitors' datasets when their time is over, abandoned uploads, and files that no row knows."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import PurePosixPath

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import InstrumentedAttribute

from webapp.accounts import VISITOR
from webapp.errors import Problem
from webapp.storage.people import SignIn
from webapp.storage.tables import Dataset, Job, Notebook, StreamTicket, Upload, utc_now
from webapp.workflow.deleting import remove_dataset, remove_uploads
from webapp.workflow.services import Services

EVERY_SECONDS = 600.0
# Nobody writes for so long at what will have a row: younger files may still get theirs.
STRAY_AFTER = timedelta(days=1)
# The ids that the names in each folder of the store begin with.
_FOLDERS: dict[str, InstrumentedAttribute[str]] = {
    "datasets": Dataset.id,
    "notebooks": Notebook.id,
    "runs": Job.id,
    "uploads": Upload.id,
}
_AT_ONCE = 500

log = structlog.get_logger(__name__)


def keep_retention(services: Services, stop: threading.Event) -> None:
    """Deletes what is due, now and every ten minutes until `stop` is set."""
    while not stop.is_set():
        for step in (expire_datasets, expire_uploads, expire_credentials, delete_strays):
            _attempt(services, step, stop)
        stop.wait(EVERY_SECONDS)


def _attempt(services: Services, step: Callable[[Services, threading.Event], None], stop: threading.Event) -> None:
    """Never raises: what does not work now is tried again the next time."""
    try:
        step(services, stop)
    except Problem as problem:
        log.warning("retention_waits", step=step.__name__, reason=problem.message)
    except Exception:
        log.exception("retention_waits", step=step.__name__)


def expire_datasets(services: Services, stop: threading.Event) -> None:
    """Deletes the datasets whose time is over, with everything made from them; what is at work waits for its end."""
    due = select(Dataset.id).where(Dataset.expires_at <= utc_now(), Dataset.root_id.is_(None))
    with services.db.reading() as session:
        found = list(session.scalars(due.order_by(Dataset.expires_at)))
    for dataset_id in found:
        if stop.is_set():
            return
        try:
            deleted = remove_dataset(services, VISITOR, dataset_id, "expired", unless=_claimed)
        except Problem as problem:
            log.info("expired_dataset_waits", dataset=dataset_id, reason=problem.code)
        else:
            log.info("dataset_expired", dataset=dataset_id, files=deleted.files, bytes=deleted.bytes)


def _claimed(dataset: Dataset) -> bool:
    return dataset.expires_at is None


def expire_uploads(services: Services, stop: threading.Event) -> None:  # noqa: ARG001
    """Deletes uploads that nobody completed, or whose server was killed when it put them together, with their parts."""
    remove_uploads(services, Upload.expires_at <= utc_now())


def expire_credentials(services: Services, stop: threading.Event) -> None:  # noqa: ARG001
    """Deletes sign-ins and tickets of streams that can no longer be used."""
    now = utc_now()
    with services.db.session() as session:
        for table in (SignIn, StreamTicket):
            session.execute(delete(table).where(table.expires_at <= now))


def delete_strays(services: Services, stop: threading.Event) -> None:
    """Deletes files without a row that nobody has written to for a day: a deletion, or a writer, was killed."""
    since = time.time() - STRAY_AFTER.total_seconds()
    for folder, column in _FOLDERS.items():
        if stop.is_set():
            return
        unfinished = services.blobs.delete_unfinished(folder, since)
        strays = list(_strays(services, folder, column, since))
        for key in strays:
            services.blobs.delete(key)
        if unfinished or strays:
            log.info("strays_deleted", folder=folder, files=len(strays), unfinished=unfinished)


def _strays(services: Services, folder: str, column: InstrumentedAttribute[str], since: float) -> Iterator[str]:
    old = {key: PurePosixPath(key).name.split(".")[0] for key in services.blobs.untouched(folder, since)}
    keys = list(old)
    for first in range(0, len(keys), _AT_ONCE):
        some = keys[first : first + _AT_ONCE]
        with services.db.reading() as session:
            known = set(session.scalars(select(column).where(column.in_({old[key] for key in some}))))
        yield from (key for key in some if old[key] not in known)
