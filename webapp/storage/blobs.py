"""The blob store: uploaded, generated and executed files under names that only the server makes."""

import hashlib
import re
import shutil
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager, suppress
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
    """Files under `root` (absolute), named by keys such as `datasets/<id>/<SHA-256>` or `runs/<job id>/`.

    Every method raises Problem `invalid_path` for a key that could leave the store.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def place(self, key: str) -> Path:
        """Where `key` is on this machine, or would be."""
        if not _KEY.fullmatch(key):
            raise Problem("invalid_path", "This is not the name of a stored file.", status=404)
        return self.root / key

    def path(self, key: str) -> Path:
        """Where `key` can be read; nothing is there when the store does not have it."""
        return self.place(key)

    def exists(self, key: str) -> bool:
        """Whether a finished file or folder is there."""
        return self.path(key).exists()

    def new_file(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A file to write: under `key`, durable, once the block has ended well; gone otherwise."""
        return files.new_file(self.place(key), ready=lambda file: self._publish(file, key))

    def add(self, folder: str, chunks: Iterable[bytes], suffix: str = "") -> Stored:
        """Keeps the bytes as they come under the name of their content, `folder/<SHA-256>suffix`.

        Within the folder of what owns it, so that what one person deletes is never another's file too. Whatever
        `chunks` raises leaves nothing behind.
        """
        size, digest = 0, hashlib.sha256()

        def name() -> str:
            return f"{digest.hexdigest()}{suffix}"

        def ready(file: Path) -> None:
            self._publish(file, f"{folder}/{name()}")

        with files.new_named_file(self.place(folder), name, ready=ready) as file:
            for chunk in chunks:
                size += len(chunk)
                digest.update(chunk)
                file.write(chunk)
        return Stored(f"{folder}/{name()}", size, digest.hexdigest())

    def keep(self, source: Path, key: str) -> None:
        """The file `source` under `key` too, whatever replaces it where it is: one file on disk where links can be."""
        path = self.place(key)
        with file_errors():
            files.make_folder(path.parent)
            self._publish(source, key)
            try:
                path.hardlink_to(source)
                files.sync_folder(path.parent)
            except OSError:  # other file systems have no hard links
                with source.open("rb") as opened, files.new_file(path) as copy:
                    shutil.copyfileobj(opened, copy)

    def new_folder(self, key: str) -> AbstractContextManager[Path]:
        """An empty folder to fill: under `key`, whole, once the block has ended well; gone otherwise."""
        return files.new_folder(self.place(key), lambda folder: self._publish_folder(folder, key))

    def folder(self, key: str) -> Path:
        """The folder `key`, made when it is not there: for work that goes on after a crash."""
        with file_errors():
            return files.make_folder(self.place(key))

    def files(self, key: str) -> dict[str, int]:
        """The files in the folder `key` and below, by their names relative to it, with their bytes.

        Links are left out, wherever they lead; a folder that is not there has no files.
        """
        return files.sizes(self.place(key))

    def sizes(self, key: str) -> list[int]:
        """The bytes of the file, or of each file in the folder; none when there is neither."""
        place = self.place(key)
        return [place.stat().st_size] if place.is_file() else list(self.files(key).values())

    def settle(self, key: str, names: Collection[str]) -> None:
        """Says that these files of the folder `key`, which was written in place, are finished."""

    def download_url(self, key: str, seconds: int, filename: str) -> str | None:  # noqa: ARG002
        """A link that fetches the file from elsewhere for some seconds; None where only this machine has it."""
        return None

    def upload_url(self, key: str) -> str | None:  # noqa: ARG002
        """A link to which the file can be sent, by PUT; None where only this machine takes it."""
        return None

    def untouched(self, folder: str, since: float) -> list[str]:
        """The keys in `folder` on this machine that were last written before `since`, in seconds since 1970."""
        return [f"{folder}/{name}" for name in files.older(self.place(folder), since) if not name.startswith(".")]

    def delete_unfinished(self, folder: str, since: float) -> int:
        """Removes what writers that were killed before `since` left in `folder` under temporary names; how many."""
        path = self.place(folder)
        left = [path / name for name in files.older(path, since) if name.startswith(".")]
        with file_errors():
            for partial in left:
                files.remove_folder(partial) if partial.is_dir() else partial.unlink(missing_ok=True)
        return len(left)

    def delete(self, key: str) -> None:
        """Removes a file, or a folder with all that is in it, others at work there or not; fine when there is none."""
        path = self.place(key)
        with file_errors():
            if path.is_dir():
                files.remove_folder(path)
            elif path.exists():
                path.unlink(missing_ok=True)
            else:
                return
            with suppress(FileNotFoundError):  # the folder around it may go at the same time
                files.sync_folder(path.parent)

    def _publish(self, file: Path, key: str) -> None:
        """What else becomes of a whole file, before it has its name here; what this raises leaves it unnamed."""

    def _publish_folder(self, folder: Path, key: str) -> None:
        """The same for a whole folder."""
