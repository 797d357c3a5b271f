"""gunicorn alone with a worker of little patience, and the clients that try it."""

import contextlib
import socket
import subprocess
import sys
import time

import requests

from tests.conftest import Server, until
from webapp.server import environment
from webapp.settings import Settings
from webapp.storage import Database


@contextlib.contextmanager
def gunicorn(home, worker="HastyWorker", *options, variables=None):
    """The server, once it answers; what it sends is held in small buffers."""
    settings = Settings(home=home, **(variables or {}))
    db = Database(settings.database)
    db.migrate()
    db.close()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        options = ["--bind", f"fd://{listener.fileno()}", "--threads", "64", "--no-control-socket", *options]
        command = [*options, "--worker-class", f"tests.faults.hasty.{worker}", "webapp:create_app()"]
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *command],
            env=environment(settings),
            pass_fds=(listener.fileno(),),
            stderr=subprocess.DEVNULL,
        )
        server = Server(settings.root, url="http://{}:{}".format(*listener.getsockname()[:2]), process=process)
        try:
            until(lambda: healthy(server) is not None, seconds=30)
            yield server
        finally:
            process.terminate()
            process.wait(10)


def healthy(server):
    """Seconds until /health has answered, None when it does not."""
    began = time.monotonic()
    with contextlib.suppress(requests.RequestException):
        assert requests.get(f"{server.url}/health", timeout=10).status_code == 200
        return time.monotonic() - began
    return None


def connect(server, buffer=None, source="127.0.0.1"):
    """A connection from an address of this machine, with so many bytes of room for what it has not read."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.settimeout(30)
    if buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.bind((source, 0))
    connection.connect((host, int(port)))
    return connection


def answer(connection):
    """What the server says until it closes."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            said += piece
    connection.close()
    return said
