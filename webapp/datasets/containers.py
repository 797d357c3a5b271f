"""Files of any container as a stream of lines, one row each: JSON lines, JSON, CSV, TSV, Parquet; also compressed.

What a file is, its content says. Its name counts only where the content leaves a choice: a table whose columns have
names of their own, and an object on one line that may hold all rows.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePath
from typing import BinaryIO, Literal, NamedTuple, cast

import msgspec

from webapp.datasets.compression import Compression, CountedStream, capped, compression_of, unpacked
from webapp.datasets.json_documents import json_rows
from webapp.datasets.parquet import parquet_rows
from webapp.datasets.reading import MAX_LINE_BYTES, UTF8_BOM, require_text
from webapp.datasets.streams import beginning, stream_of
from webapp.datasets.tables import csv_rows, delimiter_of

Container = Literal["jsonl", "json", "csv", "tsv", "parquet"]

_HEAD = 64 * 1024
_PARQUET_MAGIC = b"PAR1"
_COMPRESSED_SUFFIXES = frozenset({".gz", ".gzip", ".zst", ".zstd"})
_TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab"})
_BROKEN_UP_OBJECT = re.compile(rb'\{[ \t\r]*\n\s*"')


class Opened(NamedTuple):
    """A file's rows as lines; `share` gives how much has been read (0 to 1) after so many bytes of `stream`."""

    stream: BinaryIO
    container: Container
    compression: Compression | None
    share: Callable[[int], float]


@contextmanager
def opened(source: Path | BinaryIO, name: str | None = None, chat_columns: Collection[str] = ()) -> Iterator[Opened]:
    """Opens a file, or takes a stream as it stands; plain JSON lines come through as the file itself.

    `name` is the file's name where `source` does not have it; `chat_columns` are columns of chats beside those known.
    Raises Problem `unsupported_file`, `unsupported_encoding`, and while reading `broken_archive`, `decompression_bomb`,
    `broken_json`, `several_row_lists`, `broken_csv` and `broken_parquet`.
    """
    with ExitStack() as stack:
        raw = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
        path = PurePath(name or (source.name if isinstance(source, Path) else ""))
        size = _size(raw)
        begin = raw.tell() if raw.seekable() else 0
        head, stream = beginning(raw, _HEAD)
        compression = compression_of(head)
        counted = CountedStream(stream)
        packed = (lambda: counted.count) if size is None else (lambda: size)
        if compression:
            head, stream = beginning(unpacked(cast("BinaryIO", counted), compression, packed), _HEAD)
        if path.suffix in _COMPRESSED_SUFFIXES:
            path = path.with_suffix("")
        if path.suffix == ".json" and not head.startswith(_PARQUET_MAGIC):
            head, stream = beginning(stream, MAX_LINE_BYTES + 2)
        container, rows = _contained(head, path.suffix.lower(), chat_columns)
        if container == "parquet":
            stream = stack.enter_context(_seekable(stream))
        lines = stream_of(capped(rows(stream), packed)) if rows else stream
        plain, highest = lines is raw, 0

        def share(end: int) -> float:
            nonlocal highest
            # Parquet is read to and fro.
            highest = max(highest, end if plain else raw.tell() - begin if raw.seekable() else 0)
            return min(1.0, highest / size) if size else 0.0

        yield Opened(lines, container, compression, share)


Rows = Callable[[BinaryIO], Iterator[bytes]]


def _contained(head: bytes, suffix: str, chat_columns: Collection[str]) -> tuple[Container, Rows | None]:
    """The container of a file that begins so, and what reads its rows; None where they are lines already."""
    if head.startswith(_PARQUET_MAGIC):
        return "parquet", lambda stream: parquet_rows(stream, chat_columns)
    require_text(head)
    text = head.removeprefix(UTF8_BOM).lstrip()
    if text.startswith(b"[") and not _is_first_of_lines(text):
        return "json", json_rows
    if text.startswith(b"{") and (
        _BROKEN_UP_OBJECT.match(text) or (suffix == ".json" and not _is_first_of_lines(text))
    ):
        return "json", json_rows
    if text.startswith((b"[", b"{")):
        return "jsonl", None
    delimiter = delimiter_of(text.decode("utf-8", "replace"), named_so=suffix in _TABLE_SUFFIXES)
    if delimiter is None:
        return "jsonl", None
    return "tsv" if delimiter == "\t" else "csv", lambda stream: csv_rows(stream, delimiter, chat_columns)


def _is_first_of_lines(text: bytes) -> bool:
    """Whether the text begins with a line that is JSON by itself, and goes on after it."""
    line, _, rest = text.partition(b"\n")
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return not rest.isspace() and rest != b""


def _size(raw: BinaryIO) -> int | None:
    """Bytes from here to the end; None for a pipe."""
    if not raw.seekable():
        return None
    begin = raw.tell()
    size = raw.seek(0, os.SEEK_END) - begin
    raw.seek(begin)
    return size


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream, copied into a temporary file if need be."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(stream, file)
        file.seek(0)
        yield file
