"""The blob store in Supabase Storage: its buckets hold the files, the local folder is where they are made and read."""

import hashlib
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from threading import Lock

from webapp.errors import Problem
from webapp.storage import files
from webapp.storage.blobs import Blobs
from webapp.storage.buckets import ARTIFACTS, Buckets, bucket_of

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLAIN = re.compile(r"[A-Za-z0-9._-]")
_ESCAPE = re.compile(r"=([0-9A-F]{2})")
# Of `datasets/<id>` the parts are fetched one by one, as they are asked for.
_WHOLE_FOLDER_PARTS = 3
_LOCKS = 64


class SupabaseBlobs(Blobs):
    """`Blobs` whose every file is kept in Storage too, and comes from there to a machine that does not have it.

    A file is complete only in both places. Besides what `Blobs` raises, every method raises Problem
    `supabase_unavailable`, `storage_refused`, `bucket_public` or `stored_file_damaged`.
    """

    def __init__(self, root: Path, buckets: Buckets) -> None:
        super().__init__(root)
        self._buckets = buckets
        # What two threads want of one dataset or run is fetched once; others need not wait for it.
        self._fetching = [Lock() for _ in range(_LOCKS)]

    def path(self, key: str) -> Path:
        """Where `key` can be read: fetched when it is not on this machine, never `datasets` as a whole."""
        place, name = self.place(key), key.rstrip("/")
        if "/" in name and not place.exists():
            with self._fetching[hash(tuple(name.split("/")[:2])) % _LOCKS]:
                self._fetch(name)
        return place

    def exists(self, key: str) -> bool:
        """Whether a finished file or folder is here or in Storage."""
        name = key.rstrip("/")
        return self.place(key).exists() or self._buckets.size(name) is not None or any(self._buckets.below(name))

    def folder(self, key: str) -> Path:
        """The folder `key`: as it is here, or as it was settled, or a new one."""
        self.path(key)
        return super().folder(key)

    def files(self, key: str) -> dict[str, int]:
        """The files in the folder `key` and below with their bytes: those here, or where it is not here, in Storage."""
        if self.place(key).exists():
            return super().files(key)
        name = key.rstrip("/")
        return {_unescaped(found.removeprefix(f"{name}/")): size for found, size in self._buckets.below(name)}

    def sizes(self, key: str) -> list[int]:
        """The bytes of the file, or of each file in the folder, here or in Storage."""
        size = None if self.place(key).exists() else self._buckets.size(key.rstrip("/"))
        return super().sizes(key) if size is None else [size]

    def settle(self, key: str, names: Collection[str]) -> None:
        """Keeps these files of the folder in Storage, and of an earlier time no others."""
        folder, name = self.place(key), key.rstrip("/")
        kept = {f"{name}/{_escaped(file)}": folder / file for file in names}
        for object_key, file in sorted(kept.items()):
            self._upload(file, object_key)
        self._remove([found for found, _ in self._buckets.below(name) if found not in kept])

    def delete(self, key: str) -> None:
        """Removes a file, or a folder with all that is in it, in both places; fine when there is none."""
        self.place(key)
        name = key.rstrip("/")
        self._remove([name, *(found for found, _ in self._buckets.below(name))])
        super().delete(key)

    def download_url(self, key: str, seconds: int, filename: str) -> str | None:
        """A link that fetches the file from Storage for some seconds; None when it is not there."""
        self.place(key)
        return self._buckets.download_url(key, seconds, filename)

    def upload_url(self, key: str) -> str | None:
        """A link to which the file can be sent, by PUT, for two hours."""
        self.place(key)
        return self._buckets.upload_url(key)

    def _publish(self, file: Path, key: str) -> None:
        self._upload(file, key)

    def _publish_folder(self, folder: Path, key: str) -> None:
        name = key.rstrip("/")
        self._remove([found for found, _ in self._buckets.below(name)])
        for file in files.sizes(folder):
            self._upload(folder / file, f"{name}/{_escaped(file)}")

    def _upload(self, file: Path, key: str) -> None:
        digest = _named_sha256(key)
        if digest is None:
            with file.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
        self._buckets.upload(file, key, digest)

    def _remove(self, keys: list[str]) -> None:
        if keys:
            self._buckets.remove(keys)

    def _fetch(self, key: str) -> None:
        """Brings a file or a folder here. A folder inside a dataset's is here whole or not at all."""
        inside = str(PurePosixPath(key).parent)
        if inside.count("/") >= _WHOLE_FOLDER_PARTS - 1 and not self.place(inside).exists():
            self._fetch_folder(inside)
        if not self.place(key).exists() and not self._fetch_file(key, self.place(key)):
            self._fetch_folder(key)

    def _fetch_file(self, key: str, place: Path) -> bool:
        """Whether there was such a file; raises Problem `stored_file_damaged` when it is not what was kept."""
        with _unless_missing(), files.new_file(place) as file:
            found = self._buckets.download(key, file)
            if found is None:
                raise _Missing
            wanted = _named_sha256(key) or self._buckets.sha256(key)
            if wanted not in (None, found):
                text = "A file of the store is not what was kept. Delete what it belongs to and upload it again."
                raise Problem("stored_file_damaged", text, status=502)
            return True
        return False

    def _fetch_folder(self, key: str) -> None:
        listed = [found for found, _ in self._buckets.below(key)]
        if not listed:
            return
        with files.new_folder(self.place(key)) as folder:
            for found in listed:
                self._fetch_file(found, _within(folder, _unescaped(found.removeprefix(f"{key}/"))))


class _Missing(Exception):
    """There is no such object."""


@contextmanager
def _unless_missing() -> Iterator[None]:
    try:
        yield
    except _Missing:
        return


def _named_sha256(key: str) -> str | None:
    """The SHA-256 that a file is named by (`Blobs.add`); a notebook names its files as it likes."""
    found = _SHA256.match(PurePosixPath(key).name)
    return found.group() if found and bucket_of(key) != ARTIFACTS else None


def _escaped(name: str) -> str:
    """A name of any characters in those that Storage takes: others as =XX for each byte of UTF-8."""
    return "/".join(
        "".join(letter if _PLAIN.match(letter) else _bytes(letter) for letter in part) for part in name.split("/")
    )


def _bytes(letter: str) -> str:
    return "".join(f"={byte:02X}" for byte in letter.encode("utf-8", "surrogateescape"))


def _unescaped(name: str) -> str:
    raw = _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), name)
    return raw.encode("latin-1").decode("utf-8", "surrogateescape")


def _within(folder: Path, name: str) -> Path:
    """The place of a file of the folder; raises Problem `invalid_path` for a name that would leave it."""
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\0" in name:
        raise Problem("invalid_path", "This is not the name of a stored file.", status=404)
    return folder.joinpath(*parts)
