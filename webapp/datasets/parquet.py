"""Parquet files, read as lines: a JSON object for each row, a few rows at a time.

A few bytes of Parquet can stand for any number of values, and be one value of any number of rows. So how much they
come to is looked at three times: in what the file says of itself, while pyarrow unpacks some rows, and before these
become Python's.
"""

import os
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from webapp.datasets.allocation import allocating_at_most
from webapp.datasets.compression import refuse_bomb
from webapp.datasets.json_cells import json_columns, open_cells
from webapp.datasets.reading import MAX_LINE_BYTES
from webapp.errors import Problem

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_BATCH_ROWS = 64
# Rows as long as they may be, their page and its packed form come to less, and so does the gigabyte that pyarrow
# reserves at a time.
_BATCH_BYTES = 3 * 1024**3 // 2
# In the place of a row that is longer than a line may be.
_TOO_LONG = b" " * (MAX_LINE_BYTES + 2) + b"\n"

# Dates, decimals and the like are written as their text.
_encoder = msgspec.json.Encoder(enc_hook=str)


def parquet_rows(file: BinaryIO, chat_columns: Collection[str] = ()) -> Iterator[bytes]:
    """The rows of a Parquet file that can seek, a few at a time; nulls are left out of objects.

    Texts that hold JSON are values in columns of chats and tools; `chat_columns` names further ones. A row that holds
    more than `MAX_LINE_BYTES` is a line of spaces that is too long. Raises Problem `broken_parquet` and
    `decompression_bomb`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Without buffering ahead and threads no more than one batch is in memory.
        table = pq.ParquetFile(file, pre_buffer=False)
        _refuse_large_groups(table.metadata, file.seek(0, os.SEEK_END))
        opened = json_columns(table.schema_arrow.names, chat_columns)
        for batch in _batches(table):
            yield from _lines(batch, opened)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        # The last two: texts that are no UTF-8, dates beyond Python's.
        reason = " ".join(str(error).split())[:200]
        raise Problem(
            "broken_parquet", f"The Parquet file cannot be read ({reason}). Write it again, or use JSON lines."
        ) from error


def _refuse_large_groups(metadata: "pq.FileMetaData", packed: int) -> None:
    """Raises Problem `decompression_bomb` for what the file says of itself; a value is a byte at least."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        values = max((group.column(index).num_values for index in range(group.num_columns)), default=0)
        refuse_bomb(max(group.total_byte_size, values), packed)


def _batches(table: "pq.ParquetFile") -> Iterator["pa.RecordBatch"]:
    """A few rows at a time; raises Problem `decompression_bomb` where they do not fit into `_BATCH_BYTES`."""
    batches = table.iter_batches(batch_size=_BATCH_ROWS, use_threads=False)
    while True:
        try:
            with allocating_at_most(_BATCH_BYTES):
                batch = next(batches, None)
        except MemoryError as error:
            raise Problem(
                "decompression_bomb",
                f"A few rows of the Parquet file take more than {_BATCH_BYTES / 2**30} GiB of memory, so it is not "
                "unpacked any further. If it is genuine, send it as JSON lines.",
            ) from error
        if batch is None:
            return
        yield batch


def _lines(batch: "pa.RecordBatch", opened: Collection[str]) -> Iterator[bytes]:
    """The rows as JSON, as many at once as come to the longest line; one that is longer is `_TOO_LONG`."""
    from webapp.datasets.arrow_sizes import size

    if size(batch.columns) <= MAX_LINE_BYTES:
        rows = [_without_nulls(row) for row in batch.to_pylist()]
        for row in rows:
            open_cells(row, opened)
        yield b"".join(_encoder.encode(row) + b"\n" for row in rows)
    elif batch.num_rows == 1:
        yield _TOO_LONG
    else:
        middle = batch.num_rows // 2
        yield from _lines(batch.slice(0, middle), opened)
        yield from _lines(batch.slice(middle), opened)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
