"""The bytes of a request as they come: straight from the connection, and none taken for whole that is not."""

from collections.abc import Iterator
from typing import Protocol

from flask import Request
from werkzeug.wsgi import get_input_stream

from webapp.errors import Problem

_CHUNK = 1024 * 1024


class Stream(Protocol):
    """The part of a request's input stream that is used."""

    def read(self, size: int, /) -> bytes: ...


class BodyStream:
    """The body of a request. Reading raises Problem `upload_cut_off` when it ends before it is whole."""

    def __init__(self, request: Request) -> None:
        # Not `request.stream`: the limit of other bodies does not hold here, who reads this one counts.
        self._stream: Stream = get_input_stream(request.environ)
        self._left = request.content_length  # None for chunks, whose end the server looks for

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        try:
            found = self._stream.read(size)
        except Problem:
            raise
        except Exception as error:  # of the server's own: a connection that is gone, chunks that are malformed
            raise _cut_off() from error
        if self._left is not None:
            self._left -= len(found)
            if not found and self._left > 0:
                raise _cut_off()
        return found


def body_chunks(request: Request) -> Iterator[bytes]:
    """The body, 1 MiB at a time; raises Problem `upload_cut_off`."""
    stream = BodyStream(request)
    while chunk := stream.read(_CHUNK):
        yield chunk


def _cut_off() -> Problem:
    return Problem("upload_cut_off", "The connection ended before the file was whole: send it again.", param="file")
