"""The first step: a file comes in, is kept, and its analysis is ordered."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy.orm import Session

from webapp.accounts import Caller
from webapp.datasets import sample_path
from webapp.datasets.reading import refuse_other_encodings
from webapp.errors import Problem
from webapp.jobs import enqueue
from webapp.storage.tables import Dataset, Job, new_id
from webapp.workflow.services import Services

MAX_FILENAME = 200
_CHUNK = 1024 * 1024
_HEAD = 64
# Control and format characters (U+202E would turn ".exe" around), line separators and lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def upload(
    services: Services,
    caller: Caller,
    filename: str,
    chunks: Iterable[bytes],
    mapping: Callable[[], Mapping[str, str] | None] = lambda: None,
) -> Dataset:
    """Keeps the file that `chunks` make up and orders its analysis; all of it or nothing.

    `filename` is only a label, and says what a file is whose content leaves that open. `mapping` is asked for column
    and part when the file is there; a wrong one ends the analysis, not the upload. Raises Problem `empty_file`,
    `unsupported_encoding` or `file_too_large` (413).
    """
    dataset_id = new_id()
    blob = f"datasets/{dataset_id}/upload.jsonl"
    try:
        size, sha256 = _store(services, blob, chunks)
        with services.db.session() as session:
            dataset = Dataset(
                id=dataset_id,
                owner=caller.id,
                filename=clean_filename(filename),
                size=size,
                sha256=sha256,
                blob=blob,
            )
            session.add(dataset)
            session.flush()
            start_analysis(session, dataset, mapping())
    except BaseException:
        services.blobs.delete(f"datasets/{dataset_id}/")
        raise
    return dataset


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


def _store(services: Services, blob: str, chunks: Iterable[bytes]) -> tuple[int, str]:
    """Writes the file; answers its size in bytes and its SHA-256."""
    limit = services.settings.max_upload_bytes
    size, digest, head = 0, hashlib.sha256(), b""
    with services.blobs.new_file(blob) as file:
        for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise file_too_large(limit)
            head += chunk[: _HEAD - len(head)]
            digest.update(chunk)
            file.write(chunk)
        if not size:
            raise Problem("empty_file", "The file is empty.", param="file")
        refuse_other_encodings(head)
    return size, digest.hexdigest()


def file_too_large(limit: int) -> Problem:
    """The Problem of a file over `limit` bytes."""
    return Problem(
        "file_too_large",
        f"The file is larger than the limit of {limit / 2**20:,.4g} MiB.",
        status=413,
        param="file",
        details={"limit_bytes": limit},
    )
