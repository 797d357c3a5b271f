"""A stream of bytes to numbered lines."""

import io
import tracemalloc

import pytest

from webapp.datasets import reading
from webapp.datasets.reading import MAX_LINE_BYTES, read_blocks, read_lines
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
        (b"\xef\xbb\xbf", []),
        (b"a\n\xef\xbb\xbfb", [b"a", b"\xef\xbb\xbfb"]),
        # What other languages call line ends is part of a line here.
        ("a\u2028b\u0085c\x0bd\re\n".encode(), ["a\u2028b\u0085c\x0bd\re".encode()]),
    ],
)
def test_lines_are_what_lies_between_newlines(data: bytes, expected: list[bytes]) -> None:
    assert contents(data) == expected


def test_lines_are_numbered_from_one() -> None:
    lines = list(read_lines(io.BytesIO(b"\xef\xbb\xbfa\r\n\nbc")))
    assert [(line.number, line.content) for line in lines] == [(1, b"a"), (2, b""), (3, b"bc")]


def test_blocks_know_their_first_line_and_how_far_the_stream_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 4)
    blocks = list(read_blocks(io.BytesIO(b"\xef\xbb\xbfa\r\n\nbc\nd")))
    assert [(block.first, block.lines, block.end) for block in blocks] == [
        (1, [b"a", b""], 8),
        (3, [b"bc"], 11),
        (4, [b"d"], 11),
    ]


@pytest.mark.parametrize("size", [4, 5, 7, 64, 1000, 100_000])
def test_lines_are_the_same_however_the_stream_is_cut(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\xef\xbb\xbf" + b"".join(b"x" * (number % 90) + b"\r\n" * (number % 3) for number in range(500))
    whole = list(read_lines(io.BytesIO(data)))
    monkeypatch.setattr(reading, "BLOCK_BYTES", size)
    assert list(read_lines(io.BytesIO(data))) == whole
    assert b"\n".join(line.content + b"\r" for line in whole if line.content is not None) + b"\n" == data[3:]


def test_a_block_has_a_limit_of_lines() -> None:
    blocks = list(read_blocks(io.BytesIO(b"\n" * 120_000)))
    assert [(block.first, len(block.lines)) for block in blocks] == [
        (1, 50_000),
        (50_001, 50_000),
        (100_001, 20_000),
    ]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b""])
def test_a_line_of_exactly_the_cap_is_read(line_end: bytes) -> None:
    assert contents(b"x" * MAX_LINE_BYTES + line_end) == [b"x" * MAX_LINE_BYTES]


@pytest.mark.parametrize("over", [1, 2, 3, 70_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_longer_line_has_no_content_and_the_next_is_found(over: int, line_end: bytes) -> None:
    data = b"a\n" + b"x" * (MAX_LINE_BYTES + over) + line_end + b"b"
    lines = list(read_lines(io.BytesIO(data)))
    assert [(line.number, line.content) for line in lines] == [(1, b"a"), (2, None), (3, b"b")]


def test_a_longer_last_line_has_no_content() -> None:
    assert contents(b"x" * (MAX_LINE_BYTES + 1)) == [None]


def test_an_endless_line_is_never_held_whole() -> None:
    class Endless(io.RawIOBase):
        left = 200 * 1024 * 1024

        def read(self, size: int = -1, /) -> bytes:
            read = min(size, self.left)
            self.left -= read
            return b"x" * read

    tracemalloc.start()
    try:
        assert [line.content for line in read_lines(Endless())] == [None]  # type: ignore[arg-type]
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_LINE_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_other_encodings_are_refused_with_and_without_their_mark(encoding: str) -> None:
    with pytest.raises(Problem) as caught:
        contents('{"messages": []}\n'.encode(encoding))
    assert caught.value.code == "unsupported_encoding"
    assert "UTF-8" in caught.value.message


def test_a_nul_character_alone_is_not_another_encoding() -> None:
    assert contents(b'\x00{"a": 1}\n') == [b'\x00{"a": 1}']
