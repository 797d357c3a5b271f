"""Runs a notebook on this machine: live events, a deadline for the whole, and an end in every case."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import nbformat
from nbformat import NotebookNode

from webapp.errors import Problem
from webapp.jobs.executors.endings import explain
from webapp.jobs.executors.kernel import Event, LiveClient, Ready
from webapp.jobs.executors.outputs import tidy
from webapp.jobs.executors.parameters import inject
from webapp.storage.files import write_file

# A cell gets this long to end after an interrupt; then its kernel is killed.
GRACE_SECONDS = 5.0
_KILL_SECONDS = 3.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Execution:
    """How a run ended; `cells_*` count the code cells that are not empty.

    `error` is None or `{code, message, cell, tag}` (the cell's place among these, from 0, and its first tag, or
    None), where code is `timed_out`, `cancelled`, `kernel_died` or `cell_failed`, which adds
    `{ename, evalue, traceback}`; or that of the Problem for which a cell was not ready.
    """

    status: Literal["completed", "failed", "cancelled"]
    seconds: float
    cells_total: int
    cells_executed: int
    error: dict[str, Any] | None = None


def execute(
    notebook: Path,
    *,
    workdir: Path,
    output: Path,
    parameters: Mapping[str, object],
    timeout: float,
    environment: Mapping[str, str],
    on_event: Callable[[Event], None],
    cancelled: Callable[[], bool] = lambda: False,
    ready: Ready = lambda _: True,
    hidden: str = "",
) -> Execution:
    """Executes `notebook` in a new kernel, with `workdir` as its folder, and answers how that went.

    `parameters` are set after the cell tagged `parameters`; the kernel sees `environment` and no more;
    `output` gets the executed notebook after each cell, without the text `hidden`. `timeout` counts seconds for all of
    it; `cancelled` is asked many times a second. A cell waits until it is `ready`, which is asked with its tags: a
    Problem that it raises is the run's error. `on_event` is called from another thread: what it raises ends the run and
    is raised here. Raises Problem `invalid_notebook`, `no_parameters_cell`, or that of a full or read-only disk.
    """
    began = monotonic()
    document = read_document(notebook)
    inject(document, parameters)
    workdir.mkdir(parents=True, exist_ok=True)
    run = _Run(document, output, on_event, ready, hidden)
    reason = run.watch(workdir, environment, began + timeout, cancelled)
    error = None if run.error is None else explain(run.client, run.error, reason, timeout)
    status: Literal["completed", "failed", "cancelled"] = "completed"
    if error is not None:
        status = "cancelled" if reason == "cancelled" else "failed"
    return Execution(status, monotonic() - began, run.client.total, run.client.executed, error)


class _Run:
    """One execution: the client in a thread with an event loop of its own, watched from the caller's thread.

    Not in the caller's own loop or thread: nbclient would take over a main thread's SIGTERM.
    """

    def __init__(
        self,
        document: NotebookNode,
        output: Path,
        on_event: Callable[[Event], None],
        ready: Ready,
        hidden: str,
    ) -> None:
        self._document, self._output, self._on_event = document, output, on_event
        self._hidden = hidden
        self.client = LiveClient(document, self._tell, self._save, ready)
        self.error: BaseException | None = None
        self._listener_error: BaseException | None = None
        self._done = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None

    def watch(
        self, workdir: Path, environment: Mapping[str, str], deadline: float, cancelled: Callable[[], bool]
    ) -> str | None:
        """Runs to the end; answers `timed_out` or `cancelled` when it had to be stopped."""
        thread = threading.Thread(target=self._work, args=(workdir, environment), name="notebook")
        thread.start()
        try:
            reason = self._wait(deadline, cancelled)
        finally:
            self._stop()
            thread.join()
        if self._listener_error is not None:
            raise self._listener_error
        tidy(self._document)
        self._save()
        return reason

    def _wait(self, deadline: float, cancelled: Callable[[], bool]) -> str | None:
        while not self._done.wait(_POLL_SECONDS):
            if cancelled():
                return "cancelled"
            if monotonic() >= deadline:
                return "timed_out"
            if self._listener_error is not None:
                break
        return None

    def _stop(self) -> None:
        """Ends the run, first kindly; returns at once when it has ended by itself."""
        self.client.halted = True
        steps: list[tuple[Callable[[], Coroutine[Any, Any, None]], float]] = [
            (self.client.interrupt, GRACE_SECONDS),
            (self.client.kill, _KILL_SECONDS),
            (self._give_up, _KILL_SECONDS),
        ]
        # A kernel that is still starting has nothing to save.
        for step, patience in steps if self.client.current is not None else steps[1:]:
            if not self._done.is_set():
                self._ask(step())
            if self._done.wait(patience):
                return

    def _ask(self, request: Coroutine[Any, Any, None]) -> None:
        try:
            asyncio.run_coroutine_threadsafe(request, self._loop)
        except RuntimeError:
            request.close()  # the loop has just ended by itself

    async def _give_up(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _work(self, workdir: Path, environment: Mapping[str, str]) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._main(workdir, environment))
        except BaseException as error:
            self.error = error
        finally:
            self.client.dispose()
            self._done.set()

    async def _main(self, workdir: Path, environment: Mapping[str, str]) -> None:
        self._task = asyncio.current_task()
        await self.client.run(workdir, environment)

    def _tell(self, event: Event) -> None:
        if self._listener_error is None:
            try:
                self._on_event(event)
            except BaseException as error:
                self._listener_error = error

    def _save(self) -> None:
        written = nbformat.writes(self._document)
        if self._hidden:
            written = written.replace(self._hidden, "")
        # A notebook may print what UTF-8 cannot hold.
        write_file(self._output, written.encode("utf-8", "replace"))


def read_document(path: Path) -> NotebookNode:
    """The notebook; raises Problem `invalid_notebook`."""
    try:
        document: NotebookNode = nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError, nbformat.reader.NotJSONError) as error:
        raise Problem("invalid_notebook", f"This is not a notebook: {str(error)[:200]}") from error
    return document
