"""A file that comes in parts, as OpenAI's Uploads API has it: begun, its parts, put together or called off."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.accounts import Caller, reachable
from webapp.errors import Problem
from webapp.jobs.events import storable
from webapp.storage.tables import Dataset, Upload, UploadPart, new_id, utc_now
from webapp.workflow import quotas
from webapp.workflow.account import hold_account
from webapp.workflow.lookup import canonical_id
from webapp.workflow.services import Services
from webapp.workflow.upload_states import JOINING, PENDING, change_upload, leased
from webapp.workflow.uploads import clean_filename

PART_BYTES = 64 * 1024 * 1024
# From its beginning, as OpenAI has it, and here from each part as well: slow lines take longer for a large file.
LIFETIME = timedelta(hours=1)


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
    require_open(state)
    upload = state.upload
    folder = upload_folder(upload.id)
    try:
        stored = services.blobs.add(folder, _bounded(chunks, min(PART_BYTES, upload.size)))
    except FileNotFoundError:  # the folder has gone meanwhile: the upload was called off, or deleted with its owner
        require_open(upload_state(services, caller, upload_id))
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
    raise not_open(held.status if held else "cancelled")


def cancel_upload(services: Services, caller: Caller, upload_id: str) -> UploadState:
    """Calls the upload off and deletes its parts; again is fine.

    Raises Problem `upload_not_found`, or `upload_not_open` (409) when it has been completed.
    """
    found_id = upload_state(services, caller, upload_id).upload.id
    with services.db.session() as session:
        change_upload(session, found_id, PENDING | (JOINING & ~leased()), status="cancelled")
    state = upload_state(services, caller, upload_id)
    if state.status != "cancelled":
        raise not_open(state.status)
    services.blobs.delete(f"{upload_folder(found_id)}/")
    return state


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
    return upload.status != "cancelled" and upload.dataset_id is None and upload.expires_at <= now()


def require_open(state: UploadState) -> None:
    """Raises Problem `upload_under_way` or `upload_not_open` (409) unless the upload waits for parts."""
    if state.status == "completed":
        raise (
            Problem(
                "upload_under_way",
                "The parts of this upload are being put together; ask again in a second.",
                status=409,
                details={"retry_after": 1},
            )
            if state.dataset is None
            else not_open("completed")
        )
    if state.status != "pending":
        raise not_open(state.status)


def not_open(status: str) -> Problem:
    """The Problem of an upload that is over."""
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
