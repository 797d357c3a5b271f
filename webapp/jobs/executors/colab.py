"""Runs a notebook on a machine of Colab, cell by cell, through Google's `colab` tool.

One cell at a time because the tool goes on after a cell that failed, and says so nowhere but in the notebook it writes.
The kernel stays from one cell to the next.
"""

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Literal

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook, new_output

from webapp.errors import Problem
from webapp.jobs.executors.colab_parcels import Parcels
from webapp.jobs.executors.colab_tool import ColabTool, Said, StillMaking, last_line, refusal
from webapp.jobs.executors.colab_voice import Voice
from webapp.jobs.executors.endings import Standing, cell_failed, stopped, too_large
from webapp.jobs.executors.kernel import Event, runs, short_text, shown
from webapp.jobs.executors.local import Execution, read_document
from webapp.jobs.executors.outputs import tidy
from webapp.jobs.remote import Remote
from webapp.storage.files import write_file

# Over the time of the run, to bring back what there is: less than a supervisor allows a run elsewhere.
_BRING_SECONDS = 300.0
# A session that is not known yet may still be in the making: these pauses before it counts as ended.
_PAUSES = (0.0, 2.0, 5.0, 10.0)
_INSTEAD = "Make the notebook with keep_on_drive, or without export_merged and export_gguf."
# What the training loop prints of some steps; the tool tells of no figures before a cell has ended.
_STEP = re.compile(r"^step (\d+)/([1-9]\d*)  epoch ([\d.]+)  loss (\d+\.\d+)\b", re.MULTILINE)


@dataclass(frozen=True)
class ColabOrder:
    """What is to run: with which card of Colab's, with which rows, if they are a file (its path and its name there).

    `results` is the folder that the notebook writes; with `on_drive` it is on Google Drive while the notebook runs.
    """

    notebook: Path
    gpu: str
    results: str
    rows: tuple[Path, str] | None = None
    on_drive: bool = False


def execute_on_colab(
    order: ColabOrder,
    tool: ColabTool,
    *,
    workdir: Path,
    output: Path,
    timeout: float,
    on_event: Callable[[Event], None],
    cancelled: Callable[[], bool],
    remote: Remote,
) -> Execution:
    """Executes the notebook in a new session, which is ended in every case, and answers how that went.

    `output` gets the executed notebook after each cell, `workdir` the results, also of a run that failed; those that an
    earlier attempt brought there go along, so that it resumes. Raises Problem `colab_...` when it could not begin.
    """
    began = monotonic()
    run = _Run(order, tool, workdir, output, on_event, cancelled, began + timeout)
    with colab_session(tool, order.gpu, remote, run.say):
        reason, error = run.work(remote.name)
    if reason is not None:
        error = stopped(run.standing, reason, timeout)
    status: Literal["completed", "failed", "cancelled"] = "failed" if error else "completed"
    if reason == "cancelled":
        status = "cancelled"
    return Execution(status, monotonic() - began, len(run.cells), run.executed, error)


@contextmanager
def colab_session(tool: ColabTool, gpu: str, remote: Remote, say: Callable[[str], None]) -> Iterator[None]:
    """A session whose name is noted before it is there and until it has been ended; an earlier one is ended first.

    One that may still come stays noted.
    """
    may_come = False
    if remote.earlier is not None:
        end_session(tool, remote.earlier)
    remote.note(remote.name)
    try:
        say(f"asking Colab for a machine with {gpu} (session {remote.name})")
        tool.new(remote.name, gpu)
        yield
    except StillMaking:
        may_come = True
        raise
    finally:
        try:
            ended = tool.stop(remote.name)
        except Problem as problem:
            say(f"the session could not be ended: {problem.message} It is tried again; by hand: `colab sessions`.")
        else:
            if ended or not may_come:
                remote.note(None)


def end_session(tool: ColabTool, name: str) -> bool:
    """Ends a session that was left behind; whether there was one. Raises Problem where the tool cannot say."""
    for pause in _PAUSES:
        sleep(pause)
        if tool.stop(name):
            return True
    return False


class _Run:
    """One execution; `standing` says how far it is."""

    def __init__(
        self,
        order: ColabOrder,
        tool: ColabTool,
        workdir: Path,
        output: Path,
        on_event: Callable[[Event], None],
        cancelled: Callable[[], bool],
        deadline: float,
    ) -> None:
        self._order, self._tool, self._workdir, self._output = order, tool, workdir, output
        self._tell, self._cancelled, self._deadline = on_event, cancelled, deadline
        self._document = read_document(order.notebook)
        self.cells = [cell for cell in self._document.cells if runs(cell)]
        self.standing = Standing(None, len(self.cells), None)
        self.executed = 0

    def say(self, text: str) -> None:
        """Tells what is done around the notebook."""
        self._tell(Event("stream", {"cell": None, "name": "stdout", "text": f"{text}\n"}))

    def work(self, session: str) -> tuple[str | None, dict[str, Any] | None]:
        """Runs the cells and brings back the results: (why it had to be stopped, its error), None and None if well."""
        with tempfile.TemporaryDirectory() as scratch:
            parcels = Parcels(self._tool, session, Path(scratch), self._order.results)
            try:
                self._send(session, parcels)
            except Problem:
                if self._cancelled():
                    return "cancelled", None
                raise
            reason, error = self._run_cells(session, Path(scratch))
            tidy(self._document)
            self._save()
            if reason is None and error is None:
                error = self._bring(session, parcels)
            elif reason != "cancelled" and not self._order.on_drive:
                busy = reason is not None or (error is not None and error["code"] != "cell_failed")
                self._salvage(session, parcels, busy=busy)
        return reason, error

    def _send(self, session: str, parcels: Parcels) -> None:
        left = self._workdir / self._order.results
        if self._order.rows is not None:
            file, name = self._order.rows
            self.say(f"uploading the rows, {file.stat().st_size / 1e6:.1f} MB")
            self._tool.upload(session, file, f"content/{name}", self._left())
        if self._order.on_drive:
            self._tool.mount_drive(session)
        elif any((left / "checkpoints").rglob("*.*")):
            self.say("uploading the checkpoints of the attempt before")
            parcels.send(left, self._left)

    def _run_cells(self, session: str, scratch: Path) -> tuple[str | None, dict[str, Any] | None]:
        for place, cell in enumerate(self.cells):
            if reason := self._reason():
                return reason, None
            self.standing = Standing(place, len(self.cells), next(iter(cell.metadata.get("tags", [])), None))
            place_of = {"cell": place, "total": len(self.cells), "tag": self.standing.tag}
            self._tell(Event("cell_started", place_of))
            said = self._run_cell(session, scratch / f"cell-{place}.ipynb", cell)
            self._save()
            if reason := self._reason():
                return reason, None
            if said.status != 0:
                return None, self._dropped(session, said)
            failed = next((one for one in cell.outputs if one.output_type == "error"), None)
            self._tell(Event("cell_finished", place_of | {"ok": failed is None}))
            if failed is not None:
                return None, cell_failed(self.standing, failed)
            self.executed += 1
        return None, None

    def _run_cell(self, session: str, file: Path, cell: NotebookNode) -> Said:
        """Runs it as a notebook of one cell; its outputs are those that the tool wrote, or what could be heard."""
        alone = NotebookNode(cell | {"outputs": [], "execution_count": None})
        nbformat.write(new_notebook(cells=[alone]), file)
        heard: list[tuple[str, str]] = []
        voice = Voice()

        def hear(stream: str, text: str) -> None:
            if text := voice.without_tool(text) if stream == "stdout" else text:
                heard.append((stream, text))
                self._tell(Event("stream", {"cell": self.standing.cell, "name": stream, **short_text(text)}))
                for step, total, epoch, loss in _STEP.findall(text):
                    figures = {"step": int(step), "total_steps": int(total), "epoch": float(epoch), "loss": float(loss)}
                    self._tell(Event("metrics", figures))

        said = self._tool.execute(session, file, self._left(), hear, lambda: self._reason() is not None)
        written = file.with_name(f"{file.stem}_output.ipynb")
        if said.status == 0 and written.exists():
            cell.outputs = read_document(written).cells[0].outputs
            for one in cell.outputs:
                if "data" in one:
                    self._tell(
                        Event(
                            "display", {"cell": self.standing.cell, **shown(one.output_type, one | {"transient": {}})}
                        )
                    )
        else:
            cell.outputs = [new_output("stream", name=name, text=text) for name, text in heard]
        return said

    def _dropped(self, session: str, said: Said) -> dict[str, Any]:
        """The error of a tool that failed in a cell: nearly always Colab has taken its machine back."""
        if not said.lost and (known := refusal(said)).code not in ("colab_failed", "colab_no_gpu"):
            return self.standing.run_error(known.code, known.message)
        gone = said.lost or not self._tool.alive(session)
        what = "Colab's machine was lost" if gone else "The connection to Colab's machine was lost"
        kept = "its checkpoints are on Google Drive" if self._order.on_drive else "checkpoints that came back are used"
        message = f"{what} {self.standing.where} ({last_line(said.text)}). Run it again and it goes on: {kept}."
        return self.standing.run_error("colab_dropped", message)

    def _bring(self, session: str, parcels: Parcels) -> dict[str, Any] | None:
        """Fetches the results of a complete run; the run's error when they do not come."""
        try:
            if self._order.on_drive:
                self._tool.mount_drive(session)  # the notebook's last cell has unmounted it
            left_out = self._fetch(parcels)
        except Problem as problem:
            message = f"The notebook has run, but its results did not come back: {problem.message}"
            return self.standing.run_error(problem.code, message)
        too_much = None if self._order.on_drive else too_large(left_out, "Colab's machine", _INSTEAD)
        return self.standing.run_error("results_too_large", too_much) if too_much else None

    def _salvage(self, session: str, parcels: Parcels, *, busy: bool) -> None:
        """Fetches what another kind of run leaves, its checkpoints above all, as far as that can be done."""
        try:
            if busy:
                self._tool.restart_kernel(session, self._left())
            self._fetch(parcels)
        except Problem as problem:
            self.say(f"nothing could be brought back: {problem.message}")

    def _fetch(self, parcels: Parcels) -> list[str]:
        self.say("bringing back the results")
        left_out = parcels.fetch(self._workdir / self._order.results, self._left, self._cancelled)
        for name in left_out:
            self.say(f"left on {'Google Drive' if self._order.on_drive else 'Colab'} for its size: {name}")
        return left_out

    def _reason(self) -> str | None:
        if self._cancelled():
            return "cancelled"
        return "timed_out" if monotonic() >= self._deadline else None

    def _left(self) -> float:
        return max(1.0, self._deadline + _BRING_SECONDS - monotonic())

    def _save(self) -> None:
        with suppress(FileExistsError):
            self._output.parent.mkdir(parents=True)
        write_file(self._output, nbformat.writes(self._document).encode("utf-8", "replace"))
