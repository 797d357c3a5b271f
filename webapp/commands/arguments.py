"""What commands share: the data file, `--json`, and the file that `-o` names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from webapp.catalog import PRESETS
from webapp.errors import Problem

DATA = click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
PRESET = click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="balanced",
    show_default=True,
    help="How thoroughly: a first look, the usual, or more epochs and a larger adapter.",
)
FILE = click.Path(dir_okay=False, path_type=Path)


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, there whole or not at all, readable by everyone; a Problem when the place does not allow it.

    Of a link the file that it names is written. A device or a pipe is refused: it would be replaced by a file.
    """
    from webapp.storage.files import new_file  # and with it all of SQLAlchemy

    try:
        if path.exists() and not path.is_file():
            message = f"{path} cannot be written: it is no ordinary file, and a whole file is put in its place."
            raise Problem("output_not_writable", message, param="output")
        with new_file(Path(os.path.realpath(path)), mode=0o644) as file:
            yield file
    except OSError as error:
        raise _not_writable(path, error) from error
    except Problem as problem:
        if not isinstance(problem.__cause__, OSError):
            raise
        # It speaks of the store, and this is a place of the person's own.
        raise _not_writable(path, problem.__cause__) from problem


def _not_writable(path: Path, error: OSError) -> Problem:
    return Problem("output_not_writable", f"{path} cannot be written: {error.strerror}", status=500)


def write_output(path: Path, content: bytes) -> None:
    """Writes the file whole or not at all; a Problem when the place does not allow it."""
    with output_file(path) as file:
        file.write(content)


def same_file(first: Path, second: Path) -> bool:
    """Whether both name one file, that may not be there yet, whatever links lead to it."""
    return os.path.realpath(first) == os.path.realpath(second)


def refuse_to_overwrite(data: Path, path: Path) -> None:
    """Problem `output_is_data` where what is made of `data` would be written over it."""
    if same_file(data, path):
        message = f"{data} itself would be written over: choose another name with -o."
        raise Problem("output_is_data", message, param="output")


def _mapping(_context: click.Context, _option: click.Parameter, assignments: tuple[str, ...]) -> dict[str, str]:
    """The columns and their parts; Problem `invalid_mapping` shows how they are written."""
    found: dict[str, str] = {}
    for assignment in assignments:
        column, equals, part = assignment.rpartition("=")
        if not equals or column in found:
            what = f"{column} is mapped twice" if equals else "write COLUMN=PART, as in question=prompt"
            raise Problem("invalid_mapping", f"--map {assignment}: {what}", param="map")
        found[column] = part
    return found


MAP = click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="COLUMN=PART",
    callback=_mapping,
    help="What a column is, where its name does not tell: messages, conversations, tools, system, prompt, input, "
    "history, completion or text.",
)
