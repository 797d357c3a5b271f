"""Google's `colab` command line (google-colab-cli 0.7), as its README and its source describe it."""

import os
import re
import selectors
import shlex
import shutil
import subprocess
import tempfile
from codecs import getincrementaldecoder
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import IO, NamedTuple

from webapp.errors import Problem
from webapp.jobs.family import MARK

# Between two looks whether a command is to end.
_POLL_SECONDS = 0.05
_KILL_SECONDS = 2.0
_NEW_SECONDS = 900.0
_READ_BYTES = 64 * 1024
_LAST_CHARACTERS = 4000
# The tool brings its own Python, which variables of this one would confuse.
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
_PLAIN = {"PYTHONUNBUFFERED": "1", "TYPER_STANDARD_TRACEBACK": "1", "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}
INSTALL = "uv tool install google-colab-cli"
_UNANSWERED = 124
_LOST = re.compile(r"appears to be lost|Session '[^']*' not found")


class StillMaking(Problem):
    """The tool has given no answer in its time, and goes on: a machine may still come of it."""


class Said(NamedTuple):
    """How a command ended, and the last it said on both its streams."""

    status: int
    text: str

    @property
    def lost(self) -> bool:
        """Whether it was told that its session is gone."""
        return _LOST.search(self.text) is not None


class _Refusal(NamedTuple):
    words: str
    code: str
    message: str
    status: int


_REFUSALS = (
    _Refusal(
        r"authorization code|[Nn]o valid default credentials|RefreshError|invalid_grant|DefaultCredentialsError"
        r"|Unauthorized",
        "colab_not_logged_in",
        "The colab tool is not signed in to Google: run `colab sessions` once in a terminal of the account that runs "
        "notebooks, and follow what it says.",
        503,
    ),
    _Refusal(
        r"Allocation refused|TooManyAssignmentsError",
        "colab_quota",
        "Colab gives this account no machine now: it has too many sessions, or has reached a limit of its use. End "
        "sessions (`colab sessions`, `colab stop`), or wait.",
        503,
    ),
    _Refusal(
        r"rejected accelerator",
        "colab_gpu_refused",
        "This Google account may not have that card. Plan the notebook for another one (a T4 is free), or get compute "
        "units.",
        503,
    ),
    _Refusal(
        r"Service Unavailable|Bad Gateway|Gateway Time-?out|ReadTimeout",
        "colab_no_gpu",
        "Colab has no such card free now. Try again later, or plan the notebook for another one.",
        503,
    ),
    _Refusal(
        r"No such (option|command)|Usage: ",
        "colab_version",
        f"This colab tool does not know what is asked of it: update it with `{INSTALL} --upgrade`.",
        503,
    ),
)


class ColabTool:
    """The tool by its command line, e.g. `colab` or `colab --auth adc`; `sessions` is the file of its own sessions.

    Raises Problem `colab_not_installed` where it is not found.
    """

    def __init__(self, command: str, sessions: Path, environ: Mapping[str, str]) -> None:
        self._environ = {name: value for name, value in environ.items() if name not in _OURS} | _PLAIN
        program, *options = shlex.split(command) or ["colab"]
        found = shutil.which(program, path=environ.get("PATH"))
        if found is None:
            raise Problem(
                "colab_not_installed",
                f"Google's colab command line is not installed here ({program}): `{INSTALL}`, or `pip install "
                "google-colab-cli` with Python 3.12 or newer.",
                status=503,
            )
        sessions.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._command = [found, *options, "--config", str(sessions)]

    def new(self, session: str, gpu: str) -> None:
        """Has Colab give a machine with the card; raises Problem `colab_...` by the reason why it did not.

        It is StillMaking when that is not known yet.
        """
        # On its own, so that it always comes to tell which machine it got: nobody could end that otherwise.
        said = self._call("new", "-s", session, "--gpu", gpu, seconds=_NEW_SECONDS, alone=True)
        if said.status == _UNANSWERED:
            raise StillMaking("colab_failed", f"The colab tool failed: {said.text}", status=502)
        if said.status != 0:
            raise refusal(said)

    def stop(self, session: str) -> bool:
        """Ends the session; whether there was one. Raises Problem where the tool cannot say."""
        # On its own: it ends the session even when this process does not live to see it.
        said = self._call("stop", "-s", session, seconds=120, alone=True)
        if said.status != 0 and not said.lost:
            raise refusal(said)
        return not said.lost

    def alive(self, session: str) -> bool:
        """Whether the session is still there, as far as Colab tells."""
        said = self._call("status", "-s", session, seconds=60)
        return said.status == 0 and not said.lost

    def upload(self, session: str, file: Path, target: str, seconds: float) -> None:
        """Carries a file to the machine; Problem `colab_dropped` when it does not arrive."""
        self._carry("upload", "-s", session, str(file), target, seconds=seconds)

    def download(self, session: str, source: str, file: Path, seconds: float) -> None:
        """Brings a file from the machine; Problem `colab_dropped` when it does not arrive."""
        self._carry("download", "-s", session, source, str(file), seconds=seconds)

    def restart_kernel(self, session: str, seconds: float) -> None:
        """Ends whatever runs in the session; its files stay. Problem `colab_dropped` when it cannot be reached."""
        self._carry("restart-kernel", "-s", session, seconds=seconds)

    def mount_drive(self, session: str) -> None:
        """Mounts Google Drive; Problem `colab_drive_refused` when nobody has allowed that yet."""
        said = self._call("drivemount", "-s", session, seconds=600)
        if said.status != 0 or "ounted at" not in said.text:
            address = re.search(r"https://\S+", said.text)
            raise Problem(
                "colab_drive_refused",
                "Google Drive could not be mounted: allow it once with `colab drivemount` in a terminal"
                + (f", or at {address[0]}" if address else "")
                + ", or make the notebook without keep_on_drive.",
                status=503,
            )

    def execute(
        self,
        session: str,
        file: Path,
        seconds: float,
        hear: Callable[[str, str], None] = lambda *_: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Said:
        """Runs a script or notebook in the session's kernel, which stays; `hear` gets (stream, text) as it is said.

        It is ended when `stopped` says so; what it had begun goes on in the kernel. A cell that fails does not make it
        fail: the notebook that it writes beside `file` tells.
        """
        # Its own limit is 30 s a cell; ours is kept by `stopped`.
        limit = str(int(seconds) + 60)
        command = [*self._command, "exec", "-s", session, "-f", str(file), "--timeout", limit]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, env=self._environ, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
        ) as process:
            try:
                text = _listen(process, hear, stopped)
            finally:
                process.kill()
        return Said(process.returncode, text)

    def _carry(self, *arguments: str, seconds: float) -> None:
        said = self._call(*arguments, seconds=seconds)
        if said.status != 0:
            raise Problem("colab_dropped", f"`colab {arguments[0]}` failed: {last_line(said.text)}", status=502)

    def _call(self, *arguments: str, seconds: float, alone: bool = False) -> Said:
        """Runs a command to its end; one that takes too long is ended, unless it is to be left alone.

        What is left alone is no process of the attempt: it outlives it, and what it keeps running does.
        """
        environ = {name: value for name, value in self._environ.items() if not (alone and name == MARK)}
        # Into a file: a pipe would wait for whatever the tool leaves running.
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [*self._command, *arguments],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=alone,
            )
            try:
                process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                if not alone:
                    process.kill()
                    process.wait()
                return Said(_UNANSWERED, f"`colab {arguments[0]}` gave no answer in {seconds:g} s")
            output.seek(0)
            return Said(process.returncode, output.read().decode("utf-8", "replace")[-_LAST_CHARACTERS:])


def refusal(said: Said) -> Problem:
    """The problem behind a command that failed: `colab_failed` with its last line where the reason is not known."""
    for known in _REFUSALS:
        if re.search(known.words, said.text):
            return Problem(known.code, known.message, status=known.status, details={"said": said.text.strip()[-1000:]})
    details = {"said": said.text.strip()[-1000:]}
    return Problem("colab_failed", f"The colab tool failed: {last_line(said.text)}", status=502, details=details)


def last_line(text: str) -> str:
    """The last that was said, as far as it fits into a sentence."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else "it said nothing"


def _listen(process: subprocess.Popen[bytes], hear: Callable[[str, str], None], stopped: Callable[[], bool]) -> str:
    """Passes on both streams as they come, until they end or it is stopped; answers the last of them."""
    last, kill_at = "", float("inf")
    with selectors.DefaultSelector() as selector:
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, (name, getincrementaldecoder("utf-8")("replace")))
        while selector.get_map():
            for key, _ in selector.select(_POLL_SECONDS):
                name, decoder = key.data
                block = os.read(_descriptor(key.fileobj), _READ_BYTES)
                text = decoder.decode(block, final=not block)
                if text:
                    hear(name, text)
                    last = (last + text)[-_LAST_CHARACTERS:]
                if not block:
                    selector.unregister(key.fileobj)
            if stopped() and kill_at == float("inf"):
                process.terminate()
                kill_at = monotonic() + _KILL_SECONDS
            if monotonic() >= kill_at:
                break
    if kill_at < float("inf"):
        process.kill()
    process.wait()
    return last


def _descriptor(stream: int | IO[bytes] | object) -> int:
    return stream if isinstance(stream, int) else stream.fileno()  # type: ignore[attr-defined]
