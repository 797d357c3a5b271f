"""A file that comes in parts, as OpenAI's Uploads API has it: begun, its parts, put together or called off."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.accounts import Caller, reachable
from webapp.errors import Problem
from webapp.jobs.events import storable
from webapp.storage import Blobs
from webapp.storage.tables import Dataset, Upload, UploadPart, new_id, utc_now
from webapp.workflow import quotas
from webapp.workflow.account import hold_account
from webapp.workflow.lookup import canonical_id
from webapp.workflow.services import Services
from webapp.workflow.uploads import clean_filename, new_dataset, start_analysis

PART_BYTES = 64 * 1024 * 1024
# From its beginning, as OpenAI has it, and here from each part as well: slow lines take longer for a large file.
LIFETIME = timedelta(hours=1)
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class UploadState:
    """An upload with the parts that are there, oldest first, and the dataset that it has become."""

    upload: Upload
    parts: list[UploadPart]
    dataset: Dataset | None

    @property
    def status(self) -> str:
        """`pending`, `completed`, `cancelled` or `expired`."""
        return "expired" if _expired(self.upload) else self.upload.status


def upload_folder(upload_id: str) -> str:
    """Where the parts of an upload are kept."""
    return f"uploads/{upload_id}"


def begin_upload(
    services: Services, caller: Caller, *, size: int, filename: str, mime_type: str, purpose: str
) -> UploadState:
    """An upload that waits for the parts of a file of `size` bytes, for an hour after the last that came.

    Raises Problem `file_too_large` or `storage_quota_exceeded` (413).
    """
    quotas.room(services, caller).require(size)
    now = utc_now()
    upload = Upload(
        owner=caller.id,
        filename=clean_filename(filename),
        mime_type=storable(mime_type),
        purpose=purpose,
        size=size,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    with services.db.session() as session:
        hold_account(services, session, caller)
        session.add(upload)
        session.flush()
        quotas.keep_within(services, session, caller, size)
    return UploadState(upload, [], None)


def add_part(services: Services, caller: Caller, upload_id: str, chunks: Iterable[bytes]) -> UploadPart:
    """Keeps one part; the same bytes sent twice take their room once.

    Raises Problem `upload_not_found`, `upload_not_open` (409), `empty_part` or `part_too_large` (413).
    """
    state = upload_state(services, caller, upload_id)
    _require_open(state)
    upload = state.upload
    folder = upload_folder(upload.id)
    try:
        stored = services.blobs.add(folder, _bounded(chunks, min(PART_BYTES, upload.size)))
    except FileNotFoundError:  # the folder has gone meanwhile: the upload was called off, or deleted with its owner
        _require_open(upload_state(services, caller, upload_id))
        raise
    part = UploadPart(id=new_id(), upload_id=upload.id, size=stored.size, sha256=stored.sha256, blob=stored.key)
    with services.db.session() as session:
        # Held, so that nobody completes or calls off what this part is for.
        held = session.get(Upload, upload.id, with_for_update=True)
        parts = _parts(session, upload.id)
        known = {kept.blob: kept.size for kept in parts}
        over = sum((known | {part.blob: part.size}).values()) > upload.size
        if held is not None and held.status == "pending" and not over:
            session.add(part)
            held.expires_at = utc_now() + LIFETIME
            return part
    if held is None or held.status == "cancelled" or held.dataset_id is not None:
        services.blobs.delete(f"{folder}/")  # which may have gone before this part came
    elif stored.key not in known:
        services.blobs.delete(stored.key)
    if held is not None and held.status == "pending":
        raise _part_too_large(upload.size)
    raise _not_open(held.status if held else "cancelled")


def complete_upload(
    services: Services, caller: Caller, upload_id: str, part_ids: Sequence[str], md5: str | None
) -> UploadState:
    """Puts the parts together in the order given, as a dataset whose analysis is ordered; again is fine.

    Each part goes once it is copied, so that no second copy of the file is ever there. Raises Problem
    `upload_not_found`, `upload_not_open` or `upload_under_way` (409), `unknown_part`, `upload_incomplete`,
    `wrong_checksum`, or those of a file that cannot be kept: then the upload is over.
    """
    state = upload_state(services, caller, upload_id)
    if state.dataset is not None:
        return state
    _require_open(state)
    blobs = _ordered(state, part_ids)
    if md5 is not None and _md5(services.blobs, blobs) != md5.lower():
        raise Problem("wrong_checksum", "The parts do not have this MD5 sum: send the file again.", param="md5")
    _close(services, state.upload, "completed")
    try:
        content = _taken(services.blobs, blobs)
        with new_dataset(services, caller, state.upload.filename, content) as (session, dataset):
            start_analysis(session, dataset)
            session.execute(update(Upload).where(Upload.id == state.upload.id).values(dataset_id=dataset.id))
    except BaseException:
        _set_status(services, state.upload.id, "completed", "cancelled")
        raise
    finally:
        services.blobs.delete(f"{upload_folder(state.upload.id)}/")
    return upload_state(services, caller, upload_id)


def cancel_upload(services: Services, caller: Caller, upload_id: str) -> UploadState:
    """Calls the upload off and deletes its parts; again is fine.

    Raises Problem `upload_not_found`, or `upload_not_open` (409) when it has been completed.
    """
    state = upload_state(services, caller, upload_id)
    if state.upload.status != "cancelled":
        _close(services, state.upload, "cancelled")
    services.blobs.delete(f"{upload_folder(state.upload.id)}/")
    return upload_state(services, caller, upload_id)


def upload_state(services: Services, caller: Caller, upload_id: str) -> UploadState:
    """The upload as it stands; raises Problem `upload_not_found` (404)."""
    with services.db.reading() as session:
        statement = reachable(select(Upload).where(Upload.id == canonical_id(upload_id)), Upload, caller)
        upload = session.scalar(statement)
        if upload is None:
            raise Problem("upload_not_found", "There is no upload with this id.", status=404, param="upload_id")
        dataset = session.get(Dataset, upload.dataset_id) if upload.dataset_id else None
        parts = _parts(session, upload.id) if upload.status == "pending" else []
        return UploadState(upload, parts, dataset)


def _parts(session: Session, upload_id: str) -> list[UploadPart]:
    statement = select(UploadPart).where(UploadPart.upload_id == upload_id)
    return list(session.scalars(statement.order_by(UploadPart.created_at, UploadPart.id)))


def _expired(upload: Upload, now: Callable[[], datetime] = utc_now) -> bool:
    return upload.status == "pending" and upload.expires_at <= now()


def _require_open(state: UploadState) -> None:
    if state.status == "completed":
        raise (
            Problem(
                "upload_under_way",
                "The parts of this upload are being put together; ask again in a second.",
                status=409,
                details={"retry_after": 1},
            )
            if state.dataset is None
            else _not_open("completed")
        )
    if state.status != "pending":
        raise _not_open(state.status)


def _not_open(status: str) -> Problem:
    return Problem("upload_not_open", f"This upload is {status}; begin another one.", status=409)


def _bounded(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise _part_too_large(limit)
        yield chunk
    if not size:
        raise Problem("empty_part", "The part is empty.", param="data")


def _part_too_large(limit: int) -> Problem:
    return Problem(
        "part_too_large",
        "A part has at most 64 MiB, and all parts together the bytes that were announced.",
        status=413,
        param="data",
        details={"limit_bytes": limit},
    )


def _ordered(state: UploadState, part_ids: Sequence[str]) -> list[str]:
    """The stored files of the parts in this order; raises Problem unless they make up the announced size."""
    known = {part.id: part for part in state.parts}
    if unknown := [part_id for part_id in part_ids if part_id not in known]:
        raise Problem("unknown_part", f"This upload has no part {unknown[0]!r}; send it first.", param="part_ids")
    size = sum(known[part_id].size for part_id in part_ids)
    if size != state.upload.size:
        raise Problem(
            "upload_incomplete",
            f"These parts have {size:,} bytes, and {state.upload.size:,} were announced: send what is missing.",
            param="part_ids",
            details={"size": size, "announced": state.upload.size},
        )
    return [known[part_id].blob for part_id in part_ids]


def _close(services: Services, upload: Upload, status: str) -> None:
    """Raises Problem `upload_not_open` unless it was pending: of two at once, one closes it."""
    if not _set_status(services, upload.id, "pending", status):
        raise _not_open("completed")


def _set_status(services: Services, upload_id: str, before: str, after: str) -> bool:
    closing = update(Upload).where(Upload.id == upload_id, Upload.status == before).values(status=after)
    with services.db.session() as session:
        return session.scalar(closing.returning(Upload.id)) is not None


def _read(blobs: Blobs, key: str) -> Iterator[bytes]:
    with blobs.path(key).open("rb") as file:
        yield from iter(lambda: file.read(_CHUNK), b"")


def _md5(blobs: Blobs, keys: Sequence[str]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for key in keys:
        for chunk in _read(blobs, key):
            digest.update(chunk)
    return digest.hexdigest()


def _taken(blobs: Blobs, keys: Sequence[str]) -> Iterator[bytes]:
    """The bytes of the files, each of which is deleted when it has been read for the last time."""
    last = {key: place for place, key in enumerate(keys)}
    for place, key in enumerate(keys):
        yield from _read(blobs, key)
        if last[key] == place:
            blobs.delete(key)
