"""The file in a multipart body, while it arrives."""

from io import BytesIO

import pytest
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st

from webapp.api.multipart import _CHUNK, read_file_part
from webapp.errors import Problem

HEAD = b'--border-7f3a\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
TAIL = b"\r\n--border-7f3a--\r\n"
app = Flask(__name__)


def read(body):
    with app.test_request_context(
        "/",
        method="POST",
        input_stream=BytesIO(body),
        content_length=len(body),
        content_type="multipart/form-data; boundary=border-7f3a",
    ):
        part = read_file_part(request)
        return part.filename, b"".join(part.chunks)


@given(
    st.binary(max_size=300) | st.sampled_from([b"\r\n--", b"--border", b"\r", b"\n--border-7f3--\r\n", b"\r\n-" * 40])
)
def test_every_byte_of_the_file_arrives(content):
    assert read(HEAD + content + TAIL) == ("a.jsonl", content)


@pytest.mark.parametrize("beyond", [-2, -1, 0, 1, 2])
def test_a_file_that_ends_around_a_chunk_arrives_whole(beyond):
    content = b"\r\n" * (_CHUNK // 2) + b"x" * (beyond + 2)
    assert read(HEAD + content + TAIL)[1] == content


def test_a_large_file_comes_in_small_pieces():
    body = HEAD + b"x" * 1_000_000 + TAIL
    with app.test_request_context(
        "/",
        method="POST",
        input_stream=BytesIO(body),
        content_length=len(body),
        content_type="multipart/form-data; boundary=border-7f3a",
    ):
        sizes = [len(chunk) for chunk in read_file_part(request).chunks]
    assert sum(sizes) == 1_000_000
    assert max(sizes) <= 2 * _CHUNK


@pytest.mark.parametrize(
    "body",
    [
        b"--border-7f3a\r\nContent-Disposition: form-data\r\n\r\nx" + TAIL,
        b"--border-7f3a\r\nX: \xff\r\n\r\nx" + TAIL,
        b"--border-7f3a\r\nno header at all",
        b"nothing of the kind",
        HEAD,
    ],
)
def test_a_body_that_is_no_multipart_is_a_problem_of_the_request(body):
    with pytest.raises(Problem) as caught:
        read(body)
    assert caught.value.code in ("malformed_multipart", "missing_file")
    assert caught.value.status == 400


def test_headers_without_end_are_refused():
    with pytest.raises(Exception, match="413"):
        read(b"--border-7f3a\r\nX: " + b"x" * 2_000_000)
