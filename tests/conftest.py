"""The application in this process with a store of its own, and the real server as another process."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from tests.databases import KINDS
from webapp import create_app
from webapp.accounts import passwords
from webapp.jobs import claim, run_child
from webapp.settings import Settings
from webapp.storage import Database
from webapp.workflow import Services, open_services
from webapp.workflow.kinds import job_kinds

if TYPE_CHECKING:
    from tests.postgres import Postgres

SERVE = "from webapp.server import serve; from webapp.settings import Settings; serve(Settings(), '127.0.0.1', {port})"
# API keys, JSON web tokens, signed links, tickets, whatever came as a bearer token.
SECRETS = re.compile(
    r"\btb_[A-Za-z0-9_-]{16,}|\beyJ[\w-]{6,}\.[\w-]{4,}|\b\d{10}\.[\w-]{43}|ticket=[\w-]{8,}|Bearer [\w.-]{8,}"
)
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def conversation(number: int) -> dict[str, Any]:
    """A small valid example, different for each number."""
    return {
        "messages": [
            {"role": "user", "content": f"What is {number} and {number}?"},
            {"role": "assistant", "content": f"{number} and {number} make {2 * number}."},
        ]
    }


def until(
    holds: Callable[[], Any],
    seconds: float = 10,
    pause: float = 0.02,
    words: Callable[[], str] = lambda: "waited too long",
) -> Any:
    """What `holds` answers once that is true, asked again and again; `words` say why it was waited in vain."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, words()
        time.sleep(pause)
    return found


def started_with(word: str, pid: int | None = None) -> list[psutil.Process]:
    """The descendants of a process (of this one) that live and have the word in their command line."""
    found = psutil.Process(pid).children(recursive=True)
    # Of one that has ended and was not waited for the system tells no command line.
    return [child for child in found if word in " ".join(child.as_dict(["cmdline"], ad_value=[])["cmdline"])]


def jsonl(count: int) -> bytes:
    """A valid file of `count` lines."""
    return b"".join(json.dumps(conversation(number)).encode() + b"\n" for number in range(count))


@pytest.fixture(scope="session")
def postgres() -> Iterator["Postgres"]:
    """A PostgreSQL server of this process's own, started for the first test that asks for it."""
    from tests.postgres import Postgres

    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with all tables and no rows, to be copied: migrations take longer than most tests."""
    path = tmp_path_factory.mktemp("sqlite") / "tunebook.db"
    db = Database(f"sqlite:///{path}")
    db.migrate()
    db.close()
    return path


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database that the test runs on."""
    return request.param


@pytest.fixture
def database_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database with all tables and no rows."""
    if database == "sqlite":
        path = tmp_path / "tunebook.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgres")
    url = server.fresh()
    yield url
    server.drop(url)


@pytest.fixture
def empty_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables; the folder of an SQLite file is still to be made."""
    if database == "sqlite":
        yield f"sqlite:///{tmp_path / 'home' / 'tunebook.db'}"
        return
    server = request.getfixturevalue("postgres")
    url = server.fresh(migrated=False)
    yield url
    server.drop(url)


@pytest.fixture
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """argon2id with parameters that take no time: for tests whose subject is something else."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobodys.cache_clear()
    yield
    passwords._nobodys.cache_clear()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A store and a hub cache of its own for every test module."""
    home, cache = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("hub")
    return Settings(home=home, hf_hub_cache=cache, max_upload_bytes=8 * 1024 * 1024)


@contextmanager
def app_with_tables(settings: Settings) -> Iterator[Flask]:
    """The application over a store that has all tables; its database is closed when the block ends."""
    services = open_services(settings)
    services.db.migrate()
    services.db.close()
    made = create_app(settings)
    yield made
    made.extensions["tunebook"].db.close()


@pytest.fixture(scope="module")
def app(settings: Settings) -> Iterator[Flask]:
    with app_with_tables(settings) as made:
        yield made


@pytest.fixture(scope="module")
def services(app: Flask) -> Services:
    return app.extensions["tunebook"]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def work(services: Services) -> Callable[[], None]:
    """Runs every waiting job in this process."""

    def run() -> None:
        while job := claim(services.db, "test", 60):
            run_child(services.db, job.id, job.attempt, job_kinds(services))

    return run


@pytest.fixture(scope="module")
def send(app: Flask) -> Callable[..., Any]:
    """Uploads bytes and answers the response."""

    def upload(content: bytes, filename: str = "data.jsonl") -> Any:
        # By hand: the test client's own encoder leaves a temporary file open for anything large.
        name = filename.replace('"', "%22")
        head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + b"\r\n--b--\r\n"
        return app.test_client().post("/upload", data=body, content_type="multipart/form-data; boundary=b")

    return upload


@pytest.fixture(scope="module")
def sample(app: Flask, work: Callable[[], None]) -> str:
    """The id of the bundled sample, uploaded and analysed."""
    session_id: str = app.test_client().post("/samples/harbour-bikes").json["session_id"]
    work()
    return session_id


@pytest.fixture
def analysed(send: Callable[..., Any], work: Callable[[], None]) -> Callable[[bytes], str]:
    """Uploads bytes, runs the analysis, and answers the id."""

    def run(content: bytes) -> str:
        session_id: str = send(content).json["session_id"]
        work()
        return session_id

    return run


@dataclass
class Server:
    """`tunebook serve` on a free port, as people run it."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    url: str = ""
    process: subprocess.Popen[str] | None = None

    def start(self, port: str = "0") -> float:
        """Starts it, on a free port unless one is given; answers the seconds until it said that it is ready."""
        began = time.monotonic()
        with (self.home / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE.format(port=port)],
                env=os.environ | {"TUNEBOOK_HOME": str(self.home)} | self.variables,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        line = self.process.stdout.readline()
        assert "http://" in line, (self.home / "server.log").read_text()
        self.url = line.split()[-1]
        return time.monotonic() - began

    def kill(self) -> None:
        """kill -9 of all its processes."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self._check_log()

    def stop(self) -> float:
        """Ends it as Ctrl-C does; answers the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(10) == 0
        self.process.stdout.close()
        self._check_log()
        return time.monotonic() - began

    def _check_log(self) -> None:
        """Whatever a test did with this server, no token or key of any kind is in its log."""
        found = SECRETS.findall((self.home / "server.log").read_text())
        assert not found, found

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=60, **arguments)

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=30)

    def post(self, path: str, **arguments: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=60, **arguments)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running server; it is ended afterwards if the test has not done so."""
    made = Server(tmp_path)
    made.start()
    yield made
    if made.process.poll() is None:
        made.stop()
