"""200 streams of one running job on the real server: every event once, in order; and a stop with all of them open."""

import json
import re
import selectors
import socket
import threading
import time

import pytest

from benchmarks.streams import HANDSHAKE, running_job
from webapp.jobs import attempts
from webapp.storage import Database
from webapp.storage.tables import Job

STREAMS, SOCKETS, EVENTS = 200, 40, 120
PING, PONG = b"\x89\x00", b"\x8a\x80\0\0\0\0"
NUMBER = re.compile(rb'"seq":(\d+),"attempt":1,"timestamp":"[^"]*","message":"event (\d+)\\n"')


@pytest.fixture
def db(server):
    made = Database(f"sqlite:///{server.home / 'tunebook.db'}")
    yield made
    made.close()


@pytest.fixture
def job_id(db):
    """A job that this process plays; the server's own worker finds it taken."""
    return running_job(db)


class Stream:
    """An open stream, read as raw bytes: the numbers of the events, and the `seq` of the last one."""

    def __init__(self, server, job_id, websocket):
        self.server, self.job_id, self.websocket = server, job_id, websocket
        self.numbers, self.seen = [], 0
        self.connect()

    def connect(self):
        """Goes on behind the last event seen, as soon as there is a place."""
        host, port = self.server.url.removeprefix("http://").split(":")
        path = f"/jobs/{self.job_id}/ws?after={self.seen}" if self.websocket else f"/jobs/{self.job_id}/stream"
        more = HANDSHAKE if self.websocket else f"Last-Event-ID: {self.seen}\r\n"
        deadline = time.monotonic() + 20
        while True:
            self.socket = socket.create_connection((host, int(port)))
            self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{more}\r\n".encode())
            self.rest = b""
            self.take()
            if not self.rest.startswith(b"HTTP/1.1 503"):
                return
            self.socket.close()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def take(self):
        """Takes what has come; whether the stream is still open."""
        data = self.socket.recv(1 << 16)
        self.rest += data
        if self.websocket and PING in data:
            self.socket.sendall(PONG)
        end = 0
        for match in NUMBER.finditer(self.rest):
            self.seen = int(match[1])
            self.numbers.append(int(match[2]))
            end = match.end()
        self.rest = self.rest[end:]
        return bool(data)


class Streams:
    """Many of them, read by one thread."""

    def __init__(self, streams):
        self.streams, self.selector = streams, selectors.DefaultSelector()
        for stream in streams:
            self.selector.register(stream.socket, selectors.EVENT_READ, stream)

    def read_until(self, holds, seconds=60):
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline
            for key, _ in self.selector.select(1):
                if not key.data.take():
                    self.selector.unregister(key.fileobj)

    def reconnect(self, streams):
        """Leaves these, then comes back."""
        for stream in streams:
            self.selector.unregister(stream.socket)
            stream.socket.close()
        for stream in streams:
            stream.connect()
            self.selector.register(stream.socket, selectors.EVENT_READ, stream)

    def close(self):
        for stream in self.streams:
            stream.socket.close()
        self.selector.close()


@pytest.fixture
def opened(server, job_id):
    made = Streams([Stream(server, job_id, websocket=index < SOCKETS) for index in range(STREAMS)])
    yield made
    made.close()


def write(db, job_id, numbers, pause=0.01):
    for number in numbers:
        news = [("stream", {"cell": 1, "name": "stdout", "text": f"event {number}\n"})]
        assert attempts.write(db, job_id, 1, news, None)
        time.sleep(pause)


def test_200_streams_tell_every_event_once_and_in_order_and_the_server_stops_with_them_open(server, db, job_id, opened):
    writer = threading.Thread(target=write, args=(db, job_id, range(EVENTS)))
    writer.start()
    opened.read_until(lambda: all(len(stream.numbers) >= EVENTS // 3 for stream in opened.streams))
    opened.reconnect(opened.streams[::3])  # in the middle of it, some of each kind
    assert server.get("/health").status_code == 200
    opened.read_until(lambda: all(len(stream.numbers) >= EVENTS for stream in opened.streams))
    writer.join()
    for stream in opened.streams:
        assert stream.numbers == list(range(EVENTS))
    # All places are taken. Nothing is written to clients that go now, and still their places are free soon.
    refused = server.get(f"/jobs/{job_id}/stream")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "too_many_streams")
    opened.reconnect(opened.streams[::2])
    writer = threading.Thread(target=write, args=(db, job_id, range(EVENTS, EVENTS + 20), 0.05))
    writer.start()
    assert server.stop() < 3
    writer.join()
    opened.read_until(lambda: not opened.selector.get_map())
    assert all(b"\x03\xe9stopping" in stream.rest for stream in opened.streams[:SOCKETS])  # 1001: going away
    assert not any(b"event: end" in stream.rest for stream in opened.streams)


def test_a_job_that_is_deleted_while_it_is_followed_ends_its_streams(server, db, job_id):
    streams = Streams([Stream(server, job_id, websocket) for websocket in (False, True)])
    with db.session() as session:
        session.delete(session.get_one(Job, job_id))
    streams.read_until(lambda: all(b"deleted" in stream.rest for stream in streams.streams))
    streams.close()


def test_the_address_in_a_ticket_works_from_a_program(server, db, job_id):
    write(db, job_id, [1])
    with db.session() as session:
        session.get_one(Job, job_id).status = "completed"
    made = server.post(f"/jobs/{job_id}/ticket").json()
    text = server.get(made["stream_url"].removeprefix(server.url)).text
    assert json.loads(text.split("event: end\ndata: ")[1])["status"] == "completed"
