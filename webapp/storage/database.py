"""The database: one pool per process, short transactions, on SQLite or PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.storage.engine import database_url, open_engine, reading_options
from webapp.storage.problems import database_errors, file_errors


class Database:
    """One connection pool; make it in the process that uses it, share it between that process's threads.

    Raises Problem `postgres_not_installed`. Sessions raise Problem `storage_unavailable`, `disk_full` or `read_only`
    when the database itself fails.
    """

    def __init__(self, url: str) -> None:
        self.url = database_url(url)
        self.engine = open_engine(self.url)
        self._reading = self.engine.execution_options(**reading_options(self.url))

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One short transaction that writes: on disk when the block has ended, rolled back on an error.

        On SQLite it holds the one write lock from its first statement on. Objects stay readable afterwards.
        """
        with database_errors(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view that waits for no writer; a write in it is an error."""
        with database_errors(), Session(self._reading, expire_on_commit=False) as session:
            yield session

    def migrate(self) -> None:
        """Makes the tables or brings them up to date; safe when several processes start at once."""
        # Imported here: only the process that starts first needs Alembic, children of the supervisor do not.
        from webapp.storage.migrate import upgrade

        with database_errors(), file_errors():
            upgrade(self.url)

    def close(self) -> None:
        """Closes every idle connection."""
        self.engine.dispose()


def hold_name(session: Session, name: str) -> None:
    """Keeps other sessions that hold this name waiting until this one ends; SQLite has one writer at a time anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
