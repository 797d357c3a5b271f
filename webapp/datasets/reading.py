"""A stream of bytes to numbered lines, in constant memory whatever the file holds."""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from webapp.errors import Problem

MAX_LINE_BYTES = 4 * 1024 * 1024
_SKIP_BYTES = 64 * 1024

UTF8_BOM = b"\xef\xbb\xbf"
# UTF-32's little-endian mark begins with UTF-16's.
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


class Line(msgspec.Struct, frozen=True, gc=False):
    """Line `number` (1-based) without its line end; `content` is None when it is longer than `MAX_LINE_BYTES`.

    `end` is how many bytes of the stream have been read with it.
    """

    number: int
    content: bytes | None
    end: int


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    r"""The lines of a UTF-8 stream, ended by \n or \r\n, without a byte order mark.

    Raises `Problem("unsupported_encoding")` when the first bytes are those of UTF-16 or UTF-32.
    """
    number = end = 0
    # Two bytes of room for the line end, so that one read decides whether a line is too long.
    while read := stream.readline(MAX_LINE_BYTES + 2):
        number += 1
        end += len(read)
        if number == 1:
            refuse_other_encodings(read)
            read = read.removeprefix(UTF8_BOM)
        if not read.endswith(b"\n") and len(read) > MAX_LINE_BYTES:
            end += _skip_rest(stream)
        content = read.removesuffix(b"\n").removesuffix(b"\r")
        yield Line(number, content if len(content) <= MAX_LINE_BYTES else None, end)


def _skip_rest(stream: BinaryIO) -> int:
    skipped = 0
    while read := stream.readline(_SKIP_BYTES):
        skipped += len(read)
        if read.endswith(b"\n"):
            break
    return skipped


def refuse_other_encodings(first: bytes) -> None:
    """Raises `Problem("unsupported_encoding")` when a text that begins so is UTF-16 or UTF-32."""
    zeros = tuple(byte == 0 for byte in first[:4])
    # JSON begins with two ASCII characters, so the place of the zero bytes tells the encoding (RFC 4627, section 3).
    by_zeros = zeros in {
        (True, False, True, False),
        (False, True, False, True),
        (True, True, True, False),
        (False, True, True, True),
    }
    if by_zeros or first.startswith(_OTHER_BOMS):
        raise Problem("unsupported_encoding", "The file is UTF-16 or UTF-32 text. Save it as UTF-8 and try again.")
