"""Median time of `POST /generate` without a dry run, on the bundled sample: `python benchmarks/generate.py`.

Against a real `tunebook serve` on a free port; the bar is 150 ms.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

REQUESTS = 40


def main() -> None:
    """Prints median and slowest."""
    with tempfile.TemporaryDirectory() as home:
        command = [str(Path(sys.executable).with_name("tunebook")), "serve", "--port", "0"]
        environment = os.environ | {"TUNEBOOK_HOME": home}
        app = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            address = next(line for line in app.stdout if "ready at" in line).split()[-1]
            session = requests.post(f"{address}/samples/harbour-bikes", timeout=30).json()["session_id"]
            while requests.get(f"{address}/analyze/{session}", timeout=30).status_code != 200:
                pass
            seconds = []
            for _ in range(REQUESTS):
                started = time.perf_counter()
                body = {"session_id": session, "model_id": "qwen3-1.7b"}
                requests.post(f"{address}/generate", json=body, timeout=30).raise_for_status()
                seconds.append(time.perf_counter() - started)
        finally:
            app.send_signal(signal.SIGTERM)
            app.wait()
    print(f"POST /generate: median {statistics.median(seconds) * 1000:.0f} ms, slowest {max(seconds) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
