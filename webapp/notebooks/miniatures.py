"""The miniature of a dry run, made in a process of its own while the notebook's kernel starts."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from webapp.errors import Problem
from webapp.notebooks.reading import NotebookContents
from webapp.storage.files import write_file

MINIATURE_CONVERSATIONS = 10_000  # its tokenizer and its warm-up read fewer
MINIATURE_LENGTH = 512  # tokens of its own tokenizer, which needs about twice as many as a real one


class Making:
    """A miniature in the making; `described` is its `webapp.training.miniature.Miniature`, None until it is whole."""

    def __init__(self, finished: Path) -> None:
        self._finished = finished
        self.described: dict[str, Any] | None = json.loads(finished.read_bytes()) if finished.exists() else None

    @contextmanager
    def started(self, asked: Path, environment: Mapping[str, str]) -> Iterator[None]:
        """Makes what the file `asked` describes; at the end of the block an unfinished process is ended."""
        command = [sys.executable, "-m", "webapp.training.miniature", str(asked)]
        with (
            TemporaryFile() as self._output,
            TemporaryFile() as self._errors,
            subprocess.Popen(command, stdout=self._output, stderr=self._errors, env=dict(environment)) as self._process,
        ):
            try:
                yield
            finally:
                self._process.kill()

    def done(self) -> bool:
        """Whether it is whole; Problem `miniature_failed` when it never will be."""
        if self.described is None and (status := self._process.poll()) is not None:
            if status != 0:
                last = _read(self._errors).strip().split("\n")[-1] or f"exit status {status}"
                raise Problem("miniature_failed", f"The miniature model could not be made: {last}", status=500)
            described = _read(self._output)
            write_file(self._finished, described.encode("utf-8"))
            self.described = json.loads(described)
        return self.described is not None


@contextmanager
def making_miniature(
    contents: NotebookContents, data_file: Path | None, folder: Path, environment: Mapping[str, str]
) -> Iterator[Making]:
    """Starts to make the miniature of the notebook's model in `folder`; one made by an earlier attempt is kept."""
    making = Making(folder / "miniature.json")
    if making.described:
        yield making
        return
    folder.mkdir(parents=True, exist_ok=True)
    request = {
        "folder": str(folder),
        "model_type": contents.model.shape.model_type,
        "shape": contents.model.shape.config_values(),
        "family": asdict(contents.family),
        "conversations": contents.conversations(data_file)[:MINIATURE_CONVERSATIONS],
        "max_seq_length": min(MINIATURE_LENGTH, contents.parameters["max_seq_length"]),
    }
    asked = folder / "request.json"
    write_file(asked, json.dumps(request).encode())
    with making.started(asked, environment):
        yield making


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
