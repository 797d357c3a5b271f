"""A notebook client that tells what happens while it happens, and leaves no kernel behind."""

import asyncio
import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager, KernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from nbclient import NotebookClient
from nbformat import NotebookNode

from webapp.errors import Problem
from webapp.training.progress_reports import LISTENING, METRICS_TYPE

# Longer texts and larger pictures are in the executed notebook alone.
MAX_EVENT_CHARACTERS = 256 * 1024
# A socket's path has at most 107 bytes, and the kernel appends about 20 to the folder's.
_LONGEST_FOLDER = 80
# Between two questions whether a cell is ready.
_READY_SECONDS = 0.02
_DISPLAYS = ("display_data", "execute_result", "update_display_data")
# ipykernel keeps what is printed for 200 ms, and has no setting for it. The line leaves no name behind.
_FLUSH = "__import__('sys').stdout.flush_interval = __import__('sys').stderr.flush_interval = 0.01"

# Whether a cell with these tags may run; a Problem when it never may.
Ready = Callable[[Sequence[str]], bool]


@dataclass(frozen=True)
class Event:
    """What happened: `cell_started`, `cell_finished`, `stream`, `display` or `metrics`, with JSON data."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)


class Halted(Exception):
    """The run was told to stop between two cells."""


class LiveClient(NotebookClient):
    """Runs a notebook's code cells in a new kernel of this very Python.

    `tell` gets every event, `save` is called after every cell, both in the event loop's thread; a cell waits until
    it is `ready`, which is asked with its tags. In events and in `current`, a cell is its place, from 0, among the
    `total` cells that run; `tag` is its first one.
    """

    def __init__(
        self, notebook: NotebookNode, tell: Callable[[Event], None], save: Callable[[], None], ready: Ready
    ) -> None:
        # At once: with torch a kernel takes a second to end by itself, and one in about thirty misses the request.
        super().__init__(notebook, timeout=None, shutdown_kernel="immediate")
        self.extra_arguments = [f"--IPKernelApp.exec_lines={_FLUSH}"]
        self._tell, self._save, self._ready = tell, save, ready
        code = [index for index, cell in enumerate(notebook.cells) if runs(cell)]
        self._place = {index: place for place, index in enumerate(code)}
        self.total, self.executed = len(code), 0
        self.current: int | None = None
        self.tag: str | None = None
        self.cell_error: Mapping[str, Any] | None = None
        self.refusal: Problem | None = None
        self.halted = False
        self.on_notebook_start = self._started
        self.on_cell_execute = self._before_cell
        self.on_cell_executed = self._after_cell
        self._folder = Path(tempfile.mkdtemp(prefix="tunebook-", dir=_short_folder()))
        self._manager: AsyncKernelManager | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def create_kernel_manager(self) -> KernelManager:
        """A manager of ipykernel under `sys.executable`, whatever else is installed, on private sockets."""
        self.km = self._manager = AsyncKernelManager(
            kernel_name=NATIVE_KERNEL_NAME,
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            transport="ipc",
            connection_file=str(self._folder / "kernel.json"),
        )
        return self._manager

    async def run(self, workdir: Path, environment: Mapping[str, str]) -> None:
        """Executes the notebook; raises nbclient's errors, or Halted."""
        # A profile of its own: nobody's IPython start-up files, no history shared with other kernels.
        private = {"IPYTHONDIR": str(self._folder), "JUPYTER_RUNTIME_DIR": str(self._folder), LISTENING: "1"}
        await self.async_execute(cwd=str(workdir), env={**environment, **private})

    async def interrupt(self) -> None:
        """Raises KeyboardInterrupt in the running cell, if there is a kernel."""
        if self._manager is not None and self._manager.has_kernel:
            await self._manager.interrupt_kernel()

    async def kill(self) -> None:
        """Ends the kernel at once, if there is one."""
        if self._manager is not None and self._manager.has_kernel:
            await self._manager.shutdown_kernel(now=True)

    def dispose(self) -> None:
        """Ends what is left of the kernel's process group and removes its files: the last call, always."""
        # Where the kernel does not start, nbclient leaves this behind.
        atexit.unregister(self._cleanup_kernel)
        if (provisioner := self._provisioner()) is not None:
            if provisioner.pgid:
                with suppress(ProcessLookupError):
                    os.killpg(provisioner.pgid, signal.SIGKILL)
            if provisioner.process:
                provisioner.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def exit_status(self) -> int | None:
        """How the kernel's process ended; None when it never worked or still does."""
        return None if self._process is None else self._process.returncode

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Tells of output the moment it comes, then lets nbclient put all but figures of steps into the notebook."""
        content = msg["content"]
        if msg["msg_type"] == "display_data" and METRICS_TYPE in content["data"]:
            for row in content["data"][METRICS_TYPE]["rows"]:
                self._tell(Event("metrics", row))
            return None
        if msg["msg_type"] == "stream":
            self._tell(Event("stream", {"cell": self.current, "name": content["name"], **short_text(content["text"])}))
        elif msg["msg_type"] in _DISPLAYS:
            self._tell(Event("display", {"cell": self.current, **shown(msg["msg_type"], content)}))
        return super().process_message(msg, cell, cell_index)

    def _provisioner(self) -> LocalProvisioner | None:
        provisioner = self._manager.provisioner if self._manager is not None else None
        return provisioner if isinstance(provisioner, LocalProvisioner) else None

    def _started(self, **_: object) -> None:
        if (provisioner := self._provisioner()) is not None:
            self._process = provisioner.process

    async def _before_cell(self, cell: NotebookNode, cell_index: int) -> None:
        tags = cell.metadata.get("tags", [])
        self.current, self.tag = self._place[cell_index], next(iter(tags), None)
        try:
            while not self.halted and not self._ready(tags):
                await asyncio.sleep(_READY_SECONDS)
        except Problem as problem:
            self.refusal = problem
            raise Halted from problem
        if self.halted:
            raise Halted
        self._tell(Event("cell_started", self._place_of()))

    def _after_cell(self, execute_reply: Mapping[str, Any], **_: object) -> None:
        content = execute_reply["content"]
        done = content["status"] == "ok"
        if done:
            self.executed += 1
        else:
            self.cell_error = content
        self._save()
        self._tell(Event("cell_finished", self._place_of() | {"ok": done}))

    def _place_of(self) -> dict[str, Any]:
        return {"cell": self.current, "total": self.total, "tag": self.tag}


def runs(cell: NotebookNode) -> bool:
    """Whether a cell holds code to execute."""
    return bool(cell.cell_type == "code" and cell.source.strip())


def short_text(text: str) -> dict[str, Any]:
    """The `text` of an event, and how many characters were `left_out`."""
    left_out = len(text) - MAX_EVENT_CHARACTERS
    return {"text": text} if left_out <= 0 else {"text": text[:MAX_EVENT_CHARACTERS], "left_out": left_out}


def shown(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """What an event tells of a display, without what is too long for one."""
    bundle = content["data"]
    return {
        "display_id": (content.get("transient") or {}).get("display_id"),
        "update": kind == "update_display_data",
        "data": {mime: value for mime, value in bundle.items() if len(str(value)) <= MAX_EVENT_CHARACTERS},
        "left_out": [mime for mime, value in bundle.items() if len(str(value)) > MAX_EVENT_CHARACTERS],
    }


def _short_folder() -> str | None:
    return None if len(os.fsencode(tempfile.gettempdir())) <= _LONGEST_FOLDER else "/tmp"  # noqa: S108 (mkdtemp)
