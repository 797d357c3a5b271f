"""How fast a file of 1 GB comes in, and by how much the server process grows meanwhile.

The peer is a bare WSGI app under the same gunicorn and the same worker class that reads a body, hashes it (SHA-256)
and writes it with fsync. Both take turns, three times each; the medians count. Before each turn a file of the same size
is written and removed: pages of memory that were free for long can cost three times as much as those that were just
freed, which otherwise the one has and the other has not.
"""

import argparse
import hashlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

from webapp.server import environment, gunicorn_command
from webapp.settings import Settings
from webapp.storage import Database

CHUNK = 1024 * 1024
PART = 64 * 1024 * 1024
BAR_RATIO, BAR_GROWTH = 0.7, 30.0


def bare_app(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Reads, hashes and writes the body, and nothing else."""
    digest = hashlib.sha256()
    with open(os.environ["BARE_FILE"], "wb") as file:  # noqa: PTH123
        while chunk := environ["wsgi.input"].read(CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [digest.hexdigest().encode()]


@contextmanager
def serving(home: Path, app: str) -> Iterator[tuple[str, int, psutil.Process]]:
    """A gunicorn with `app`: its address, and the process of its one worker."""
    settings = Settings(home=home, max_upload_bytes=2**33)
    db = Database(settings.database)
    db.migrate()
    db.close()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        command = [*gunicorn_command(settings, listener.fileno(), 1)[:-1], app]
        variables = environment(settings) | {"BARE_FILE": str(home / "bare")}
        process = subprocess.Popen(
            command, env=variables, pass_fds=(listener.fileno(),), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        try:
            host, port = listener.getsockname()[:2]
            while not (workers := psutil.Process(process.pid).children()):
                time.sleep(0.1)
            send(host, port, "PUT", "/upload?filename=warm.jsonl", [line()], len(line()))
            yield host, port, workers[0]
        finally:
            process.terminate()
            process.wait(20)


def line() -> bytes:
    """One row of 4 KiB or so."""
    return json.dumps({"prompt": "What is it?", "completion": "It is that. " * 340}).encode() + b"\n"


def blocks(size: int) -> Iterator[bytes]:
    """So many bytes of rows, 1 MiB at a time."""
    block = (line() * (CHUNK // len(line()) + 1))[:CHUNK]
    for _ in range(size // CHUNK):
        yield block


def send(
    host: str, port: int, method: str, path: str, chunks: Any, size: int, content_type: str = "application/octet-stream"
) -> Any:
    """Sends a body of known length; answers the JSON, or the text, of a 200."""
    connection = HTTPConnection(host, port, timeout=600)
    connection.putrequest(method, path)
    connection.putheader("Content-Length", str(size))
    connection.putheader("Content-Type", content_type)
    connection.endheaders()
    for chunk in chunks:
        connection.send(chunk)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{method} {path}: {answer.status} {said[:300]!r}")
    return json.loads(said) if said.startswith(b"{") else said


def put(host: str, port: int, size: int) -> str | None:
    """The body itself; the id of the dataset."""
    found = send(host, port, "PUT", "/upload?filename=a.jsonl", blocks(size), size)
    return found["session_id"] if isinstance(found, dict) else None


def form(host: str, port: int, path: str, name: str, size: int) -> Any:
    """A multipart body."""
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="a.jsonl"\r\n\r\n'.encode()
    tail = b"\r\n--b--\r\n"

    def chunks() -> Iterator[bytes]:
        yield head
        yield from blocks(size)
        yield tail

    kind = "multipart/form-data; boundary=b"
    return send(host, port, "POST", path, chunks(), len(head) + size + len(tail), kind)


def multipart(host: str, port: int, size: int) -> str:
    """A form with the file."""
    found: str = form(host, port, "/upload", "file", size)["session_id"]
    return found


def in_parts(host: str, port: int, size: int) -> str:
    """OpenAI's Uploads API, 64 MiB at a time."""

    def post(path: str, body: Mapping[str, Any]) -> Any:
        text = json.dumps(body).encode()
        return send(host, port, "POST", path, [text], len(text), "application/json")

    begun = post("/v1/uploads", {"bytes": size, "filename": "a.jsonl", "mime_type": "x", "purpose": "fine-tune"})
    path = f"/v1/uploads/{begun['id']}"
    parts = [form(host, port, f"{path}/parts", "data", min(PART, size - at))["id"] for at in range(0, size, PART)]
    found: str = post(f"{path}/complete", {"part_ids": parts})["file"]["id"]
    return found


def even(folder: Path, size: int) -> None:
    """Leaves the system with the memory of such a file just freed, and nothing to write."""
    path = folder / "scratch"
    with path.open("wb") as file:
        file.writelines(blocks(size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def measured(process: psutil.Process, work: Callable[[], str | None]) -> tuple[float, float, str | None]:
    """Seconds that the work took, MB by which the process grew at its peak, and what the work answered."""
    before, peak, done = process.memory_info().rss, [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    try:
        answer = work()
    finally:
        seconds = time.perf_counter() - began
        done.set()
        watcher.join()
    return seconds, (max(peak[0], before) - before) / 1e6, answer


def main() -> None:
    """Prints a line for each way, and says whether the bars hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=1024 * CHUNK)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    ways = {"PUT": put, "multipart POST": multipart, "in parts": in_parts}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("app", "bare"):
            Path(folder, name).mkdir()
        app, bare = Path(folder, "app"), Path(folder, "bare")
        with serving(app, "webapp:create_app()") as ours, serving(bare, "benchmarks.upload:bare_app") as theirs:
            times: dict[str, list[float]] = {name: [] for name in ("bare", *ways)}
            growth = dict.fromkeys(ways, 0.0)
            for _ in range(given.rounds):
                even(bare, given.bytes)
                times["bare"].append(measured(theirs[2], lambda: put(theirs[0], theirs[1], given.bytes))[0])
                Path(bare, "bare").unlink()
                for name, way in ways.items():
                    even(app, given.bytes)
                    seconds, grown, made = measured(ours[2], lambda way=way: way(ours[0], ours[1], given.bytes))
                    times[name].append(seconds)
                    growth[name] = max(growth[name], grown)
                    send(ours[0], ours[1], "DELETE", f"/datasets/{made}", [], 0)
    report(given.bytes, times, growth)


def report(size: int, times: Mapping[str, list[float]], growth: Mapping[str, float]) -> None:
    """Prints what was measured; exits with 1 when PUT misses a bar."""
    bare = statistics.median(times["bare"])
    print(f"bare WSGI app: {size / 1e6 / bare:,.0f} MB/s")
    for name, grown in growth.items():
        median = statistics.median(times[name])
        print(f"{name}: {size / 1e6 / median:,.0f} MB/s, {bare / median:.2f} of the bare app, grew by {grown:.1f} MB")
    ratio = bare / statistics.median(times["PUT"])
    held = ratio >= BAR_RATIO and max(growth.values()) <= BAR_GROWTH
    print(f"bars (PUT at least {BAR_RATIO:g}, growth at most {BAR_GROWTH:g} MB): {'held' if held else 'MISSED'}")
    sys.exit(not held)


if __name__ == "__main__":
    main()
