"""Files that are either wholly there after a crash or not there at all."""

import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from webapp.storage.problems import file_errors

_TRIES = 5


def sync_folder(folder: Path) -> None:
    """Puts the names in `folder` on disk: a renamed file is durable only after this."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> Path:
    """Makes `folder` and its parents, each durable, and answers it; fine when it exists."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)
    return folder


def remove_folder(folder: Path) -> None:
    """Removes a folder with all that is in it, whatever others write and remove there meanwhile.

    Raises OSError when that goes on, or when it cannot be removed.
    """
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
    shutil.rmtree(folder)


def temporary_name(path: Path) -> Path:
    """A fresh hidden name beside `path`, so that a rename never crosses a file system."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")


@contextmanager
def new_file(path: Path, mode: int = 0o600, ready: Callable[[Path], None] = lambda _: None) -> Iterator[BinaryIO]:
    """A binary file that appears at `path` (replacing one there) only when the block ends well.

    `ready` is called with the whole file before it has its name. Raises Problem `disk_full`, `read_only` or
    `storage_unavailable`; on any error nothing is left behind.
    """
    with new_named_file(path.parent, lambda: path.name, mode, ready) as file:
        yield file


@contextmanager
def new_named_file(
    folder: Path, name: Callable[[], str], mode: int = 0o600, ready: Callable[[Path], None] = lambda _: None
) -> Iterator[BinaryIO]:
    """The same in `folder`, under the name that is asked for when the block has ended well."""
    partial = temporary_name(folder / "file")
    with file_errors():
        make_folder(folder)
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            ready(partial)
            partial.replace(folder / name())
            sync_folder(folder)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def new_folder(final: Path, ready: Callable[[Path], None] = lambda _: None) -> Iterator[Path]:
    """An empty folder that appears as `final`, in the place of one there, only when the block ends well."""
    partial = temporary_name(final)
    with file_errors():
        make_folder(partial)
        try:
            yield partial
            _sync_tree(partial)
            ready(partial)
            # A folder cannot be renamed over a full one; between the renames it is absent, never half.
            if final.exists():
                final.replace(old := temporary_name(final))
                partial.replace(final)
                shutil.rmtree(old)
            else:
                partial.replace(final)
            sync_folder(final.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def sizes(folder: Path) -> dict[str, int]:
    """The bytes of the files in the folder and below, by their names relative to it; links are left out."""
    found = {}
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            with suppress(FileNotFoundError):  # a run at work replaces its files
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    found[path.relative_to(folder).as_posix()] = status.st_size
    return found


def older(folder: Path, since: float) -> list[str]:
    """The names in a folder of what was last written before `since`; a folder that is not there has none."""
    found = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < since:
                    found.append(entry.name)
    return found


def write_file(path: Path, data: bytes) -> None:
    """Replaces the file at `path` by `data`, atomically and durably."""
    with new_file(path) as file:
        file.write(data)


def _sync_tree(folder: Path) -> None:
    for name, _, names in os.walk(folder):
        for file in names:
            with Path(name, file).open("rb+") as opened:
                os.fsync(opened.fileno())
        sync_folder(Path(name))
