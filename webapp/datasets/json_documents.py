"""One JSON document that holds many rows, read as lines: a row at a time, in constant memory.

A row keeps its bytes. Only its line breaks become carriage returns: outside a text that is still white space, inside
one it is still the control character that JSON forbids. So what is wrong with a row is found where it is.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from webapp.datasets.formats import CHAT_NAMES
from webapp.datasets.reading import MAX_LINE_BYTES, UTF8_BOM
from webapp.errors import Problem

_CHUNK = 256 * 1024
_LOOK_AHEAD = 4096
_SHOWN_CHARACTERS = 60
# Lists that belong to a single row, and so do not make an object a document of many.
_LISTS_OF_A_ROW = frozenset({"tools", "functions", "history"})

_BLANK = re.compile(rb"[ \t\r\n]*+")
# All up to the next bracket that is in no text; stops at a text whose end is not there yet.
_PLAIN = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+', re.DOTALL)
_PLAIN_AT_TOP = re.compile(rb'[^"\[\]{},:]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{},:]*+)*+', re.DOTALL)
_IN_TEXT = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_LIST_OF_OBJECTS = re.compile(rb"\[[ \t\r\n]*+\{")
_LIST_OF_LISTS = re.compile(rb"\[[ \t\r\n]*+\[")


def json_rows(stream: BinaryIO) -> Iterator[bytes]:
    """The rows of a JSON document, each as a line with its line end.

    The document is a list of rows, an object with one list of rows in it, or an object that is the only row. Raises
    Problem `broken_json` and `several_row_lists`. A row over `MAX_LINE_BYTES` is cut a little beyond that.
    """
    scanner = _Scanner(stream)
    if scanner.peek() == b"[":
        yield from _list_rows(scanner)
    else:
        yield from _object_rows(scanner)
    if scanner.peek():
        raise scanner.broken("something follows the end of the document")


def _list_rows(scanner: "_Scanner", wrap: str = "") -> Iterator[bytes]:
    """The elements of the list that begins here; as the member `wrap` of an object each, where that is given."""
    scanner.take(b"[")
    if scanner.peek() == b"]":
        scanner.take(b"]")
        return
    while True:
        row = scanner.value()
        if not row:
            raise scanner.broken("a row is missing")
        yield (b"{" + msgspec.json.encode(wrap) + b": " + row + b"}\n") if wrap else row + b"\n"
        if scanner.peek() != b",":
            break
        scanner.take(b",")
    scanner.take(b"]")


def _object_rows(scanner: "_Scanner") -> Iterator[bytes]:
    held: list[str] = []
    members: list[bytes] = []
    kept = 0
    scanner.take(b"{")
    while scanner.peek() != b"}":
        written = scanner.value()
        scanner.take(b":")
        name = _name(written)
        if _holds_rows(scanner, name):
            held.append(name)
            if len(held) > 1:
                raise _several([name[:_SHOWN_CHARACTERS] for name in held])
            yield from _list_rows(scanner, wrap=name if name.casefold() in CHAT_NAMES else "")
        else:
            value = scanner.value()
            kept += len(written) + len(value)
            # Of a document that turns out to be one row, what is beyond the limit need not be kept.
            if not held and kept <= 2 * MAX_LINE_BYTES:
                members.append(written + b": " + value)
        if scanner.peek() != b",":
            break
        scanner.take(b",")
    scanner.take(b"}")
    if not held:
        yield b"{" + b", ".join(members) + b"}\n"


def _holds_rows(scanner: "_Scanner", name: str) -> bool:
    """Whether the value that begins here is a list of rows: of objects, or of whole chats."""
    if name.casefold() in CHAT_NAMES:
        return scanner.begins(_LIST_OF_LISTS)
    return name not in _LISTS_OF_A_ROW and scanner.begins(_LIST_OF_OBJECTS)


def _name(written: bytes) -> str:
    try:
        return msgspec.json.decode(written, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return written.decode("utf-8", "replace")


def _several(names: list[str]) -> Problem:
    return Problem(
        "several_row_lists",
        f"The file holds several lists of rows ({' and '.join(names)}). Put the one to train on into its own file.",
        details={"lists": names},
    )


class _Scanner:
    """Walks over JSON text from one structural character to the next, without reading any value."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._buffer = b""
        self._at = 0
        self._passed = 0  # bytes of the document before the buffer
        while len(self._buffer) < len(UTF8_BOM) and self._fill():
            pass
        if self._buffer.startswith(UTF8_BOM):
            self._at = len(UTF8_BOM)

    def peek(self) -> bytes:
        """The next character that is not white space, not taken; empty at the end."""
        while True:
            blank = _BLANK.match(self._buffer, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._buffer) or not self._fill():
                return self._buffer[self._at : self._at + 1]

    def take(self, expected: bytes) -> None:
        """Passes over one character."""
        found = self.peek()
        if found != expected:
            what = f"{expected.decode()!r} is missing" if found else "the file ends too early; it may have been cut off"
            raise self.broken(what)
        self._at += 1

    def begins(self, pattern: re.Pattern[bytes]) -> bool:
        """Whether what comes next matches, within the next 4 KiB."""
        self.peek()
        while len(self._buffer) - self._at < _LOOK_AHEAD and self._fill():
            pass
        return bool(pattern.match(self._buffer, self._at))

    def value(self) -> bytes:
        """The bytes up to the comma, colon or closing bracket after a value, without white space around them."""
        self.peek()
        parts: list[bytes] = []
        kept = depth = 0
        in_text = False
        while True:
            start = self._at
            pattern = _IN_TEXT if in_text else _PLAIN if depth else _PLAIN_AT_TOP
            found = pattern.match(self._buffer, start)
            self._at = found.end() if found else start
            mark = self._buffer[self._at : self._at + 1]
            ended = not depth and not in_text and mark in (b",", b":", b"]", b"}")
            # A backslash at the end of the buffer waits for what it escapes.
            if mark and not ended and mark != b"\\":
                self._at += 1
                depth += 0 if in_text else (mark in (b"[", b"{")) - (mark in (b"]", b"}"))
                in_text = in_text != (mark == b'"')
            if kept <= MAX_LINE_BYTES:
                parts.append(self._buffer[start : self._at])
                kept += self._at - start
            if ended:
                break
            if mark in (b"", b"\\") and not self._fill():
                self._at = len(self._buffer)
                break
        return b"".join(parts).strip(b" \t\r\n").replace(b"\n", b"\r")

    def broken(self, what: str) -> Problem:
        """The Problem of a document in which `what` is wrong at this place."""
        return Problem(
            "broken_json",
            f"The file is not one JSON document: at byte {self._passed + self._at + 1}, {what}. Mend it there, or "
            "write one JSON object on each line.",
        )

    def _fill(self) -> bool:
        """Reads on, and drops what has been passed; whether there was more."""
        read = self._stream.read(_CHUNK)
        self._passed += self._at
        self._buffer, self._at = self._buffer[self._at :] + read, 0
        return bool(read)
