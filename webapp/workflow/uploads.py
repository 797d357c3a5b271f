"""The first step: a file comes in, is kept, and its analysis is ordered."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from webapp.accounts import VISITORS, Caller
from webapp.datasets import sample_path
from webapp.datasets.reading import require_text
from webapp.errors import Problem
from webapp.jobs import enqueue
from webapp.storage.tables import Dataset, Job, new_id, utc_now
from webapp.workflow import quotas
from webapp.workflow.account import hold_account
from webapp.workflow.services import Services

MAX_FILENAME = 200
_CHUNK = 1024 * 1024
_HEAD = 512  # what an archive has in front
# Control and format characters (U+202E would turn ".exe" around), line separators and lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def upload(
    services: Services,
    caller: Caller,
    filename: str,
    chunks: Iterable[bytes],
    mapping: Callable[[], Mapping[str, str] | None] = lambda: None,
    announced: int = 0,
) -> Dataset:
    """Keeps the file that `chunks` make up and orders its analysis; all of it or nothing.

    `filename` is only a label, and says what a file is whose content leaves that open. `mapping` is asked for column
    and part when the file is there; a wrong one ends the analysis, not the upload. A file with at least the `announced`
    bytes is refused before any is read. Raises Problem `empty_file`, `unsupported_file`, `unsupported_encoding`,
    `file_too_large` or `storage_quota_exceeded` (413).
    """
    room = quotas.room(services, caller)
    room.require(announced)
    with new_dataset(services, caller, filename, room.counted(chunks)) as (session, dataset):
        quotas.keep_within(services, session, caller, dataset.size)
        start_analysis(session, dataset, mapping())
    return dataset


@contextmanager
def new_dataset(
    services: Services, caller: Caller, filename: str, chunks: Iterable[bytes]
) -> Iterator[tuple[Session, Dataset]]:
    """A dataset of the bytes, in the session that adds it; no file is left when that or the block fails.

    Raises Problem `empty_file`, `unsupported_file`, `unsupported_encoding`, or that of `hold_account`. What a visitor
    uploads expires.
    """
    dataset_id = new_id()
    folder = f"datasets/{dataset_id}"
    try:
        stored = services.blobs.add(folder, _readable(chunks))
        with services.db.session() as session:
            hold_account(services, session, caller)
            dataset = Dataset(
                id=dataset_id,
                owner=caller.id,
                filename=clean_filename(filename),
                size=stored.size,
                sha256=stored.sha256,
                blob=stored.key,
                expires_at=_expiry(services, caller),
            )
            session.add(dataset)
            session.flush()
            yield session, dataset
    except BaseException:
        services.blobs.delete(f"{folder}/")
        raise


def upload_sample(services: Services, caller: Caller) -> Dataset:
    """Uploads the sample that comes with Tunebook."""
    path = sample_path()
    with path.open("rb") as file:
        return upload(services, caller, path.name, iter(lambda: file.read(_CHUNK), b""))


def start_analysis(session: Session, dataset: Dataset, mapping: Mapping[str, str] | None = None) -> Job:
    """Orders the analysis of a dataset; it starts when the session has committed."""
    params = {"map": dict(mapping)} if mapping else {}
    return enqueue(session, "analysis", owner=dataset.owner, dataset_id=dataset.id, params=params)


def clean_filename(filename: str) -> str:
    """The last part of the name, without characters that cannot be seen, at most 200 characters."""
    last = re.split(r"[/\\]", filename)[-1]
    return _UNPRINTABLE.sub("", last).strip()[:MAX_FILENAME] or "dataset.jsonl"


def _expiry(services: Services, caller: Caller) -> datetime | None:
    return utc_now() + timedelta(days=services.settings.retention_days) if caller.id == VISITORS else None


def _readable(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same chunks; raises Problem `empty_file`, or those of `require_text`, at their end."""
    head = b""
    for chunk in chunks:
        head += chunk[: _HEAD - len(head)]
        yield chunk
    if not head:
        raise Problem("empty_file", "The file is empty.", param="file")
    require_text(head)
