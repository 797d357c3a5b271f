"""How much each person may keep and have done at once; none of it holds for a `local` caller."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.accounts import VISITORS, Caller
from webapp.errors import Problem
from webapp.jobs.states import ELSEWHERE
from webapp.storage.database import hold_name
from webapp.storage.tables import Dataset, Job, Upload
from webapp.workflow.services import Services
from webapp.workflow.upload_states import PENDING, leased

_AGAIN_SECONDS = 10


@dataclass(frozen=True)
class Limits:
    """What someone may have here: bytes of datasets, jobs that wait or run, requests a minute; None without limit."""

    bytes_stored: int | None = None
    jobs: int | None = None
    requests_a_minute: int | None = None


@dataclass(frozen=True)
class Room:
    """What may still come in: a file of `file` bytes, and of `stored` bytes for all together, None without limit."""

    file: int | None
    stored: int | None = None
    used: int = 0

    def require(self, size: int) -> None:
        """Raises Problem `file_too_large` or `storage_quota_exceeded` (413) when so many bytes are too many."""
        if self.file is not None and size > self.file:
            raise file_too_large(self.file)
        if self.stored is not None and self.used + size > self.stored:
            raise Problem(
                "storage_quota_exceeded",
                f"Your datasets take {self.used / 2**20:,.4g} of the {self.stored / 2**20:,.4g} MiB that you may keep "
                "here, and this file does not fit into the rest. Delete a dataset that you no longer need.",
                status=413,
                param="file",
                details={"used": self.used, "limit": self.stored},
            )

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks as long as there is room for them; raises as `require`."""
        size = 0
        for chunk in chunks:
            size += len(chunk)
            self.require(size)
            yield chunk


def limits(services: Services, caller: Caller) -> Limits:
    """The limits that hold for the caller."""
    if caller.local:
        return Limits()
    settings = services.settings
    return Limits(
        settings.max_stored_bytes if _counts(caller) else None,
        settings.max_jobs,
        settings.rate_pro if caller.tier == "pro" else settings.rate_free,
    )


def room(services: Services, caller: Caller) -> Room:
    """The room that the caller has left. Visitors own all they upload together: each of their files stands alone."""
    settings = services.settings
    if not _counts(caller):
        return Room(settings.max_upload_bytes)
    with services.db.reading() as session:
        return Room(settings.max_upload_bytes, settings.max_stored_bytes, _used(session, caller))


def hold(session: Session, caller: Caller) -> None:
    """Keeps others who would take the caller's room or places waiting until the session ends.

    Before any row is held: else two sessions could wait for each other.
    """
    hold_name(session, caller.id or VISITORS)


def keep_within(services: Services, session: Session, caller: Caller, size: int) -> None:
    """Raises Problem `storage_quota_exceeded` (413) when `size` bytes just added in the session are too many after all.

    What came in at the same time was not seen when `room` was asked.
    """
    if _counts(caller):
        hold(session, caller)
        used = _used(session, caller) - size
        Room(None, services.settings.max_stored_bytes, used).require(size)


def _counts(caller: Caller) -> bool:
    return not caller.local and caller.id not in (None, VISITORS)


def _used(session: Session, caller: Caller) -> int:
    """The bytes of datasets, versions too, and of uploads that were announced, until they are one."""
    kept = select(func.sum(Dataset.size)).where(Dataset.owner == caller.id)
    announced = select(func.sum(Upload.size)).where(Upload.owner == caller.id, PENDING | leased())
    return int((session.scalar(kept) or 0) + (session.scalar(announced) or 0))


def require_place(
    services: Services, session: Session, caller: Caller, dataset_id: str, besides: str | None = None
) -> None:
    """Raises Problem `too_many_jobs` (429) when the caller has as many jobs waiting and running as they may.

    `besides` is the id of a job that is not counted, as are those that somebody else's machine does and nobody here
    watches. Visitors are counted by dataset.
    """
    if caller.local:
        return
    hold(session, caller)
    whose = Job.dataset_id == dataset_id if caller.id in (None, VISITORS) else Job.owner == caller.id
    at_work = Job.status.in_(("queued", "running")) & (Job.executor != ELSEWHERE)
    others = select(func.count()).select_from(Job).where(whose, at_work, Job.id != (besides or ""))
    count = session.scalar(others) or 0
    limit = services.settings.max_jobs
    if count >= limit:
        raise Problem(
            "too_many_jobs",
            f"{count} of your jobs wait or run, and {limit} may: wait for one to end, or cancel one.",
            status=429,
            details={"limit": limit, "retry_after": _AGAIN_SECONDS},
        )


def file_too_large(limit: int) -> Problem:
    """The Problem of a file over `limit` bytes."""
    return Problem(
        "file_too_large",
        f"The file is larger than the limit of {limit / 2**20:,.4g} MiB.",
        status=413,
        param="file",
        details={"limit_bytes": limit},
    )
