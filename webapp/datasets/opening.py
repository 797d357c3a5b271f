"""A file of any container and format, opened: its rows as lines, and how each is read as a conversation."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from webapp.datasets.containers import opened
from webapp.datasets.detection import detect, first_rows
from webapp.datasets.formats import LIST_PARTS, Layout
from webapp.datasets.report import Source


class RowStream(NamedTuple):
    """The lines of a file from its first row on, what each is made of, where they come from, and how far they go.

    `columns` are those of the first rows, as {name, example}; `share` gives how much of the file has been read (0 to 1)
    when a line ends so many bytes into `stream`.
    """

    stream: BinaryIO
    layout: Layout
    source: Source
    columns: list[dict[str, str]]
    share: Callable[[int], float]


@contextmanager
def open_rows(
    source: Path | BinaryIO, *, name: str | None = None, mapping: Mapping[str, str] | None = None
) -> Iterator[RowStream]:
    """Opens a file or takes a stream; `name` and `mapping` (column to part) say what its content leaves open.

    Raises the Problems of `containers.opened` and of `detection.detect`.
    """
    chats = [column for column, part in (mapping or {}).items() if part in LIST_PARTS]
    with opened(source, name, chats) as file:
        lines, stream = first_rows(file.stream)
        found = detect(lines, mapping)
        described = Source(
            container=file.container,
            compression=file.compression,
            unit="line" if file.container == "jsonl" else "row",
            confidence=found.confidence,
            mapping=dict(found.layout.mapping),
            rows_looked_at=found.rows_looked_at,
            columns=[column["name"] for column in found.columns],
        )
        yield RowStream(stream, found.layout, described, found.columns, file.share)
