"""Finds the file in a multipart body and hands it on while it arrives; nothing is collected or spooled."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Request
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from webapp.api.receiving import BodyStream, Stream
from webapp.errors import Problem

_CHUNK = 256 * 1024
# The decoder's buffer: a chunk, and headers that have not ended.
_MAX_BUFFER = 1024 * 1024
_MAX_PARTS = 100
_MAX_MAPPING = 16 * 1024
# Room for the boundaries and headers around the file.
_ENVELOPE = 64 * 1024


@dataclass
class FilePart:
    """A file as it arrives, of at least `announced` bytes as far as the request tells.

    `mapping` is the text of a part named `map`, known for sure once `chunks` has been read.
    """

    filename: str
    announced: int
    mapping: str | None
    _events: Iterator[Event]

    @property
    def chunks(self) -> Iterator[bytes]:
        """The file's bytes, once."""
        yield from _part(self._events)
        for event in self._events:
            if _is_mapping(event):
                self.mapping = _text(self._events)


def read_file_part(request: Request, name: str = "file") -> FilePart:
    """The part of that name.

    Raises Problem `missing_file`, `malformed_multipart`, `invalid_mapping` or `upload_cut_off`, all but the first
    also while chunks are read.
    """
    boundary = request.mimetype_params.get("boundary")
    if request.mimetype != "multipart/form-data" or not boundary:
        raise _missing_file(name)
    announced = max(0, (request.content_length or 0) - _ENVELOPE)
    events = _events(BodyStream(request), boundary.encode("latin-1", "replace"))
    mapping = None
    for event in events:
        if isinstance(event, File) and event.name == name and event.filename:
            return FilePart(event.filename, announced, mapping, events)
        if _is_mapping(event):
            mapping = _text(events)
    raise _missing_file(name)


def _is_mapping(event: Event) -> bool:
    return isinstance(event, Field) and event.name == "map"


def _text(events: Iterator[Event]) -> str:
    found = bytearray()
    for piece in _part(events):
        found += piece
        if len(found) > _MAX_MAPPING:
            raise Problem("invalid_mapping", f"The part 'map' is longer than {_MAX_MAPPING} bytes.", param="map")
    return found.decode("utf-8", "replace")


def _part(events: Iterator[Event]) -> Iterator[bytes]:
    """The data of the part that has begun."""
    for event in events:
        if isinstance(event, Data):
            if event.data:
                yield event.data
            if not event.more_data:
                return


def _events(stream: Stream, boundary: bytes) -> Iterator[Event]:
    decoder = MultipartDecoder(boundary, _MAX_BUFFER, max_parts=_MAX_PARTS)
    try:
        while not isinstance(event := decoder.next_event(), Epilogue):
            if isinstance(event, NeedData):
                decoder.receive_data(stream.read(_CHUNK) or None)
            else:
                yield event
    except ValueError as error:
        raise Problem(
            "malformed_multipart", f"The upload ended early or is not well formed: {error}.", param="file"
        ) from error


def _missing_file(name: str) -> Problem:
    return Problem(
        "missing_file",
        f"Send the dataset as multipart/form-data, in a part named {name!r} that has a file name.",
        param=name,
    )
