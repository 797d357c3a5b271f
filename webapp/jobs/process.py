"""The process group of one attempt: started clean of secrets, ended for certain, its last words kept."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from webapp.errors import Problem
from webapp.jobs.family import end_family, mark
from webapp.storage.tables import Job

_VERDICT_GRACE = 5.0
_LAST_WORDS_BYTES, _LAST_WORDS_LINES = 8192, 20


class Child:
    """`[*command, job id, attempt]`, leader of a session of its own; what it and its like start ends with it.

    `ending` says that it was told to end, `verdict` that this was its own fault, and why.
    """

    def __init__(self, command: Sequence[str], job: Job, environment: Mapping[str, str]) -> None:
        self.job_id, self.attempt = job.id, job.attempt
        self.ending = False
        self.verdict: Problem | None = None
        self._kill_at = float("inf")
        self._swept = False
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        try:
            self._process = subprocess.Popen(
                [*command, job.id, str(job.attempt)],
                env={**environment, **mark(job.id, job.attempt)},
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError:
            self._output.close()
            raise

    def end(self, grace: float) -> None:
        """Asks the whole group to end, once, and kills it after `grace` seconds, of several calls the first to pass."""
        self._kill_at = min(self._kill_at, monotonic() + grace)
        if not self.ending:
            self.ending = True
            self._signal(signal.SIGTERM)

    def condemn(self, verdict: Problem) -> None:
        """Ends it because of what it did; nothing when it is ending already."""
        if not self.ending:
            self.verdict = verdict
            self.end(_VERDICT_GRACE)

    def poll(self) -> int | None:
        """None while it runs, then its exit status (minus the signal's number when one ended it)."""
        if monotonic() >= self._kill_at:
            self._signal(signal.SIGKILL)
        status = self._process.poll()
        if status is not None and not self._swept:
            self._swept = True
            self._signal(signal.SIGKILL)  # what it left behind in its group, and in others
            end_family(self.job_id, self.attempt)
        return status

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def close(self) -> None:
        """Lets go of what it printed."""
        self._output.close()

    def obituary(self, status: int) -> dict[str, Any]:
        """The error `{code, message, status, param, details}` of a process that ended without a word."""
        details = {"exit_status": status, "stderr": self._last_words()}
        return Problem(
            "job_died", f"The process of this job {in_words(status)}.", status=500, details=details
        ).to_dict()

    def _last_words(self) -> list[str]:
        size = os.fstat(self._output.fileno()).st_size
        # The child shares this file's position and may still write: read without moving it.
        tail = os.pread(self._output.fileno(), _LAST_WORDS_BYTES, max(0, size - _LAST_WORDS_BYTES))
        return tail.decode("utf-8", "replace").splitlines()[-_LAST_WORDS_LINES:]

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def in_words(status: int) -> str:
    """An exit status as the rest of a sentence: "was ended by signal 15 (SIGTERM)"."""
    if status >= 0:
        return f"ended with exit status {status}"
    words = f"was ended by signal {-status}"
    with suppress(ValueError):
        words += f" ({signal.Signals(-status).name})"
    return words + (", often a sign of too little memory" if -status == signal.SIGKILL else "")
