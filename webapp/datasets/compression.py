"""Compressed files, unpacked as they are read and never without a limit.

The limit is that of PyPI's Warehouse: over 64 MiB, what is more than 50 times its compressed size is a bomb.
"""

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from webapp.datasets.streams import stream_of
from webapp.errors import Problem

if TYPE_CHECKING or sys.version_info < (3, 14):
    from backports import zstd
else:
    from compression import zstd

Compression = Literal["gzip", "zstd"]

FREE_BYTES = 64 * 1024 * 1024
MAX_RATIO = 50
_MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_CHUNK = 256 * 1024


def compression_of(head: bytes) -> Compression | None:
    """What the first bytes of a file say."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def unpacked(stream: BinaryIO, compression: Compression, packed: Callable[[], int]) -> BinaryIO:
    """What is in the compressed stream. Reading raises Problem `broken_archive` or `decompression_bomb`.

    `packed` is the size of the compressed file in bytes, or as much of it as has been read.
    """
    opened = gzip.GzipFile(fileobj=stream) if compression == "gzip" else zstd.ZstdFile(stream)
    return stream_of(capped(_read(cast("BinaryIO", opened), compression), packed))


def capped(pieces: Iterator[bytes], packed: Callable[[], int]) -> Iterator[bytes]:
    """The same pieces, as long as they are in proportion to the `packed` bytes that they come from."""
    total = 0
    for piece in pieces:
        total += len(piece)
        refuse_bomb(total, packed())
        yield piece


def refuse_bomb(unpacked: int, packed: int) -> None:
    """Raises Problem `decompression_bomb` when so many bytes are out of proportion to those that they come from."""
    if unpacked > FREE_BYTES and unpacked > MAX_RATIO * packed:
        raise Problem(
            "decompression_bomb",
            f"The file unpacks to more than {FREE_BYTES // 2**20} MiB and {MAX_RATIO} times its own size, so it is "
            "not unpacked any further. If it is genuine, send it unpacked, as JSON lines.",
        )


def _read(opened: BinaryIO, compression: Compression) -> Iterator[bytes]:
    try:
        while piece := opened.read(_CHUNK):
            yield piece
    except (gzip.BadGzipFile, zlib.error, zstd.ZstdError, EOFError) as error:
        raise Problem(
            "broken_archive",
            f"The {compression} file is damaged or was cut off ({error}). Compress it again, or send it unpacked.",
        ) from error


class CountedStream(io.RawIOBase):
    """A stream that cannot seek, with the number of bytes that were read of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes."""
        found = self._stream.read(size)
        self.count += len(found)
        return found
