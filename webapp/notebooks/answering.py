"""The process that answers prompts with the model of a run and with its base model: started, asked, listened to."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

from webapp.errors import Problem
from webapp.jobs import scrubbed_environment
from webapp.notebooks.reading import read_notebook
from webapp.notebooks.results import MINIATURE, MODEL
from webapp.notebooks.running import NO_HUB, ONE_THREAD, QUIET, require_training_packages

COMMAND = (sys.executable, "-m", "webapp.training.writing")
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
_END_SECONDS = 2.0


class Answers(Protocol):
    """Who is asked and listened to: messages are those of webapp.training.writing."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Sends a prompt or a stop; never waits for the answer."""

    def news(self, seconds: float) -> list[dict[str, Any]]:
        """What has been said since, after waiting for it so long at most; raises Problem once nobody is there."""


@dataclass(frozen=True)
class Trained:
    """What a run has left on this machine: its working folder, its notebook, and whether it is a dry run."""

    workdir: Path
    notebook: Path
    miniature: bool


@contextmanager
def answers(trained: Trained) -> Iterator[Answers]:
    """Starts to load both models, without a network, in a process without the app's secrets that ends with the block.

    Raises Problem `training_packages_missing`.
    """
    require_training_packages()
    parameters = read_notebook(trained.notebook).parameters
    environment = scrubbed_environment(os.environ) | QUIET | _OFFLINE
    if trained.miniature:
        parameters |= {"base_model": str(trained.workdir / MINIATURE)}
        environment |= ONE_THREAD | NO_HUB
    command = [*COMMAND, str(trained.workdir / MODEL)]
    with (
        TemporaryFile() as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True
        ) as process,
    ):
        try:
            both = _Process(process, errors, parameters["base_model"])
            both.send({"parameters": parameters})
            yield both
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(OSError):
        _pipe(process.stdin).close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    process.kill()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    """The pipe, which Popen was told to make."""
    if pipe is None:
        raise ValueError("this process has no such pipe")
    return pipe


class _Process:
    def __init__(self, process: subprocess.Popen[str], errors: IO[bytes], base_model: str) -> None:
        self._process, self._errors, self._base_model = process, errors, base_model
        self._said: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._ended: Problem | None = None
        threading.Thread(target=self._listen, name="answers", daemon=True).start()

    def send(self, message: Mapping[str, Any]) -> None:
        pipe = _pipe(self._process.stdin)
        with suppress(BrokenPipeError):  # it has ended: news will tell
            pipe.write(json.dumps(message) + "\n")
            pipe.flush()

    def news(self, seconds: float) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        with suppress(queue.Empty):
            while self._ended is None:
                said = self._said.get(timeout=0 if found else seconds)
                if said is None:
                    self._ended = self._obituary()
                elif said["type"] == "failed":
                    self._ended = self._failure(said)
                else:
                    found.append(said)
        # What was said before the end is told before it.
        if self._ended and not found:
            raise self._ended
        return found

    def _listen(self) -> None:
        for line in _pipe(self._process.stdout):
            self._said.put(json.loads(line))
        self._said.put(None)

    def _failure(self, said: Mapping[str, Any]) -> Problem:
        if said["missing"]:
            return Problem(
                "base_model_missing",
                f"{self._base_model} could not be read on this machine, and is not downloaded for this: a run on this "
                "machine brings it, or `hf download` does.",
                status=409,
                details={"reason": said["message"]},
            )
        return Problem("model_not_loaded", f"The model could not be loaded: {said['message']}", status=500)

    def _obituary(self) -> Problem:
        status = self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode("utf-8", "replace").splitlines()[-20:]
        return Problem(
            "model_not_loaded",
            "The process that held the model has ended, often for want of memory.",
            status=500,
            details={"exit_status": status, "stderr": last},
        )
