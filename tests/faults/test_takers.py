"""Clients that do not take their answers: they lose their thread, whoever takes them steadily gets all of them."""

import contextlib
import select
import socket
import time

import pytest

from tests.conftest import until
from tests.faults.clients import connect, healthy

MANY = 100  # more than there are threads


def get(path, more=b""):
    return b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + more + b"\r\n"


# A file that the kernel sends, and an answer of the app's.
FILE, ANSWER = b"/static/css/tunebook.css", b"/openapi.json"
PATHS = pytest.mark.parametrize("path", [FILE, ANSWER], ids=["file", "answer"])


@pytest.fixture
def takers(hasty):
    """Opens connections with little room for what they have not read."""
    with contextlib.ExitStack() as opened:
        yield lambda count: [opened.enter_context(connect(hasty, buffer=4096)) for _ in range(count)]


@PATHS
def test_clients_that_never_read_lose_their_threads(hasty, takers, path):
    held = takers(MANY)
    for connection in held:
        connection.sendall(get(path) * 20)
    until(lambda: healthy(hasty) is not None, seconds=30)
    until(lambda: all(map(cut_off, held)), seconds=30)


@PATHS
def test_clients_that_trickle_lose_their_threads(hasty, takers, path):
    held = takers(MANY)
    for connection in held:
        connection.sendall(get(path) * 20)
    until(lambda: sum(map(trickle, held)) == MANY, seconds=30, pause=0.5)
    assert healthy(hasty) is not None


def test_a_steady_client_on_a_slow_line_gets_all_of_it(hasty, takers):
    (connection,) = takers(1)
    connection.sendall(get(FILE) * 9 + get(ANSWER, b"Connection: close\r\n"))
    said = b""
    while piece := connection.recv(4096):
        said += piece
        time.sleep(0.02)
    assert said.count(b"HTTP/1.1 200 OK") == 10
    assert len(said) > 9 * len(hasty.get(FILE.decode()).content) + len(hasty.get(ANSWER.decode()).content)


def cut_off(connection):
    """Whether the server has ended the connection; reads nothing."""
    poll = select.poll()
    poll.register(connection, 0)  # of an error or an end it tells all the same
    return bool(poll.poll(0))


def trickle(connection):
    """Reads a little; whether the server has ended the connection."""
    try:
        return not connection.recv(256, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
