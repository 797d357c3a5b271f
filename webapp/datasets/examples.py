"""The valid examples on disk: canonical lines, what is known of each, and the same lines compressed for a notebook."""

import gzip
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

import msgspec
import numpy as np
import numpy.typing as npt

from webapp.datasets.bad_lines import BadLine
from webapp.datasets.hashing import GOLDEN, mix
from webapp.datasets.marks import Bits, Marked
from webapp.errors import Problem

LINES, INDEX, INVALID, PAYLOAD = "examples.jsonl", "index.npy", "invalid.npy", "examples.jsonl.gz"
REFUSED = "refused.json"
# Of canonical lines, that are read for one answer: a fraction of a second, and what a page may take of the memory.
MOST_BYTES = 16 * 1024 * 1024
_COPIED_AT_A_TIME = 1024 * 1024
# `exact`, `near` (duplicates) and `prompt` (conflicts) are the index of the first example of its group, its own when it
# is alone.
INDEX_ENTRY = np.dtype(
    [
        ("offset", "<u8"),
        ("length", "<u4"),
        ("line", "<u4"),
        ("tokens", "<u4"),
        ("exact", "<u4"),
        ("near", "<u4"),
        ("prompt", "<u4"),
        ("marks", "<u8"),
    ]
)

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
        self._columns: dict[str, bytearray] = {name: bytearray() for name in ("length", "line", "tokens")}
        self._groups: Mapping[str, Column] = {}
        self._marks: Bits | None = None
        self._invalid: Sequence[int] = ()
        self._refused: Sequence[BadLine] = ()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lines = self._partial(LINES).open("wb")
        return self

    @property
    def count(self) -> int:
        """The examples that have been taken so far."""
        return len(self._columns["line"]) // np.dtype(np.uint32).itemsize

    def write(
        self,
        encoded: bytes,
        lengths: npt.NDArray[np.uint32],
        lines: npt.NDArray[np.uint32],
        tokens: npt.NDArray[np.uint32],
    ) -> None:
        """Takes the canonical lines of the next examples, with their newlines: `lengths` bytes each."""
        self._lines.write(encoded)
        for name, values in (("length", lengths), ("line", lines), ("tokens", tokens)):
            self._columns[name] += values.tobytes()

    def annotate(
        self, marks: Bits, groups: Mapping[str, Column], invalid: Sequence[int], refused: Sequence[BadLine] = ()
    ) -> None:
        """Takes what is known once all have been written: marks, the groups of each kind, and the invalid lines.

        `refused` is what is kept of the first of these.
        """
        self._marks, self._groups, self._invalid, self._refused = marks, groups, invalid, refused

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._lines.close()
            for name in (LINES, INVALID, REFUSED, INDEX):
                self._partial(name).unlink(missing_ok=True)

    def _finish(self) -> None:
        for name, values in ((INDEX, self._index()), (INVALID, np.array(self._invalid, np.uint32))):
            with self._partial(name).open("wb") as file:
                np.save(file, values)
                _to_disk(file)
        with self._partial(REFUSED).open("wb") as file:
            file.write(msgspec.json.encode(self._refused))
            _to_disk(file)
        _to_disk(self._lines)
        (self._folder / PAYLOAD).unlink(missing_ok=True)
        # The index comes last: who finds it finds all that belongs to it.
        for name in (LINES, INVALID, REFUSED, INDEX):
            self._partial(name).replace(self._folder / name)

    def _index(self) -> npt.NDArray[np.void]:
        written = {name: np.frombuffer(column, np.uint32) for name, column in self._columns.items()}
        index = np.zeros(len(written["length"]), INDEX_ENTRY)
        for name, values in written.items():
            index[name] = values
        index["offset"][1:] = np.cumsum(written["length"], dtype=np.uint64)[:-1]
        alone = np.arange(len(index))
        for name in ("exact", "near", "prompt"):
            index[name] = self._groups.get(name, alone)
        index["marks"] = 0 if self._marks is None else self._marks
        return index

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
        """The examples of page `page` (from 1), as far as `at` goes; empty after the last page."""
        for param, value in (("page", page), ("page_size", page_size)):
            if value < 1:
                raise Problem("invalid_page", f"{param} must be at least 1.", param=param)
        return self.following((page - 1) * page_size, page_size)

    def following(self, first: int, count: int) -> list[Example]:
        """At most `count` examples from index `first` on, as far as `at` goes; empty after the last one."""
        first = min(first, len(self))
        return self.at(range(first, min(first + count, len(self))))

    def at(self, indices: Sequence[int]) -> list[Example]:
        """The first of the examples at these indices, in this order, read by seeking.

        They are all of them, or as many as come to `MOST_BYTES`, one at least.
        """
        entries = self._index[np.array(indices, np.int64)]
        fitting = int(np.searchsorted(np.cumsum(entries["length"], dtype=np.int64), MOST_BYTES, side="right"))
        entries = entries[: max(1, fitting)].tolist()
        with (self._folder / LINES).open("rb") as file:
            return [
                Example(index, line=entry[2], token_count=entry[3], **self._read(file, entry))
                for index, entry in zip(indices, entries, strict=False)
            ]

    def _read(self, file: BinaryIO, entry: tuple[int, ...]) -> dict[str, Any]:
        """The conversation of an entry of the index."""
        offset, length = entry[:2]
        file.seek(offset)
        conversation: dict[str, Any] = msgspec.json.decode(file.read(length))
        return conversation

    def column(self, name: Literal["line", "tokens", "exact", "near", "prompt"]) -> Column:
        """One number of all examples: the line (from 1), the tokens, or the first of its group."""
        found: Column = self._index[name].astype(np.int64)
        return found

    def marked(self) -> Marked:
        """The marks of all examples, with their lines."""
        return Marked(self._index["line"], self._index["marks"])

    def invalid_lines(self) -> npt.NDArray[np.uint32]:
        """The numbers of all lines that are no valid examples, rising."""
        found: npt.NDArray[np.uint32] = np.load(self._folder / INVALID, mmap_mode="r")
        return found

    def refused(self) -> list[BadLine]:
        """What is kept of the first invalid lines, by their numbers; nothing where an earlier version wrote these."""
        try:
            return msgspec.json.decode((self._folder / REFUSED).read_bytes(), type=list[BadLine])
        except FileNotFoundError:
            return []

    def conversations(self) -> Iterator[dict[str, Any]]:
        """All conversations in order, one at a time, as plain JSON data."""
        with (self._folder / LINES).open("rb") as file:
            for encoded in file:
                yield msgspec.json.decode(encoded)

    def sample(self, size: int, among: Sequence[int] | None = None) -> list[dict[str, Any]]:
        """At most `size` conversations in order, those with the smallest hashes of their indices; no other is read.

        They are taken from all, or from those at the indices `among`.
        """
        indices = np.arange(len(self)) if among is None else np.array(among, np.int64)
        places = np.sort(indices[np.argsort(mix(indices.astype(np.uint64) + GOLDEN))[:size]])
        with (self._folder / LINES).open("rb") as file:
            return [self._read(file, entry) for entry in self._index[places].tolist()]

    def payload(self) -> Path:
        """The file of the canonical lines, gzipped; made when first asked for: 100 MB of lines take four seconds."""
        path = self._folder / PAYLOAD
        if not path.exists():
            partial = self._folder / f"{PAYLOAD}.{secrets.token_hex(6)}.partial"
            try:
                with (self._folder / LINES).open("rb") as lines, partial.open("wb") as file:
                    # Neither a name nor a time in the header: the same examples give the same bytes.
                    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as compressed:
                        shutil.copyfileobj(lines, compressed, _COPIED_AT_A_TIME)
                    _to_disk(file)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        return path
