"""A stream of bytes to numbered lines, one by one or in blocks, in constant memory whatever the file holds."""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from webapp.errors import Problem

MAX_LINE_BYTES = 4 * 1024 * 1024
BLOCK_BYTES = 2 * 1024 * 1024
_BLOCK_LINES = 50_000  # an empty line is an object all the same

UTF8_BOM = b"\xef\xbb\xbf"
# UTF-32's little-endian mark begins with UTF-16's.
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_ZIP = "an Excel, Word or zip file. Export it as CSV, or unpack it, and send that."
_ARCHIVE = "an archive that is not read here. Unpack it and send what is in it, plain or compressed with gzip or zstd."
_PDF = "a PDF. Send the rows that it shows as JSON lines or CSV."
_PICTURE = "a picture. Send the rows as text: JSON lines or CSV."
# Files that are no text: at which place each has which bytes, and what it is.
_NO_TEXT = (
    (0, b"PK\x03\x04", _ZIP),
    (0, b"PK\x05\x06", _ZIP),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an older Excel or Word file. Export it as CSV, and send that."),
    (0, b"%PDF-", _PDF),
    (0, b"\x89PNG\r\n\x1a\n", _PICTURE),
    (0, b"\xff\xd8\xff", _PICTURE),
    (0, b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (0, b"Rar!\x1a\x07", _ARCHIVE),
    (0, b"\xfd7zXZ\x00", _ARCHIVE),
    (4, b"1AY&SY", _ARCHIVE),
    (257, b"ustar\x00", _ARCHIVE),
    (257, b"ustar  \x00", _ARCHIVE),
)


class Line(msgspec.Struct, frozen=True, gc=False):
    """Line `number` (1-based) without its line end; `content` is None when it is longer than `MAX_LINE_BYTES`."""

    number: int
    content: bytes | None


class Block(msgspec.Struct, frozen=True, gc=False):
    """Lines that follow one another, the first of them line `first`; None for one longer than `MAX_LINE_BYTES`.

    `end` is how many bytes of the stream have been read with them.
    """

    first: int
    lines: list[bytes | None]
    end: int


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    r"""The lines of a UTF-8 stream, ended by \n or \r\n, without a byte order mark.

    Raises the Problems of `require_text`.
    """
    for block in read_blocks(stream):
        for number, content in enumerate(block.lines, block.first):
            yield Line(number, content)


def read_blocks(stream: BinaryIO) -> Iterator[Block]:
    """The same lines in blocks of about `BLOCK_BYTES`: what is examined in one go."""
    first = 1
    for lines, end in _lines_by_reads(stream):
        for start in range(0, len(lines), _BLOCK_LINES):
            some = lines[start : start + _BLOCK_LINES]
            yield Block(first, some, end)
            first += len(some)


def _lines_by_reads(stream: BinaryIO) -> Iterator[tuple[list[bytes | None], int]]:
    """The lines that each read completes, and the bytes read by then."""
    carried: bytes | None = b""  # of the line that the last read did not end; None when that is too long already
    end = 0
    while read := stream.read(BLOCK_BYTES):
        content = read
        if not end:
            require_text(read)
            content = read.removeprefix(UTF8_BOM)
        end += len(read)
        first, newline, others = content.partition(b"\n")
        joined = None if carried is None else carried + first
        if joined is not None and len(joined) > MAX_LINE_BYTES + 1:
            joined = None
        if not newline:
            carried = joined
            continue
        if b"\r" in others:  # to look costs nothing, to replace nothing does
            others = others.replace(b"\r\n", b"\n")
        # What lies within one read is never too long.
        *lines, carried = others.split(b"\n")
        yield [_sound(joined), *lines], end
    if carried is None or carried:
        yield [_sound(carried)], end


def _sound(line: bytes | None) -> bytes | None:
    """A line without its carriage return, None when it is too long."""
    if line is None:
        return None
    line = line.removesuffix(b"\r")
    return line if len(line) <= MAX_LINE_BYTES else None


def require_text(first: bytes) -> None:
    """Raises Problem `unsupported_file` when a file that begins so is no text, `unsupported_encoding` when it is in
    UTF-16 or UTF-32.
    """
    for place, sign, what in _NO_TEXT:
        if first.startswith(sign, place):
            raise Problem("unsupported_file", f"This is {what}")
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
