"""The blob store: uploaded, generated and executed files under names that only the server makes."""

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from webapp.errors import Problem
from webapp.storage import files
from webapp.storage.problems import file_errors

# A part never begins with a dot: that bars "..", and keeps the names of unfinished files apart.
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*/?", re.ASCII)


class Stored(NamedTuple):
    """A file that was just kept: its key ends in its SHA-256, in hexadecimal; `size` is in bytes."""

    key: str
    size: int
    sha256: str


class Blobs:
    """Files under `root` (absolute), named by keys such as `datasets/<id>/upload.jsonl` or `runs/<job id>/`.

    Every method raises Problem `invalid_path` for a key that could leave the store.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Where `key` is, or would be."""
        if not _KEY.fullmatch(key):
            raise Problem("invalid_path", "This is not the name of a stored file.", status=404)
        return self.root / key

    def exists(self, key: str) -> bool:
        """Whether a finished file or folder is there."""
        return self.path(key).exists()

    def new_file(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A file to write: under `key`, durable, once the block has ended well; gone otherwise."""
        return files.new_file(self.path(key))

    def add(self, folder: str, chunks: Iterable[bytes], suffix: str = "") -> Stored:
        """Keeps the bytes as they come under the name of their content, `folder/<SHA-256>suffix`.

        Within the folder of what owns it, so that what one person deletes is never another's file too. Whatever
        `chunks` raises leaves nothing behind.
        """
        size, digest = 0, hashlib.sha256()
        with files.new_named_file(self.path(folder), lambda: f"{digest.hexdigest()}{suffix}") as file:
            for chunk in chunks:
                size += len(chunk)
                digest.update(chunk)
                file.write(chunk)
        return Stored(f"{folder}/{digest.hexdigest()}{suffix}", size, digest.hexdigest())

    def keep(self, source: Path, key: str) -> None:
        """The file `source` under `key` too, whatever replaces it where it is: one file on disk where links can be."""
        path = self.path(key)
        with file_errors():
            files.make_folder(path.parent)
            try:
                path.hardlink_to(source)
                files.sync_folder(path.parent)
            except OSError:  # other file systems have no hard links
                with source.open("rb") as opened, self.new_file(key) as copy:
                    shutil.copyfileobj(opened, copy)

    @contextmanager
    def new_folder(self, key: str) -> Iterator[Path]:
        """An empty folder to fill: under `key`, whole, once the block has ended well; gone otherwise."""
        final = self.path(key)
        partial = files.temporary_name(final)
        with file_errors():
            files.make_folder(partial)
            try:
                yield partial
                _sync_tree(partial)
                # A folder cannot be renamed over a full one; between the renames `key` is absent, never half.
                if final.exists():
                    final.replace(old := files.temporary_name(final))
                    partial.replace(final)
                    shutil.rmtree(old)
                else:
                    partial.replace(final)
                files.sync_folder(final.parent)
            finally:
                shutil.rmtree(partial, ignore_errors=True)

    def folder(self, key: str) -> Path:
        """The folder `key`, made when it is not there: for work that goes on after a crash."""
        with file_errors():
            return files.make_folder(self.path(key))

    def files(self, key: str) -> dict[str, int]:
        """The files in the folder `key` and below, by their names relative to it, with their bytes.

        Links are left out, wherever they lead; a folder that is not there has no files.
        """
        folder, found = self.path(key), {}
        for parent, _, names in os.walk(folder):
            for path in (Path(parent, name) for name in names):
                with suppress(FileNotFoundError):  # a run at work replaces its files
                    status = path.lstat()
                    if stat.S_ISREG(status.st_mode):
                        found[path.relative_to(folder).as_posix()] = status.st_size
        return found

    def untouched(self, folder: str, since: float) -> list[str]:
        """The keys in `folder` that were last written before `since`, in seconds since 1970; files and folders."""
        path = self.path(folder)
        return [f"{folder}/{name}" for name in _older(path, since) if not name.startswith(".")]

    def delete_unfinished(self, folder: str, since: float) -> int:
        """Removes what writers that were killed before `since` left in `folder` under temporary names; how many."""
        path = self.path(folder)
        left = [path / name for name in _older(path, since) if name.startswith(".")]
        with file_errors():
            for partial in left:
                shutil.rmtree(partial) if partial.is_dir() else partial.unlink(missing_ok=True)
        return len(left)

    def delete(self, key: str) -> None:
        """Removes a file, or a folder with all that is in it; fine when there is none."""
        path = self.path(key)
        with file_errors():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
            else:
                return
            files.sync_folder(path.parent)


def _older(folder: Path, since: float) -> list[str]:
    """The names in a folder of what was last written before `since`; a folder that is not there has none."""
    found = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < since:
                    found.append(entry.name)
    return found


def _sync_tree(folder: Path) -> None:
    for name, _, names in os.walk(folder):
        for file in names:
            with Path(name, file).open("rb+") as opened:
                os.fsync(opened.fileno())
        files.sync_folder(Path(name))
