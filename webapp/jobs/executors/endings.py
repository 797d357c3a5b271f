"""Says in words why a notebook's run did not complete."""

import re
from typing import Any

from nbclient.exceptions import CellExecutionError

from webapp.jobs.executors.kernel import LiveClient
from webapp.jobs.process import in_words

_TRACEBACK_LINES, _TRACEBACK_CHARACTERS, _VALUE_CHARACTERS = 20, 4000, 1000
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def explain(client: LiveClient, error: BaseException, reason: str | None, timeout: float) -> dict[str, Any]:
    """The error of an Execution: from `reason` when we stopped it, else from what nbclient raised.

    Raises `error` itself when it says nothing about the notebook.
    """
    where = "at its start" if client.current is None else f"in cell {client.current + 1} of {client.total}"
    if reason == "cancelled":
        return _error("cancelled", f"The run was cancelled {where}.", client)
    if reason == "timed_out":
        return _error("timed_out", f"The run was stopped after {timeout:g} seconds, {where}.", client)
    if isinstance(error, CellExecutionError):
        return _cell_failed(client, where)
    if client.refusal is not None:
        return _error(client.refusal.code, client.refusal.message, client)
    # nbclient's DeadKernelError, and what jupyter_client raises when a kernel does not start.
    if isinstance(error, RuntimeError):
        status = client.exit_status
        end = "ended by itself" if status is None else in_words(status)
        return _error("kernel_died", f"The notebook's process, {where}, {end}.", client)
    raise error


def _cell_failed(client: LiveClient, where: str) -> dict[str, Any]:
    content = client.cell_error or {}
    name = content.get("ename", "Error")
    value = _plain(content.get("evalue", ""))[:_VALUE_CHARACTERS]
    lines = _plain("\n".join(content.get("traceback", []))).splitlines()
    return _error("cell_failed", f"{name} {where}: {value}", client) | {
        "ename": name,
        "evalue": value,
        "traceback": "\n".join(lines[-_TRACEBACK_LINES:])[-_TRACEBACK_CHARACTERS:],
    }


def _error(code: str, message: str, client: LiveClient) -> dict[str, Any]:
    return {"code": code, "message": message, "cell": client.current, "tag": client.tag}


def _plain(text: str) -> str:
    return _ANSI.sub("", text)
