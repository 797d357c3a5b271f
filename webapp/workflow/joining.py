"""The parts of an upload become a dataset: by one request, once, or not at all.

Each part goes once it is copied, so that no second copy of the file is ever there; what a killed server had begun can
therefore not be gone on with. While it is at work the upload is leased, by its `expires_at`: when nobody renews that,
it has expired like one that nobody completes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta

from webapp.accounts import Caller
from webapp.errors import Problem
from webapp.storage import Blobs
from webapp.storage.tables import Upload, utc_now
from webapp.workflow.parts import UploadState, not_open, require_open, upload_folder, upload_state
from webapp.workflow.quotas import keep_within
from webapp.workflow.services import Services
from webapp.workflow.upload_states import JOINING, PENDING, change_upload
from webapp.workflow.uploads import new_dataset, start_analysis

# Renewed while bytes come; enough for what follows the last of them, as their way to a Storage elsewhere.
LEASE = timedelta(minutes=10)
_CHUNK = 1024 * 1024


def complete_upload(
    services: Services, caller: Caller, upload_id: str, part_ids: Sequence[str], md5: str | None
) -> UploadState:
    """Puts the parts together in the order given, as a dataset whose analysis is ordered; again is fine.

    Raises Problem `upload_not_found`, `upload_not_open` or `upload_under_way` (409), `unknown_part`,
    `upload_incomplete`, `wrong_checksum`, or those of a file that cannot be kept: then the upload is over.
    """
    state = _open_or_done(services, caller, upload_id)
    if state.dataset is not None:
        return state
    upload, blobs = state.upload, _ordered(state, part_ids)
    with suppress(FileNotFoundError):  # another request has begun to take them, and then has the lease
        if md5 is not None and _md5(services.blobs, blobs) != md5.lower():
            raise Problem("wrong_checksum", "The parts do not have this MD5 sum: send the file again.", param="md5")
    if not _lease(services, upload):
        return _open_or_done(services, caller, upload_id)
    try:
        content = _renewing(services, upload, _taken(services.blobs, blobs))
        with new_dataset(services, caller, upload.filename, content) as (session, dataset):
            if not change_upload(session, upload.id, JOINING, dataset_id=dataset.id):
                raise not_open("cancelled")
            keep_within(services, session, caller, dataset.size)  # which counted with the upload until now
            start_analysis(session, dataset)
    except BaseException as error:
        _give_up(services, upload)
        if isinstance(error, FileNotFoundError):  # the parts have been deleted, with the upload or its owner
            require_open(upload_state(services, caller, upload_id))
        raise
    services.blobs.delete(f"{upload_folder(upload.id)}/")
    return upload_state(services, caller, upload_id)


def _open_or_done(services: Services, caller: Caller, upload_id: str) -> UploadState:
    """The upload while it waits for parts, or once it is a dataset; raises Problem as `require_open` otherwise."""
    state = upload_state(services, caller, upload_id)
    if state.dataset is None:
        require_open(state)
    return state


def _lease(services: Services, upload: Upload) -> bool:
    """Closes the upload; False when another request has."""
    with services.db.session() as session:
        return change_upload(session, upload.id, PENDING, status="completed", expires_at=utc_now() + LEASE)


def _renewing(services: Services, upload: Upload, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same chunks; as long as they come, the lease does not end."""
    renewed = utc_now()
    for chunk in chunks:
        yield chunk
        if utc_now() > renewed + LEASE / 2:
            renewed = utc_now()
            with services.db.session() as session:
                change_upload(session, upload.id, JOINING, expires_at=renewed + LEASE)


def _give_up(services: Services, upload: Upload) -> None:
    """Ends an upload that could not be put together; what fails here, the end of its lease does."""
    with suppress(Problem, OSError):
        services.blobs.delete(f"{upload_folder(upload.id)}/")  # first: it makes room on a full disk
    with suppress(Problem), services.db.session() as session:
        change_upload(session, upload.id, JOINING, status="cancelled")


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
