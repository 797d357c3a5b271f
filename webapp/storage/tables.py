"""The tables, typed: what every floor above reads and writes."""

import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, aware and in UTC on the way in and out: SQLite on its own would drop the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuses a naive moment (ValueError): nobody knows which one it is."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The same moment, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def new_id() -> str:
    """A random UUID, as text."""
    return str(uuid.uuid4())


class Base(DeclarativeBase):
    """The parent of all tables; constraints are named by rule so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
    }


class Dataset(Base):
    """An uploaded file or a later version of one; `analysis` is the report of datasets.Analysis once there is one.

    An upload has no `root_id`; its later versions name it, the version they were made from, and the `operations` that
    made them, `{"applied": [...], "report": {...}}`. On the upload's row `current_id` names the version that is in use,
    None for the upload itself, and `expires_at` says when all of it is deleted, None for never.
    """

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    owner: Mapped[str | None] = mapped_column(String(255), index=True)
    filename: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    blob: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    analysis: Mapped[dict[str, Any] | None]
    root_id: Mapped[str | None] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), index=True)
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    current_id: Mapped[str | None] = mapped_column(ForeignKey("datasets.id", ondelete="SET NULL"))
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    operations: Mapped[dict[str, Any] | None]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)


class Upload(Base):
    """A file that comes in parts: `size` is what was announced, `dataset_id` what it became.

    It is `completed` from when its parts begin to be put together. Until it is a dataset, it goes at `expires_at`.
    """

    __tablename__ = "uploads"
    __table_args__ = (CheckConstraint("status IN ('pending', 'completed', 'cancelled')", name="status"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    owner: Mapped[str | None] = mapped_column(String(255), index=True)
    filename: Mapped[str] = mapped_column(Text)
    mime_type: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(16), default="pending")
    dataset_id: Mapped[str | None] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class UploadPart(Base):
    """One part of such a file, in a blob of its own until the file is put together."""

    __tablename__ = "upload_parts"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id", ondelete="CASCADE"), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    blob: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Notebook(Base):
    """A rendered notebook and the configuration it was made from.

    `gpu` is the card it was planned for, `colab_gpu` the one it asks Colab for. `data_blob` is the file of its rows,
    None when it carries them; `encrypted` says whether its key opens them.
    """

    __tablename__ = "notebooks"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    owner: Mapped[str | None] = mapped_column(String(255), index=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), index=True)
    model_id: Mapped[str] = mapped_column(String(255))
    config: Mapped[dict[str, Any]]
    gpu: Mapped[str] = mapped_column(String(64), default="t4", server_default="t4")
    colab_gpu: Mapped[str] = mapped_column(String(64), default="T4", server_default="T4")
    blob: Mapped[str] = mapped_column(Text)
    filename: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    data_blob: Mapped[str | None] = mapped_column(Text)
    encrypted: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class DataLink(Base):
    """A link to a file of rows that some notebook fetches; of its token only the SHA-256 is kept."""

    __tablename__ = "data_links"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    owner: Mapped[str | None] = mapped_column(String(255), index=True)
    notebook_id: Mapped[str] = mapped_column(ForeignKey("notebooks.id", ondelete="CASCADE"), index=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    blob: Mapped[str] = mapped_column(Text)
    filename: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Job(Base):
    """One piece of long work: who asked, where it stands, what came of it.

    `attempt` rises with every claim and fences the writes of earlier ones; `deaths` counts those that ended
    without a word; an attempt may take `timeout_seconds`, None for any time; `error` is
    `{code, message, status, param, details}`. While an attempt runs, `pid` is its process and `pid_started` that
    process's start in seconds since 1970, `device` the one GPU that it holds, "host:index"; `remote` is what it goes by
    elsewhere: a Colab session, a Ray submission.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(
            "status IN ('created', 'queued', 'running', 'completed', 'failed', 'cancelled')", name="status"
        ),
        Index(None, "status", "created_at"),
        Index(None, "status", "lease_until"),
        Index(None, "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(32))
    executor: Mapped[str] = mapped_column(String(16), default="local", server_default="local")
    owner: Mapped[str | None] = mapped_column(String(255), index=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), index=True)
    notebook_id: Mapped[str | None] = mapped_column(ForeignKey("notebooks.id", ondelete="CASCADE"), index=True)
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    name: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    timeout_seconds: Mapped[float | None] = mapped_column(Double)
    status: Mapped[str] = mapped_column(String(16), default="queued")
    attempt: Mapped[int] = mapped_column(default=0)
    deaths: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(255))
    lease_until: Mapped[datetime | None]
    pid: Mapped[int | None]
    pid_started: Mapped[float | None] = mapped_column(Double)
    device: Mapped[str | None] = mapped_column(String(255), index=True, unique=True)
    remote: Mapped[str | None] = mapped_column(Text)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    progress: Mapped[float] = mapped_column(default=0.0)
    message: Mapped[str] = mapped_column(Text, default="")
    result: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class JobEvent(Base):
    """One line of a job's story; `seq` only ever rises, so that a reader can go on where it stopped.

    An event with a `key` is kept once, however often it is told.
    """

    __tablename__ = "job_events"
    __table_args__ = (
        Index(None, "job_id", "seq"),
        Index(None, "job_id", "key", unique=True),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=utc_now)
    type: Mapped[str] = mapped_column(String(32))
    key: Mapped[str | None] = mapped_column(String(120))
    data: Mapped[dict[str, Any]]


class StreamTicket(Base):
    """Lets one stream of one job be opened once, for whoever asked for it; of the ticket only the SHA-256 is kept."""

    __tablename__ = "stream_tickets"

    ticket_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    owner: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[datetime]


class Measurement(Base):
    """What a finished run was predicted to take, and what it took: seconds of training steps, bytes at the peak.

    Of no owner: it says nothing of anyone's data. `miniature` marks dry runs, whose prediction is made for the
    miniature; `measured_bytes` is None where nothing counts a peak, as on a CPU.
    """

    __tablename__ = "measurements"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), unique=True)
    model_id: Mapped[str] = mapped_column(String(255))
    method: Mapped[str] = mapped_column(String(16))
    gpu: Mapped[str] = mapped_column(String(255))
    miniature: Mapped[bool]
    predicted_seconds: Mapped[float]
    measured_seconds: Mapped[float]
    predicted_bytes: Mapped[int] = mapped_column(BigInteger)
    measured_bytes: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
