"""Binary streams made of pieces, and a look at how a stream begins."""

import io
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, cast

_BUFFER = 256 * 1024


def stream_of(pieces: Iterator[bytes]) -> BinaryIO:
    """A stream of all pieces, read as they are asked for; what `pieces` raises, reading raises."""
    return cast("BinaryIO", io.BufferedReader(_Pieces(pieces), _BUFFER))


def beginning(stream: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """The next `size` bytes, fewer at the end, and a stream that has them still: the same one where it can seek."""
    if stream.seekable():
        start = stream.tell()
        head = _read_fully(stream, size)
        stream.seek(start)
        return head, stream
    head = _read_fully(stream, size)
    return head, stream_of(chain([head], iter(lambda: stream.read(_BUFFER), b"")))


def _read_fully(stream: BinaryIO, size: int) -> bytes:
    """Reads until `size` bytes or the end: one read of a pipe may give less."""
    parts = bytearray()
    while len(parts) < size and (read := stream.read(size - len(parts))):
        parts += read
    return bytes(parts)


class _Pieces(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
