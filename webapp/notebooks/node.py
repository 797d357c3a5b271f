"""`python -m webapp.notebooks.node`: on a node of a cluster, runs the notebook of the folder it is started in.

It tells of the run on stdout, a line for each event, and leaves the results beside its own log until it is stopped.
"""

import json
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webapp.errors import Problem
from webapp.jobs.executors import Event, parcel
from webapp.notebooks.results import RESULTS
from webapp.notebooks.running import Watch, run_notebook

MARK = "TUNEBOOK "
NOTEBOOK, ORDER, ROWS, EARLIER = "notebook.ipynb", "order.json", "rows", "earlier"
# How long the results wait for somebody who fetches them; the GPU waits too.
_KEPT_SECONDS = 600.0


def main() -> None:
    """Runs what lies in this folder as webapp.notebooks.cluster has put it there."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    order = json.loads(Path(ORDER).read_bytes())
    with tempfile.TemporaryDirectory(prefix="tunebook-") as scratch:
        workdir = Path(scratch, "run")
        if Path(EARLIER).is_dir():
            shutil.copytree(EARLIER, workdir / RESULTS)
        rows = next(Path(ROWS).absolute().glob("*"), None)
        watch = Watch(max(1.0, order["deadline"] - time.time()), _tell, stop.is_set)
        try:
            report = run_notebook(Path(NOTEBOOK), workdir, watch, rows)
        except Problem as problem:
            _say("problem", problem.to_dict())
            return
        if stop.is_set():
            return
        _leave(workdir, order["name"], report.to_dict(), stop)


def _leave(workdir: Path, name: str, report: Mapping[str, Any], stop: threading.Event) -> None:
    """Puts the results where the cluster's dashboard reads files, until they have been fetched."""
    place = log_folder() / name
    packed = parcel.pack(str(workdir), str(place), parcel.MOST_BYTES)
    try:
        _say("report", {"report": report, "parcel": packed})
        stop.wait(_KEPT_SECONDS)
    finally:
        for number in range(packed["parts"]):
            Path(parcel.part(str(place), number)).unlink(missing_ok=True)


def log_folder() -> Path:
    """The folder of the node's logs: Ray has this process's output in a file there."""
    return Path("/proc/self/fd/1").readlink().parent


def _tell(event: Event) -> None:
    _say("event", {"type": event.type, "data": event.data})


def _say(what: str, data: Mapping[str, Any]) -> None:
    sys.stdout.write(f"{MARK}{json.dumps({what: data})}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
