"""What people may want to know of later: sign-ins, keys, deletions, downloads of data."""

from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.accounts.callers import Caller
from webapp.storage.people import AuditEvent

Action = Literal[
    "signed_up",
    "signed_in",
    "sign_in_failed",
    "signed_out",
    "token_reused",
    "key_made",
    "key_revoked",
    "claimed",
    "deleted",
    "downloaded",
    "expired",
]


def record(session: Session, caller: Caller, action: Action, subject: str | None = None, **details: Any) -> None:
    """Writes down that the caller did this to `subject`; kept when the session commits."""
    session.add(
        AuditEvent(owner=caller.id, action=action, subject=subject, details=details, address=caller.address[:64])
    )


def entries(session: Session, caller: Caller, limit: int, before: int | None = None) -> list[AuditEvent]:
    """What the caller did, newest first; `before` an id goes on behind an earlier page."""
    if not caller.signed_in:
        return []
    statement = select(AuditEvent).where(AuditEvent.owner == caller.id) if not caller.local else select(AuditEvent)
    if before is not None:
        statement = statement.where(AuditEvent.id < before)
    return list(session.scalars(statement.order_by(AuditEvent.id.desc()).limit(limit)))
