"""Says in words why a notebook's run did not complete."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from nbclient.exceptions import CellExecutionError

from webapp.jobs.executors.kernel import LiveClient
from webapp.jobs.executors.parcel import MOST_BYTES, lasting
from webapp.jobs.process import in_words

_TRACEBACK_LINES, _TRACEBACK_CHARACTERS, _VALUE_CHARACTERS = 20, 4000, 1000
_NAMED_FILES = 8
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class Standing(NamedTuple):
    """How far a run is: in which of its `total` cells, None before the first, and that cell's first tag."""

    cell: int | None
    total: int
    tag: str | None

    @property
    def where(self) -> str:
        """As a part of a sentence."""
        return "at its start" if self.cell is None else f"in cell {self.cell + 1} of {self.total}"

    def run_error(self, code: str, message: str) -> dict[str, Any]:
        """The error of an Execution that ended here."""
        return {"code": code, "message": message, "cell": self.cell, "tag": self.tag}


def explain(client: LiveClient, error: BaseException, reason: str | None, timeout: float) -> dict[str, Any]:
    """The error of an Execution: from `reason` when we stopped it, else from what nbclient raised.

    Raises `error` itself when it says nothing about the notebook.
    """
    standing = Standing(client.current, client.total, client.tag)
    if reason is not None:
        return stopped(standing, reason, timeout)
    if isinstance(error, CellExecutionError):
        return cell_failed(standing, client.cell_error or {})
    if client.refusal is not None:
        return standing.run_error(client.refusal.code, client.refusal.message)
    # nbclient's DeadKernelError, and what jupyter_client raises when a kernel does not start.
    if isinstance(error, RuntimeError):
        status = client.exit_status
        end = "ended by itself" if status is None else in_words(status)
        return standing.run_error("kernel_died", f"The notebook's process, {standing.where}, {end}.")
    raise error


def stopped(standing: Standing, reason: str, timeout: float) -> dict[str, Any]:
    """The error of a run that was `cancelled`, or that has `timed_out` after `timeout` seconds."""
    if reason == "cancelled":
        return standing.run_error("cancelled", f"The run was cancelled {standing.where}.")
    return standing.run_error("timed_out", f"The run was stopped after {timeout:g} seconds, {standing.where}.")


def too_large(left_out: list[str], where: str, instead: str) -> str | None:
    """What is to be said when results were `left_out` for their size; None when only checkpoints were."""
    if not (names := lasting(left_out)):
        return None
    named = ", ".join(names[:_NAMED_FILES]) + (f" and {len(names) - _NAMED_FILES} more" * (len(names) > _NAMED_FILES))
    return (
        f"The notebook has run, but its results are over the {MOST_BYTES / 1024**3:g} GiB that can be brought back. "
        f"What there was no place for was lost with {where}: {named}. {instead}"
    )


def cell_failed(standing: Standing, content: Mapping[str, Any]) -> dict[str, Any]:
    """The error of a cell, from a kernel's `{ename, evalue, traceback}`."""
    name = content.get("ename", "Error")
    value = _plain(content.get("evalue", ""))[:_VALUE_CHARACTERS]
    lines = _plain("\n".join(content.get("traceback", []))).splitlines()
    return standing.run_error("cell_failed", f"{name} {standing.where}: {value}") | {
        "ename": name,
        "evalue": value,
        "traceback": "\n".join(lines[-_TRACEBACK_LINES:])[-_TRACEBACK_CHARACTERS:],
    }


def _plain(text: str) -> str:
    return _ANSI.sub("", text)
