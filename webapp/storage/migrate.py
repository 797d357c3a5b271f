"""Brings a database to the newest tables with the migrations that travel in this package."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection
from sqlalchemy.pool import NullPool

from webapp.storage.engine import open_engine
from webapp.storage.files import make_folder
from webapp.storage.problems import storage_unavailable

# Any number, as long as it is the same in every version: the name of the lock on PostgreSQL.
_LOCK = 0x7475_6E65


def upgrade(url: URL) -> None:
    """Runs every migration that is still missing, all in one transaction, one process at a time."""
    # Changing an SQLite table copies it and drops the old one: foreign keys would take its children along.
    engine = open_engine(url, foreign_keys=False, poolclass=NullPool)
    try:
        with _one_at_a_time(url), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            _run(connection)
            if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise RuntimeError("a migration left rows that point nowhere")
    finally:
        engine.dispose()


def _run(connection: Connection) -> None:
    config = Config()
    scripts = Path(__file__).with_name("migrations")
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise storage_unavailable(f"its tables are not from this version of Tunebook ({error})") from error


@contextmanager
def _one_at_a_time(url: URL) -> Iterator[None]:
    """Locks a file beside an SQLite database: two first starts would fight over switching it to WAL."""
    if url.get_backend_name() != "sqlite" or not url.database:
        yield
        return
    database = Path(url.database)
    make_folder(database.absolute().parent)
    with database.with_name(f"{database.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # SQLite would let everybody read it, and gives the files beside it the same mode.
        os.close(os.open(database, os.O_WRONLY | os.O_CREAT, 0o600))
        yield
