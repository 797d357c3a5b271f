"""What people see and keep of themselves: profile, usage, API keys, and what was written down."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.accounts import PERMISSIONS, Caller, Permission, Tier, audit, keys, owned
from webapp.accounts.keys import NewKey
from webapp.errors import Problem
from webapp.storage.database import hold_name
from webapp.storage.people import Account, ApiKey, AuditEvent
from webapp.storage.tables import Dataset, Job
from webapp.workflow.lookup import canonical_id
from webapp.workflow.services import Services


@dataclass(frozen=True)
class Usage:
    """What someone has here: uploads, the bytes of these and of all versions, jobs that wait or run."""

    datasets: int
    bytes_stored: int
    jobs_running: int


@dataclass(frozen=True)
class Profile:
    """Who someone is; `id`, `email` and `created_at` are None where they are not known."""

    id: str | None
    email: str | None
    name: str
    tier: Tier
    permissions: list[Permission]
    created_at: datetime | None
    usage: Usage


@dataclass(frozen=True)
class AuditPage:
    """Some of what was written down, newest first; `next` is the `before` of the page that follows, None at the end."""

    events: list[AuditEvent]
    next: int | None


def profile(services: Services, caller: Caller) -> Profile:
    """Raises Problem `sign_in_required` (401)."""
    caller.require_sign_in()
    with services.db.reading() as session:
        # Whose key it is says their account, where it is kept here.
        account = session.get(Account, caller.id) if caller.id else None
        return Profile(
            id=caller.id,
            email=(account.email if account else caller.email) or None,
            name=(account.name or account.email) if account else caller.name,
            tier=caller.tier,
            permissions=[permission for permission in PERMISSIONS if permission in caller.permissions],
            created_at=account.created_at if account else None,
            usage=_usage(session, caller),
        )


def hold_account(services: Services, session: Session, caller: Caller) -> None:
    """Keeps an account of here from being deleted until the session ends: what it owned then, nobody could reach.

    Raises Problem `invalid_token` (401) when it has been. A Supabase project's accounts are not known here.
    """
    if services.settings.auth != "local" or caller.local or not caller.signed_in:
        return
    hold_name(session, caller.id or "")
    if session.get(Account, caller.id) is None:
        raise Problem("invalid_token", "This account has been deleted.", status=401)


def make_key(
    services: Services, caller: Caller, name: str, permissions: Iterable[Permission], expires_days: int | None
) -> NewKey:
    """A new API key; raises Problem `no_accounts`, `permission_missing`, `too_many_keys`, or that of `hold_account`."""
    _ = services.accounts
    with services.db.session() as session:
        hold_account(services, session, caller)
        return keys.make_key(session, caller, name, permissions, expires_days)


def api_keys(services: Services, caller: Caller) -> list[ApiKey]:
    """The caller's API keys, newest first; raises Problem `no_accounts`."""
    _ = services.accounts
    with services.db.reading() as session:
        return keys.keys_of(session, caller)


def revoke_key(services: Services, caller: Caller, key_id: str) -> None:
    """Ends an API key at once; raises Problem `no_accounts` or `key_not_found`."""
    _ = services.accounts
    with services.db.session() as session:
        keys.revoke_key(session, caller, canonical_id(key_id))


def audit_page(services: Services, caller: Caller, limit: int, before: int | None = None) -> AuditPage:
    """What the caller did, newest first, from behind the event `before`; of the local person what anyone did."""
    with services.db.reading() as session:
        found = audit.entries(session, caller, limit + 1, before)
    shown = found[:limit]
    return AuditPage(shown, shown[-1].id if len(found) > limit else None)


def _usage(session: Session, caller: Caller) -> Usage:
    uploads = func.count(Dataset.id).filter(Dataset.root_id.is_(None))
    held = owned(select(uploads, func.coalesce(func.sum(Dataset.size), 0)), Dataset, caller)
    busy = owned(select(func.count(Job.id)).where(Job.status.in_(("queued", "running"))), Job, caller)
    datasets, size = session.execute(held).one()
    return Usage(datasets, int(size), session.scalar(busy) or 0)
