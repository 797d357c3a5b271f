"""Progress for whoever follows the run, here or far away: figures of every step, and how it ended.

An executor that asks for them gets them as a display message of a type of their own; with `progress_url` and a token
they are posted there. They hold numbers of the run and, at its end, the name and text of an error: no rows, no answers.
Whatever becomes of them, training neither waits nor fails for it.
"""

import math
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from webapp.training.posting import Postman
from webapp.training.runtime import notebook_shell, shared_secret

METRICS_TYPE = "application/vnd.tunebook.metrics+json"
LISTENING = "TUNEBOOK_LISTENS"  # in the environment of a kernel whose executor takes messages of this type
PROGRESS_URL = "TUNEBOOK_PROGRESS_URL"
PROGRESS_TOKEN = "TUNEBOOK_PROGRESS_TOKEN"  # noqa: S105 (its name)
DISPLAY_SECONDS = 1.0  # between two messages
SETTLE_SECONDS = 5.0  # that the end of a run waits for the last reports
ERROR_CHARACTERS = 2000


class RunCancelled(Exception):
    """The run was cancelled where its progress is shown."""


class Reporter:
    """What a run tells of itself while it trains; no method raises, and only the last of a run waits, for seconds."""

    def __init__(self, postman: Postman | None = None) -> None:
        shell = notebook_shell() if os.environ.get(LISTENING) else None
        self._display = getattr(shell, "display_pub", None)
        self._rows: list[dict[str, Any]] = []
        self._display_due = 0.0
        self._postman = postman
        self._ended, self._said = False, False
        self._tell_status("running")

    @property
    def cancelled(self) -> bool:
        """Whether the run is to stop soon."""
        return self._postman is not None and self._postman.cancelled

    def step(self, figures: Mapping[str, float | None], last: bool = False) -> None:
        """Tells the figures of a step by name, those that are not known left out; `last` ends the training."""
        with suppress(Exception):
            row = {name: value for name, value in figures.items() if value is not None and math.isfinite(value)}
            if self._postman is not None:
                self._postman.put({"type": "metrics", **row})
                self._say_fault()
            if self._display is not None:
                self._rows.append(row)
                if last or time.monotonic() >= self._display_due:
                    self._show_rows()

    def complete(self) -> None:
        """Tells that the notebook has run to its end."""
        with suppress(Exception):
            self._ended = True
            self._tell_status("completed")
            self._settle()

    def fail(self, error: BaseException) -> None:
        """Tells the error of a cell; what is told afterwards belongs to another run, which goes on."""
        with suppress(Exception):
            if self._ended or self._postman is None:
                return
            value = str(error)[:ERROR_CHARACTERS]
            self._tell_status("failed", error={"name": type(error).__name__[:200], "value": value})
            self._settle()
            self._postman.start_run()

    def after_cell(self, result: Any) -> None:
        """Called by IPython after every cell."""
        with suppress(Exception):
            self._show_rows()
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            self.fail(error)

    def _tell_status(self, status: str, **more: Any) -> None:
        if self._postman is not None:
            self._postman.put({"type": "status", "status": status, **more})

    def _show_rows(self) -> None:
        if self._rows and self._display is not None:
            self._display.publish({METRICS_TYPE: {"rows": self._rows}}, {})
            self._rows, self._display_due = [], time.monotonic() + DISPLAY_SECONDS

    def _settle(self) -> None:
        if self._postman is not None and not self._postman.settle(SETTLE_SECONDS) and not self._postman.fault:
            print("the last progress reports could not be sent", flush=True)
        self._say_fault()

    def _say_fault(self) -> None:
        """Says once that nothing is sent any more."""
        if self._postman is not None and self._postman.fault and not self._said:
            self._said = True
            print(f"no more progress reports: {self._postman.fault}; the run goes on without", flush=True)


def start_reporting(url: str, token: str, earlier: Reporter | None = None) -> Reporter:
    """The reporter of this run of the notebook, in place of an `earlier` one; it hears of cells that fail.

    An address or a token that is not given is looked for in the environment; where there is an address, the token also
    in Colab's secrets.
    """
    url = url or os.environ.get(PROGRESS_URL, "")
    token = (token or shared_secret(PROGRESS_TOKEN) or "") if url else ""
    if url and not token:
        print(f"nobody is told of this run: {url} needs progress_token")
    reporter = Reporter(Postman(url, token) if token else None)
    shell: Any = notebook_shell()
    if shell is None:
        report_crash(reporter)
    else:
        if earlier is not None:
            shell.events.unregister("post_run_cell", earlier.after_cell)
        shell.events.register("post_run_cell", reporter.after_cell)
    if token:
        print(f"progress goes to {url}")
    return reporter


def report_crash(reporter: Reporter) -> None:
    """In a script, an error that nobody caught ends the run."""
    show = sys.excepthook

    def report(kind: Any, error: BaseException, trace: Any) -> None:
        reporter.fail(error)
        show(kind, error, trace)

    sys.excepthook = report
