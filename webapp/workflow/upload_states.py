"""The states of an upload in parts, and the one way to change them: fenced by the state it was in."""

from typing import Any

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from webapp.storage.tables import Upload, utc_now

# pending -> joining -> a dataset; pending or joining -> cancelled. Until it is a dataset, it ends at `expires_at`.
PENDING = Upload.status == "pending"
JOINING = (Upload.status == "completed") & Upload.dataset_id.is_(None)


def leased() -> ColumnElement[bool]:
    """True while the parts are being put together; no longer when the server that did was killed (joining.py)."""
    return JOINING & (Upload.expires_at > utc_now())


def change_upload(session: Session, upload_id: str, where: ColumnElement[bool], **values: Any) -> bool:
    """Whether the upload was as `where` says, and now has the values: of two who change it at once, one does."""
    changing = update(Upload).where(Upload.id == upload_id, where).values(**values)
    return session.scalar(changing.returning(Upload.id)) is not None
