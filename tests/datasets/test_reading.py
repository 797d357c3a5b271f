"""A stream of bytes to numbered lines."""

import io

import pytest

from webapp.datasets.reading import MAX_LINE_BYTES, read_lines
from webapp.errors import Problem


def contents(data: bytes) -> list[bytes | None]:
    return [line.content for line in read_lines(io.BytesIO(data))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"\n\r\n \na", [b"", b"", b" ", b"a"]),
        (b"\xef\xbb\xbfa\nb", [b"a", b"b"]),
        (b"\xef\xbb\xbf", [b""]),
        (b"a\n\xef\xbb\xbfb", [b"a", b"\xef\xbb\xbfb"]),
        # What other languages call line ends is part of a line here.
        ("a\u2028b\u0085c\x0bd\re\n".encode(), ["a\u2028b\u0085c\x0bd\re".encode()]),
    ],
)
def test_lines_are_what_lies_between_newlines(data: bytes, expected: list[bytes]) -> None:
    assert contents(data) == expected


def test_lines_are_numbered_from_one_and_know_how_far_the_stream_was_read() -> None:
    lines = list(read_lines(io.BytesIO(b"\xef\xbb\xbfa\r\n\nbc")))
    assert [(line.number, line.end) for line in lines] == [(1, 6), (2, 7), (3, 9)]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b""])
def test_a_line_of_exactly_the_cap_is_read(line_end: bytes) -> None:
    assert contents(b"x" * MAX_LINE_BYTES + line_end) == [b"x" * MAX_LINE_BYTES]


@pytest.mark.parametrize("over", [1, 2, 3, 70_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_longer_line_has_no_content_and_the_next_is_found(over: int, line_end: bytes) -> None:
    data = b"a\n" + b"x" * (MAX_LINE_BYTES + over) + line_end + b"b"
    lines = list(read_lines(io.BytesIO(data)))
    assert [(line.number, line.content) for line in lines] == [(1, b"a"), (2, None), (3, b"b")]
    assert lines[-1].end == len(data)


def test_a_longer_last_line_has_no_content() -> None:
    assert contents(b"x" * (MAX_LINE_BYTES + 1)) == [None]


def test_an_endless_line_is_never_held_whole() -> None:
    class Endless(io.RawIOBase):
        largest = 0
        left = 200 * 1024 * 1024

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            self.largest = max(self.largest, size)
            read = min(size, self.left)
            self.left -= read
            return b"x" * read

    stream = Endless()
    assert [line.content for line in read_lines(stream)] == [None]  # type: ignore[arg-type]
    assert stream.largest <= MAX_LINE_BYTES + 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_other_encodings_are_refused_with_and_without_their_mark(encoding: str) -> None:
    with pytest.raises(Problem) as caught:
        contents('{"messages": []}\n'.encode(encoding))
    assert caught.value.code == "unsupported_encoding"
    assert "UTF-8" in caught.value.message


def test_a_nul_character_alone_is_not_another_encoding() -> None:
    assert contents(b'\x00{"a": 1}\n') == [b'\x00{"a": 1}']
