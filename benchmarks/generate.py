"""Median time of `POST /generate` without a dry run: `python benchmarks/generate.py`.

Against a real `tunebook serve` on a free port, on the bundled sample and on 1 MB of rows, in the clear and encrypted;
the bar is 50 ms.
"""

import copy
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from webapp.datasets import sample_path

REQUESTS = 40
SAMPLE = sample_path()


def main() -> None:
    """Prints median and slowest of each."""
    with tempfile.TemporaryDirectory() as home:
        command = [str(Path(sys.executable).with_name("tunebook")), "serve", "--port", "0"]
        environment = os.environ | {"TUNEBOOK_HOME": home}
        app = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            address = next(line for line in app.stdout if "ready at" in line).split()[-1]
            for what, content in (("bundled sample", SAMPLE.read_bytes()), ("1 MB", rows(1_000_000))):
                session = analysed(address, content)
                for encrypt in (False, True):
                    body = {"session_id": session, "model_id": "qwen3-1.7b", "delivery": {"encrypt": encrypt}}
                    print(f"{what}{', encrypted' if encrypt else ''}: {timed(address, body)}")
        finally:
            app.send_signal(signal.SIGTERM)
            app.wait()


def rows(size: int) -> bytes:
    """The sample's rows again and again, each with a number of its own, `size` bytes or a little more."""
    lines, made = [json.loads(line) for line in SAMPLE.read_bytes().split(b"\n") if line], bytearray()
    numbers = itertools.count()
    while len(made) < size:
        row = copy.deepcopy(lines[(number := next(numbers)) % len(lines)])
        row["messages"][-1]["content"] += f" {number}"
        made += json.dumps(row, ensure_ascii=False).encode() + b"\n"
    return bytes(made)


def analysed(address: str, content: bytes) -> str:
    """The id of an uploaded file whose analysis is done."""
    uploaded = requests.post(f"{address}/upload", files={"file": ("rows.jsonl", content)}, timeout=30)
    session: str = uploaded.json()["session_id"]
    while requests.get(f"{address}/analyze/{session}", timeout=30).status_code != 200:
        pass
    return session


def timed(address: str, body: dict[str, Any]) -> str:
    """The time of a request, in words."""
    seconds = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        requests.post(f"{address}/generate", json=body, timeout=30).raise_for_status()
        seconds.append(time.perf_counter() - started)
    return f"POST /generate: median {statistics.median(seconds) * 1000:.0f} ms, slowest {max(seconds) * 1000:.0f} ms"


if __name__ == "__main__":
    main()
