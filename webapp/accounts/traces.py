"""What is kept of a person beside their data: keys, sign-ins, tickets of streams, and what was written down of them."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from webapp.accounts.keys import end_keys
from webapp.errors import Problem
from webapp.storage.database import hold_name
from webapp.storage.people import ApiKey, AuditEvent, SignIn
from webapp.storage.tables import Dataset, StreamTicket


@dataclass(frozen=True)
class Traces:
    """How much of it there is; of a Supabase project's sign-ins none are kept here."""

    api_keys: int
    sign_ins: int
    audit_events: int


def traces(session: Session, owner: str) -> Traces:
    """What is kept of somebody."""

    def count(whose: ColumnElement[bool]) -> int:
        return session.scalar(select(func.count()).where(whose)) or 0

    return Traces(
        api_keys=count(ApiKey.owner == owner),
        sign_ins=count(SignIn.account_id == owner),
        audit_events=count(AuditEvent.owner == owner),
    )


def forget(session: Session, owner: str) -> None:
    """Deletes all of it; raises Problem `account_owns_data` (409) while they have datasets.

    Their name is held, so that what they upload meanwhile is there before this looks, or comes after it.
    """
    hold_name(session, owner)
    datasets = session.scalar(select(func.count()).where(Dataset.owner == owner)) or 0
    if datasets:
        raise Problem(
            "account_owns_data",
            f"This account has {datasets} datasets, and nobody could reach them any more: have them deleted first.",
            status=409,
            details={"datasets": datasets},
        )
    end_keys(session, owner)
    session.execute(delete(SignIn).where(SignIn.account_id == owner))
    session.execute(delete(StreamTicket).where(StreamTicket.owner == owner))
    session.execute(delete(AuditEvent).where(AuditEvent.owner == owner))
