"""The executor `ray`: a node of a Ray cluster, as a submission to Ray Jobs."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from webapp.errors import Problem
from webapp.jobs.executors import Event, parcel
from webapp.jobs.executors.endings import too_large
from webapp.jobs.executors.ray import RayJobs, room_in
from webapp.notebooks import node
from webapp.notebooks.failures import decode
from webapp.notebooks.reading import NotebookContents, read_notebook
from webapp.notebooks.results import EXECUTED, RESULTS, newest_checkpoint
from webapp.notebooks.running import RunReport, Watch, forget_report, rows_to_send
from webapp.settings import Settings

ENTRYPOINT = "python -m webapp.notebooks.node"
# After the time of the run, which the node keeps by itself: to pack what there is, and for its report to arrive.
_LATE_SECONDS = 300.0
_INSTEAD = "Make the notebook without export_merged and export_gguf, or run it where its disk stays."
# What an attempt that ended without a word has left can be gone on with in these states.
_FOLLOWED = ("PENDING", "RUNNING", "SUCCEEDED")


class Cluster:
    """Runs notebooks on nodes where `tunebook[train,ray]` is installed; nothing there needs this machine's disk."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, notebook: Path, workdir: Path, watch: Watch, data_file: Path | None = None, /) -> RunReport:
        """Runs the notebook on a GPU of the cluster, or on a CPU where it was planned for one.

        What an earlier attempt submitted is followed when it still runs; it is left alone for the next one when only
        this process is to stop. Raises Problem `ray_...`, or the node's own.
        """
        contents = read_notebook(notebook)
        rows = rows_to_send(notebook, contents, data_file)
        jobs, began = RayJobs(self._settings.ray_address), monotonic()
        forget_report(workdir)
        name = _under_way(jobs, watch)
        if name is None:
            name = watch.remote.name
            watch.remote.note(name)
            with tempfile.TemporaryDirectory() as scratch:
                _pack_order(Path(scratch), notebook, rows, workdir, name, watch)
                jobs.submit(name, ENTRYPOINT, Path(scratch), gpus=0 if contents.gpu == "cpu" else 1)
        try:
            return _Following(jobs, name, workdir, watch, contents, began).report()
        finally:
            if not (watch.cancelled() and watch.goes_on()):
                with suppress(Problem):  # else it stays noted, and is ended later
                    jobs.end(name)
                    watch.remote.note(None)

    def end(self, name: str) -> bool:
        """Stops the submission of that name; whether there was one."""
        return RayJobs(self._settings.ray_address).end(name)


def _under_way(jobs: RayJobs, watch: Watch) -> str | None:
    """The submission of an attempt before, if it can be gone on with; any other is ended."""
    earlier = watch.remote.earlier
    if earlier is None:
        return None
    if jobs.status(earlier) in _FOLLOWED:
        return earlier
    jobs.end(earlier)
    return None


def _pack_order(folder: Path, notebook: Path, rows: Path | None, workdir: Path, name: str, watch: Watch) -> None:
    """What the node needs; checkpoints that an attempt before has brought back go along, as far as there is room."""
    shutil.copyfile(notebook, folder / node.NOTEBOOK)
    if rows is not None:
        (folder / node.ROWS).mkdir()
        shutil.copyfile(rows, folder / node.ROWS / rows.name)
    order = {"name": name, "deadline": time.time() + watch.timeout}
    (folder / node.ORDER).write_text(json.dumps(order), encoding="utf-8")
    if checkpoint := newest_checkpoint(workdir / RESULTS):
        _pack_earlier(folder, workdir / RESULTS, checkpoint, watch)


def _pack_earlier(folder: Path, results: Path, checkpoint: list[Path], watch: Watch) -> None:
    """Everything that an attempt before has brought back, or its newest checkpoint, or nothing, and then it is said."""
    everything = [path for path in results.rglob("*") if path.is_file()]
    for files in (everything, checkpoint):
        if sum(path.stat().st_size for path in files) <= room_in(folder):
            for path in files:
                target = folder / node.EARLIER / path.relative_to(results)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
            return
    text = "the checkpoint of the attempt before is more than Ray carries: the run begins anew\n"
    watch.on_event(Event("stream", {"cell": None, "name": "stderr", "text": text}))


class _Following:
    """A submission that is under way, from what it prints."""

    def __init__(
        self, jobs: RayJobs, name: str, workdir: Path, watch: Watch, contents: NotebookContents, began: float
    ) -> None:
        self._jobs, self._name, self._workdir, self._watch, self._began = jobs, name, workdir, watch, began
        self._contents = contents
        self._executed = 0

    def report(self) -> RunReport:
        """The node's report once it is there, its files fetched; or how the run ended without one."""
        for said in self._said():
            if "problem" in said:
                raise Problem.from_dict(said["problem"])
            if "report" in said:
                left_out = self._fetch(said["report"]["parcel"])
                return self._without(left_out, RunReport(**said["report"]["report"]))
        if self._watch.cancelled():
            return self._ended("cancelled", "cancelled", "The run was cancelled.")
        if self._out_of_time():
            message = f"The run was stopped after {self._watch.timeout:g} seconds."
            if self._jobs.status(self._name) == "PENDING":
                message += " The cluster had no free place for it."
            return self._ended("failed", "timed_out", message)
        message = f"The run ended on the cluster without a report: {self._jobs.last_words(self._name)[:500]}"
        return self._ended("failed", "ray_job_failed", message)

    def _said(self) -> Iterator[Mapping[str, Any]]:
        """What the node says beside its events, which are told on; other lines are Ray's."""
        for line in self._jobs.lines(self._name, lambda: self._watch.cancelled() or self._out_of_time()):
            if not line.startswith(node.MARK):
                self._watch.on_event(Event("stream", {"cell": None, "name": "stderr", "text": f"{line}\n"}))
                continue
            said = json.loads(line.removeprefix(node.MARK))
            if event := said.get("event"):
                self._executed += event["type"] == "cell_finished" and event["data"]["ok"]
                self._watch.on_event(Event(event["type"], event["data"]))
            else:
                yield said

    def _fetch(self, packed: Mapping[str, Any]) -> list[str]:
        with tempfile.TemporaryDirectory(dir=self._workdir) as scratch:
            for number in range(packed["parts"]):
                file = parcel.part(self._name, number)
                self._jobs.fetch(self._name, file, Path(scratch, file))
            parcel.unpack(str(Path(scratch, self._name)), packed["parts"], packed["sha256"], f"{scratch}/fetched")
            shutil.rmtree(self._workdir / RESULTS, ignore_errors=True)
            for name in (EXECUTED, RESULTS):
                if (fetched := Path(scratch, "fetched", name)).exists():
                    fetched.replace(self._workdir / name)
        for name in packed["left_out"]:
            text = f"left on the cluster for its size: {name}\n"
            self._watch.on_event(Event("stream", {"cell": None, "name": "stderr", "text": text}))
        return list(packed["left_out"])

    def _without(self, left_out: list[str], report: RunReport) -> RunReport:
        """The report of a run of which these files did not come back."""
        here = [name for name in report.artifacts if name not in left_out]
        too_much = too_large(left_out, "the submission", _INSTEAD) if report.status == "completed" else None
        if too_much is None:
            return replace(report, artifacts=here)
        return replace(report, artifacts=here, status="failed", error=self._error("results_too_large", too_much))

    def _out_of_time(self) -> bool:
        return monotonic() > self._began + self._watch.timeout + _LATE_SECONDS

    def _ended(self, status: str, code: str, message: str) -> RunReport:
        cells = {"total": self._contents.code_cells, "executed": self._executed}
        return RunReport(status, round(monotonic() - self._began, 2), cells, error=self._error(code, message))

    def _error(self, code: str, message: str) -> dict[str, Any]:
        error: dict[str, Any] = {"code": code, "message": message, "cell": None, "tag": None}
        return error | {"failure": decode(error, self._contents.parameters).to_dict()}
