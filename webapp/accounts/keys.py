"""API keys: shown once, kept as a hash, each with what it may do, until it expires or is revoked."""

import secrets
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from webapp.accounts import audit
from webapp.accounts.authentication import Credentials
from webapp.accounts.callers import PERMISSIONS, Caller, Permission, Tier
from webapp.accounts.labels import label
from webapp.errors import Problem
from webapp.storage import Database
from webapp.storage.digests import sha256_of
from webapp.storage.people import ApiKey
from webapp.storage.tables import utc_now

PREFIX = "tb_"
MAX_KEYS = 50
_RANDOM_BYTES = 32
_CHECKSUM_LENGTH = 8
_SHOWN_LENGTH = 11
# A note of each use would make every reading request a writing one.
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class NewKey:
    """A key just made: `text` is the key itself, which nothing tells again."""

    row: ApiKey
    text: str


def make_key(
    session: Session, caller: Caller, name: str, permissions: Iterable[Permission], expires_days: int | None
) -> NewKey:
    """A new key of the caller's, good for some days or, None, until it is revoked.

    Raises Problem `permission_missing` (403) unless the caller is `admin` and has every permission that the key is to
    have, `too_many_keys` (409).
    """
    wanted = set(permissions)
    caller.require("admin")
    for permission in wanted:
        caller.require(permission)
    if (session.scalar(select(func.count()).where(ApiKey.owner == caller.id)) or 0) >= MAX_KEYS:
        raise Problem("too_many_keys", f"You have {MAX_KEYS} API keys: revoke one that is not used.", status=409)
    text = _new_text()
    row = ApiKey(
        owner=caller.id,
        name=label(name, 100) or "API key",
        prefix=text[:_SHOWN_LENGTH],
        key_sha256=sha256_of(text),
        permissions=[permission for permission in PERMISSIONS if permission in wanted],
        tier=caller.tier,
        expires_at=None if expires_days is None else utc_now() + timedelta(days=expires_days),
    )
    session.add(row)
    session.flush()
    audit.record(session, caller, "key_made", row.id, name=row.name, prefix=row.prefix, permissions=row.permissions)
    return NewKey(row, text)


def keys_of(session: Session, caller: Caller) -> list[ApiKey]:
    """The caller's keys, newest first."""
    statement = select(ApiKey).where(ApiKey.owner == caller.id).order_by(ApiKey.created_at.desc(), ApiKey.id)
    return list(session.scalars(statement))


def revoke_key(session: Session, caller: Caller, key_id: str) -> None:
    """Ends a key of the caller's at once; raises Problem `key_not_found` (404)."""
    ended = delete(ApiKey).where(ApiKey.id == key_id, ApiKey.owner == caller.id).returning(ApiKey.name, ApiKey.prefix)
    found = session.execute(ended).first()
    if found is None:
        raise Problem("key_not_found", "You have no API key with this id.", status=404, param="key_id")
    audit.record(session, caller, "key_revoked", key_id, name=found.name, prefix=found.prefix)


def end_keys(session: Session, owner: str) -> None:
    """Ends all keys of somebody at once."""
    session.execute(delete(ApiKey).where(ApiKey.owner == owner))


def shown_key(given: Credentials) -> str:
    """The API key among what a request shows, as a header of its own or as the bearer token; empty without one."""
    return given.api_key or (given.bearer if given.bearer.startswith(PREFIX) else "")


def caller_of_key(db: Database, key: str, address: str) -> Caller:
    """Who shows this key, with what it may do; raises Problem `invalid_key` or `key_expired` (401)."""
    row = None
    if _is_whole(key):
        with db.reading() as session:
            row = session.scalar(select(ApiKey).where(ApiKey.key_sha256 == sha256_of(key)))
    if row is None:
        raise Problem("invalid_key", "This API key is not known; it may have been revoked. Make a new one.", status=401)
    if row.expires_at is not None and row.expires_at <= utc_now():
        raise Problem("key_expired", "This API key has expired; make a new one.", status=401)
    _note_use(db, row)
    permissions = frozenset(permission for permission in PERMISSIONS if permission in row.permissions)
    tier = cast("Tier", row.tier)
    return Caller(row.owner, permissions=permissions, tier=tier, name=row.name, address=address, by_key=True)


def _note_use(db: Database, row: ApiKey) -> None:
    now = utc_now()
    if row.last_used_at is not None and now - row.last_used_at < _NOTED_EVERY:
        return
    stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - _NOTED_EVERY)
    # A store that is busy or full is no reason to refuse someone who only reads.
    with suppress(Problem), db.session() as session:
        session.execute(update(ApiKey).where(ApiKey.id == row.id, stale).values(last_used_at=now))


def _new_text() -> str:
    body = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    return body + _checksum(body)


def _is_whole(key: str) -> bool:
    """Whether the key ends with its own checksum, by which those who scan for lost secrets know it, too."""
    body, checksum = key[:-_CHECKSUM_LENGTH], key[-_CHECKSUM_LENGTH:]
    return key.isascii() and body.startswith(PREFIX) and checksum == _checksum(body)


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
