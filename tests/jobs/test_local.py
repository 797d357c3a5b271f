"""Notebooks run in real kernels: what people see while they run, how they end, and that nothing is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from webapp.errors import Problem
from webapp.jobs import Event, Execution, execute, scrubbed_environment
from webapp.jobs.executors import local

pytestmark = pytest.mark.timeout(60)

STUBBORN = """
import time
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print("not me", flush=True)
"""


class Bench:
    """A folder with one notebook, and what its run told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.events = folder, []
        self.output = folder / "executed.ipynb"

    def write(self, *sources: str) -> Path:
        cells = [new_markdown_cell("# A title"), new_code_cell("steps = 1", metadata={"tags": ["parameters"]}), new_code_cell("")]
        notebook = new_notebook(cells=[*cells, *map(new_code_cell, sources)])
        path = self.folder / "notebook.ipynb"
        nbformat.write(notebook, path)
        return path

    def run(self, *sources: str, **options) -> Execution:
        given = {"parameters": {}, "timeout": 30, "environment": scrubbed_environment(os.environ), "on_event": self.events.append}
        return execute(self.write(*sources), workdir=self.folder / "work", output=self.output, **(given | options))

    def text(self) -> str:
        return "".join(event.data["text"] for event in self.events if event.type == "stream")

    def pid(self) -> int:
        """The kernel's process id; its first cell is `PID`."""
        while not (path := self.folder / "work" / "pid").exists() or not path.read_text():
            time.sleep(0.02)
        return int(path.read_text())


PID = "import os; from pathlib import Path; Path('pid').write_text(str(os.getpid()))"


@pytest.fixture
def bench(tmp_path):
    before = kernels()
    yield Bench(tmp_path)
    assert kernels() == before, "a kernel was left behind"


def kernels() -> set[int]:
    """Process ids of this test's kernels."""
    children = subprocess.run(["ps", "-e", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(maxsplit=1) for line in children.splitlines()]
    mine = f"-f {os.path.realpath('/tmp')}"
    return {int(pid) for pid, args in lines if "ipykernel_launcher" in args and mine in args and parent(int(pid)) == os.getpid()}


def parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None
