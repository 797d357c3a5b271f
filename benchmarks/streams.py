"""200 streams of one running job on a real server: how late its events come, and what the streams cost in memory.

python benchmarks/streams.py [--streams 200] [--sockets 20] [--events 400]

An event is late by the time from its commit in the database to its arrival in the client, which is this process: it
shares the cores with the server. Prints p50, p99 and the largest, and by how much the server's resident memory grew.
"""

import argparse
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

import psutil
import requests

from webapp.jobs import attempts
from webapp.server import environment
from webapp.settings import Settings
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, utc_now

NUMBER = re.compile(rb'"message":"event (\d+)\\n"')
SERVE = "from webapp.server import serve; from webapp.settings import Settings; serve(Settings(), '127.0.0.1', 0)"
EVENTS_A_SECOND = 20
HANDSHAKE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def running_job(db: Database) -> str:
    """The id of a job that this process plays; the server's worker finds it taken."""
    with db.session() as session:
        session.add(dataset := Dataset(filename="f", size=1, sha256="", blob=""))
        session.flush()
        lease = utc_now() + timedelta(hours=1)
        session.add(job := Job(kind="run", dataset_id=dataset.id, status="running", attempt=1, lease_until=lease))
    return job.id


def connect(address: tuple[str, int], path: str, websocket: bool) -> socket.socket:
    """An open stream."""
    made = socket.create_connection(address)
    more = HANDSHAKE if websocket else ""
    made.sendall(f"GET {path} HTTP/1.1\r\nHost: {address[0]}\r\n{more}\r\n".encode())
    made.setblocking(False)
    return made


class Listener(threading.Thread):
    """Notes when which event came on which stream."""

    def __init__(self, streams: list[socket.socket], events: int) -> None:
        super().__init__()
        self.streams, self.left = streams, events * len(streams)
        self.came: list[list[tuple[int, float]]] = [[] for _ in streams]

    def run(self) -> None:
        tails = [b""] * len(self.streams)
        with selectors.DefaultSelector() as selector:
            for index, stream in enumerate(self.streams):
                selector.register(stream, selectors.EVENT_READ, index)
            while self.left > 0:
                ready = selector.select(30)
                assert ready, "no events any more"
                for key, _ in ready:
                    data = tails[key.data] + self.streams[key.data].recv(1 << 16)
                    now, end = time.monotonic(), 0
                    for match in NUMBER.finditer(data):
                        self.came[key.data].append((int(match[1]), now))
                        self.left -= 1
                        end = match.end()
                    tails[key.data] = data[end:]


def resident(process: psutil.Process) -> float:
    """MB of a process and its children."""
    return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / 1e6


def main() -> None:
    """Runs it and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--sockets", type=int, default=20, help="how many of them are WebSockets")
    parser.add_argument("--events", type=int, default=400)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), max_streams=given.streams)
        server = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            env=environment(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        streams = []
        try:
            streams = measure(server, settings, given)
        finally:
            server.terminate()
            began = time.monotonic()
            server.wait()
            print(f"stopped in {time.monotonic() - began:.2f} s with {len(streams)} streams open")


def measure(server: subprocess.Popen[str], settings: Settings, given: argparse.Namespace) -> list[socket.socket]:
    """Prints how late events were; the streams, still open."""
    url = server.stdout.readline().split()[-1]
    host, port = url.removeprefix("http://").split(":")
    db = Database(settings.database)
    job_id = running_job(db)
    for _ in range(3):
        requests.get(f"{url}/jobs/{job_id}", timeout=10)
    process = psutil.Process(server.pid)
    before = resident(process)
    paths = ["ws"] * given.sockets + ["stream"] * (given.streams - given.sockets)
    streams = [connect((host, int(port)), f"/jobs/{job_id}/{path}", path == "ws") for path in paths]
    time.sleep(3)
    listener = Listener(streams, given.events)
    listener.start()
    cpu = sum(sum(one.cpu_times()[:2]) for one in process.children(recursive=True))
    written = {}
    for number in range(given.events):
        assert attempts.write(
            db, job_id, 1, [("stream", {"cell": 1, "name": "stdout", "text": f"event {number}\n"})], None
        )
        written[number] = time.monotonic()
        time.sleep(1 / EVENTS_A_SECOND)
    listener.join()
    cpu = sum(sum(one.cpu_times()[:2]) for one in process.children(recursive=True)) - cpu
    for came in listener.came:
        assert [number for number, _ in came] == list(range(given.events)), "an event is missing, or came twice"
    late = sorted(1000 * (moment - written[number]) for came in listener.came for number, moment in came)
    answer = time.monotonic()
    assert requests.get(f"{url}/health", timeout=10).ok
    answer = 1000 * (time.monotonic() - answer)
    p50, p99 = (late[int(len(late) * share)] for share in (0.5, 0.99))
    print(
        f"{given.streams} streams ({given.sockets} WebSockets), {given.events} events each, {EVENTS_A_SECOND} a second"
    )
    print(f"late by p50 {p50:.0f} ms, p99 {p99:.0f} ms, at most {late[-1]:.0f} ms; /health meanwhile {answer:.0f} ms")
    share = cpu / (given.events / EVENTS_A_SECOND)
    print(f"memory grew by {resident(process) - before:.1f} MB; CPU {share:.0%} of a core")
    db.close()
    return streams


if __name__ == "__main__":
    main()
