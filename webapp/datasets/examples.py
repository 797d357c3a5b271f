"""The valid examples on disk: canonical lines, an index to any page of them, and the payload a notebook embeds."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from struct import Struct as Layout
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

import msgspec
import numpy as np
import numpy.typing as npt

from webapp.errors import Problem

MAX_EMBEDDED_BYTES = 5_000_000

LINES, INDEX, PAYLOAD = "examples.jsonl", "index.npy", "examples.jsonl.gz"
_WRITTEN = np.dtype([("offset", "<u8"), ("length", "<u4"), ("line", "<u4"), ("tokens", "<u4")])
_ENTRY = Layout("<QIII")
# `exact` and `near` are the index of the first example of the group of duplicates, its own when it is alone.
INDEX_ENTRY = np.dtype([*_WRITTEN.descr, ("exact", "<u4"), ("near", "<u4")])

Column = npt.NDArray[np.int64]


class Example(msgspec.Struct, frozen=True):
    """One example: `index` 0-based among the valid ones, `line` 1-based in the file it came from."""

    index: int
    line: int
    token_count: int
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None


class ExampleWriter:
    """Writes examples into `folder`; the files appear when the `with` block ends, none of them when it raises."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries = bytearray()
        self._offset = 0
        self._groups: tuple[Column, Column] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lines = self._partial(LINES).open("wb")
        self._compressed: BinaryIO | None = self._partial(PAYLOAD).open("wb")
        # Neither a name nor a time in the header: the same examples give the same bytes.
        self._gzip = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=self._compressed, mtime=0)
        return self

    def write(self, encoded: bytes, *, line: int, tokens: int) -> None:
        """Takes the canonical line of the next example, with its newline."""
        self._lines.write(encoded)
        self._entries += _ENTRY.pack(self._offset, len(encoded), line, tokens)
        self._offset += len(encoded)
        if self._compressed:
            self._gzip.write(encoded)
            if self._compressed.tell() > MAX_EMBEDDED_BYTES:
                self._drop_payload()

    def group(self, exact: Column, near: Column) -> None:
        """Takes the groups of duplicates among all examples: for each the index of the first of its group."""
        self._groups = exact, near

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._lines.close()
            self._drop_payload()
            for name in (LINES, INDEX):
                self._partial(name).unlink(missing_ok=True)

    def _finish(self) -> None:
        with self._partial(INDEX).open("wb") as file:
            np.save(file, self._index())
            _to_disk(file)
        _to_disk(self._lines)
        (self._folder / PAYLOAD).unlink(missing_ok=True)
        if self._compressed:
            self._gzip.close()
            if self._compressed.tell() <= MAX_EMBEDDED_BYTES:
                _to_disk(self._compressed)
                self._partial(PAYLOAD).replace(self._folder / PAYLOAD)
        # The index comes last: who finds it finds all that belongs to it.
        for name in (LINES, INDEX):
            self._partial(name).replace(self._folder / name)

    def _index(self) -> npt.NDArray[np.void]:
        written = np.frombuffer(self._entries, dtype=_WRITTEN)
        index = np.empty(len(written), INDEX_ENTRY)
        for name in _WRITTEN.names or ():
            index[name] = written[name]
        alone = np.arange(len(index))
        index["exact"], index["near"] = self._groups or (alone, alone)
        return index

    def _drop_payload(self) -> None:
        if self._compressed:
            self._gzip.close()
            self._compressed.close()
            self._compressed = None
            self._partial(PAYLOAD).unlink(missing_ok=True)

    def _partial(self, name: str) -> Path:
        return self._folder / f"{name}.partial"


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


class Examples:
    """Reads what `ExampleWriter` wrote; raises FileNotFoundError when it has not finished."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = np.load(folder / INDEX, mmap_mode="r")

    def __len__(self) -> int:
        return len(self._index)

    def page(self, page: int, page_size: int) -> list[Example]:
        """The examples of page `page` (from 1), read by seeking; empty after the last page."""
        for param, value in (("page", page), ("page_size", page_size)):
            if value < 1:
                raise Problem("invalid_page", f"{param} must be at least 1.", param=param)
        first = min((page - 1) * page_size, len(self))
        entries = self._index[first : min(first + page_size, len(self))][list(_WRITTEN.names or ())].tolist()
        with (self._folder / LINES).open("rb") as file:
            file.seek(entries[0][0] if entries else 0)
            lines = [file.read(length) for _, length, _, _ in entries]
        return [
            Example(index, line, tokens, **msgspec.json.decode(encoded))
            for index, ((_, _, line, tokens), encoded) in enumerate(zip(entries, lines, strict=True), first)
        ]

    def column(self, name: Literal["line", "exact", "near"]) -> Column:
        """The lines of all examples (from 1), or the indices of the first ones of their groups of duplicates."""
        found: Column = self._index[name].astype(np.int64)
        return found

    def conversations(self) -> Iterator[dict[str, Any]]:
        """All conversations in order, one at a time, as plain JSON data."""
        with (self._folder / LINES).open("rb") as file:
            for encoded in file:
                yield msgspec.json.decode(encoded)

    def payload(self) -> bytes | None:
        """The examples as gzipped JSON lines; None when they are over `MAX_EMBEDDED_BYTES`."""
        try:
            return (self._folder / PAYLOAD).read_bytes()
        except FileNotFoundError:
            return None
