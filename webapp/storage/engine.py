"""Opens a database with this project's rules: durable, waiting for locks but not for ever, foreign keys on."""

import json
import os
import weakref
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url

from webapp.errors import Problem

# An SQLite engine with this execution option opens read-only transactions.
READING = "tunebook_reading"
_BUSY_SECONDS = 30.0
# Both are the names of PostgreSQL in the addresses that its own programs and its hosts give.
_POSTGRESQL = ("postgresql", "postgres")
_POSTGRESQL_OPTIONS = {
    "connect_timeout": 10,
    # A server whose machine is gone says nothing: without these a request would wait for a quarter of an hour.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    # A pooler in transaction mode knows nothing of what another connection has prepared.
    "prepare_threshold": None,
}


def database_url(text: str) -> URL:
    """The URL of a database as people are given it: `postgres://` and `postgresql://` are spoken by psycopg 3."""
    url = make_url(text)
    return url.set(drivername="postgresql+psycopg") if url.drivername in _POSTGRESQL else url


def reading_options(url: URL) -> dict[str, Any]:
    """The execution options of transactions that only read, and see one moment in all their statements."""
    if url.get_backend_name() == "sqlite":
        return {READING: True}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def open_engine(url: URL, *, foreign_keys: bool = True, **options: Any) -> Engine:
    """A connection pool that is safe across threads and forks; `options` go to SQLAlchemy's create_engine."""
    # NaN and infinity are no JSON: PostgreSQL refuses them, SQLite would break later queries.
    options["json_serializer"] = partial(json.dumps, allow_nan=False)
    # They hold people's data, and an error is logged.
    options["hide_parameters"] = True
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, **options)
        _obey_sqlite_rules(engine, foreign_keys)
    else:
        engine = _open_postgresql(url, **options)
    _close_before_fork(engine)
    return engine


def _open_postgresql(url: URL, **options: Any) -> Engine:
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args=_POSTGRESQL_OPTIONS, **options)
    except ModuleNotFoundError as error:
        raise Problem(
            "postgres_not_installed",
            "DATABASE_URL names a PostgreSQL database, and its driver is missing: pip install 'tunebook[postgres]'",
            status=501,
        ) from error

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.execute(f"SET lock_timeout = '{_BUSY_SECONDS:g}s'")
        connection.commit()

    return engine


def _obey_sqlite_rules(engine: Engine, foreign_keys: bool) -> None:
    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing on its own: `begin` does
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # in WAL, NORMAL loses acknowledged commits in a power cut
        connection.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(READING, False)
        connection.exec_driver_sql(f"PRAGMA query_only = {int(reading)}")
        # The write lock at once: SQLite refuses, without waiting, to turn an old view into a writer.
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _close_before_fork(engine: Engine) -> None:
    """Closes idle connections before a fork: an SQLite file open on both sides loses what one writes."""
    reference = weakref.ref(engine)

    def close() -> None:
        if (inherited := reference()) is not None:
            inherited.dispose()

    os.register_at_fork(before=close)
