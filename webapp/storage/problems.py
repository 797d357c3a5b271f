"""Turns a failing disk or database into the one error people see."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from webapp.errors import Problem

_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_BROKEN = {errno.EIO, errno.EMFILE, errno.ENFILE}

# SQLite's primary result codes: https://www.sqlite.org/rescode.html
_SQLITE_READONLY, _SQLITE_FULL = 8, 13
# PostgreSQL's: https://www.postgresql.org/docs/current/errcodes-appendix.html
_PG_READONLY, _PG_FULL = "25006", "53100"


def disk_full() -> Problem:
    """The store cannot grow."""
    return Problem("disk_full", "The disk that holds TUNEBOOK_HOME is full. Free some space and try again.", status=503)


def read_only() -> Problem:
    """The store cannot be changed."""
    return Problem("read_only", "TUNEBOOK_HOME cannot be written. Check its permissions and its disk.", status=500)


def storage_unavailable(reason: object) -> Problem:
    """The store cannot be reached at all; `reason` is the system's own short text."""
    return Problem("storage_unavailable", f"The store cannot be used right now: {reason}.", status=503)


def file_problem(error: OSError) -> Problem | None:
    """What a failed write to the store means, or None when the error says nothing about the store."""
    if error.errno in _FULL:
        return disk_full()
    if error.errno in _READ_ONLY:
        return read_only()
    return storage_unavailable(error.strerror) if error.errno in _BROKEN else None


def database_problem(error: DBAPIError) -> Problem:
    """What a database error means; never its SQL, which may hold people's data."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    state = getattr(error.orig, "sqlstate", None)
    if code == _SQLITE_FULL:
        return disk_full()
    if code == _SQLITE_READONLY:
        return read_only()
    if state == _PG_FULL:
        return Problem("disk_full", "The disk of the database is full. Free some space and try again.", status=503)
    if state == _PG_READONLY:
        return Problem("read_only", "The database takes no changes: it is read-only.", status=500)
    return storage_unavailable(_first_line(error.orig))


def _first_line(reason: object) -> str:
    """What went wrong, without the advice and the positions in an SQL text that PostgreSQL adds."""
    return (str(reason).strip().splitlines() or ["it gave no reason"])[0].rstrip(".")


@contextmanager
def file_errors() -> Iterator[None]:
    """Raises Problem for a full, read-only or failing disk; lets every other error pass."""
    try:
        yield
    except OSError as error:
        problem = file_problem(error)
        if problem is None:
            raise
        raise problem from error


@contextmanager
def database_errors() -> Iterator[None]:
    """Raises Problem when the database is away, locked, full or read-only; lets every other error pass."""
    try:
        yield
    except (OperationalError, InterfaceError, InternalError) as error:
        raise database_problem(error) from error
    except PoolTimeout as error:
        raise storage_unavailable("too many requests wait for the database") from error
