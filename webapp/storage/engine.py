"""Opens a database with this project's rules for SQLite: durable, waiting for locks, foreign keys on."""

import json
import os
import weakref
from functools import partial
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

# An engine with this execution option opens read-only transactions.
READING = "tunebook_reading"
_BUSY_SECONDS = 30.0


def open_engine(url: URL, *, foreign_keys: bool = True, **options: Any) -> Engine:
    """A connection pool that is safe across threads and forks; `options` go to SQLAlchemy's create_engine."""
    # NaN and infinity are no JSON: PostgreSQL refuses them, SQLite would break later queries.
    options["json_serializer"] = partial(json.dumps, allow_nan=False)
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, **options)
        _obey_sqlite_rules(engine, foreign_keys)
    else:
        engine = create_engine(url, pool_pre_ping=True, **options)
    _close_before_fork(engine)
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
