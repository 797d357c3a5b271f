"""Links to the files of rows that notebooks fetch: unguessable, they expire, and can be revoked."""

import secrets
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from webapp.accounts import Caller, reachable
from webapp.errors import Problem
from webapp.storage.digests import sha256_of
from webapp.storage.tables import DataLink, Notebook, utc_now
from webapp.workflow.lookup import find_notebook
from webapp.workflow.services import Services


def new_link(services: Services, notebook: Notebook, blob: str, filename: str) -> tuple[DataLink, str]:
    """A link to a stored file, still to be added to the database, and its address under TUNEBOOK_PUBLIC_URL.

    The token is in the address only; who reads the database cannot make the address of it.
    """
    token = secrets.token_urlsafe(32)
    link = DataLink(
        owner=notebook.owner,
        notebook_id=notebook.id,
        token_sha256=sha256_of(token),
        blob=blob,
        filename=filename,
        expires_at=utc_now() + timedelta(seconds=services.settings.link_seconds),
    )
    public = (services.settings.public_url or "").rstrip("/")
    return link, f"{public}/data/{token}/{quote(filename)}"


def linked_file(services: Services, token: str, filename: str) -> Path:
    """The file behind a link; raises Problem `invalid_link` (404), `link_expired` or `link_revoked` (410)."""
    with services.db.reading() as session:
        link = session.scalar(select(DataLink).where(DataLink.token_sha256 == sha256_of(token)))
    if link is None or link.filename != filename:
        raise Problem("invalid_link", "This link is not valid.", status=404)
    if link.revoked_at:
        raise Problem("link_revoked", "This link was revoked. Make the notebook again for a new one.", status=410)
    if link.expires_at <= utc_now():
        raise Problem("link_expired", "This link has expired. Make the notebook again for a new one.", status=410)
    if not services.blobs.exists(link.blob):
        raise Problem("invalid_link", "The rows behind this link are gone.", status=404)
    return services.blobs.path(link.blob)


def link_works(services: Services, address: str) -> bool:
    """Whether an address that `new_link` made still gives its file."""
    token, filename = address.rsplit("/", 2)[1:]
    try:
        linked_file(services, token, unquote(filename))
    except Problem:
        return False
    return True


def data_links(services: Services, caller: Caller, notebook_id: str) -> list[DataLink]:
    """The links of a notebook that still work, oldest first; raises Problem `notebook_not_found`."""
    with services.db.reading() as session:
        notebook = find_notebook(session, caller, notebook_id)
        statement = _links(notebook.id).where(_live()).order_by(DataLink.created_at, DataLink.id)
        return list(session.scalars(reachable(statement, DataLink, caller)))


def revoke_link(services: Services, caller: Caller, notebook_id: str, link_id: str) -> None:
    """Ends a link at once; again is fine. Raises Problem `notebook_not_found` or `link_not_found`."""
    with services.db.session() as session:
        link = _find_link(session, caller, notebook_id, link_id)
        link.revoked_at = link.revoked_at or utc_now()


def _find_link(session: Session, caller: Caller, notebook_id: str, link_id: str) -> DataLink:
    notebook = find_notebook(session, caller, notebook_id)
    link = session.scalar(reachable(_links(notebook.id).where(DataLink.id == link_id), DataLink, caller))
    if link is None:
        raise Problem("link_not_found", "This notebook has no such link.", status=404, param="link_id")
    return link


def _links(notebook_id: str) -> Select[DataLink]:
    return select(DataLink).where(DataLink.notebook_id == notebook_id)


def _live() -> ColumnElement[bool]:
    return DataLink.revoked_at.is_(None) & (DataLink.expires_at > utc_now())
