"""What commands share: the data file, `--json`, and the file that `-o` names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from webapp.errors import Problem
from webapp.storage.files import new_file

DATA = click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
FILE = click.Path(dir_okay=False, path_type=Path)


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, there whole or not at all, readable by everyone; a Problem when the place does not allow it."""
    try:
        with new_file(path.absolute(), mode=0o644) as file:
            yield file
    except OSError as error:
        raise Problem("output_not_writable", f"{path} cannot be written: {error.strerror}", status=500) from error
