"""The tables of those who ask: accounts, what they sign in with, and what they did."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.storage.tables import Base, new_id, utc_now


class Account(Base):
    """A person who signs in here; `id` is the `owner` of what they make, `email` is in lower case."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    tier: Mapped[str] = mapped_column(String(16), default="free")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class SignIn(Base):
    """One sign-in of an account, from a browser or a program, until it expires or signs out."""

    __tablename__ = "sign_ins"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class RefreshToken(Base):
    """Continues a sign-in, once; of the token only the SHA-256 is kept. A used one that comes again was stolen."""

    __tablename__ = "refresh_tokens"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    sign_in_id: Mapped[str] = mapped_column(ForeignKey("sign_ins.id", ondelete="CASCADE"), index=True)
    used_at: Mapped[datetime | None]


class ApiKey(Base):
    """A program's key: it may do what `permissions` name in the place of `owner`; only its SHA-256 is kept.

    `prefix` is how the key begins, for people to tell theirs apart; `tier` is its owner's.
    """

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    owner: Mapped[str] = mapped_column(String(255), index=True)
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(String(16))
    key_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    permissions: Mapped[list[str]] = mapped_column(JSON)
    tier: Mapped[str] = mapped_column(String(16), default="free")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class AuditEvent(Base):
    """Something that a person may want to know of later: who did what to what, when, from which address."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "owner", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    owner: Mapped[str | None] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(default=utc_now)
    action: Mapped[str] = mapped_column(String(48))
    subject: Mapped[str | None] = mapped_column(Text)
    details: Mapped[dict[str, Any]]
    address: Mapped[str] = mapped_column(String(64))
