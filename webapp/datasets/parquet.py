"""Parquet files, read as lines: a JSON object for each row, a few rows at a time."""

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

import msgspec

from webapp.datasets.json_cells import json_columns, open_cells
from webapp.errors import Problem

_BATCH_ROWS = 64

# Dates, decimals and the like are written as their text.
_encoder = msgspec.json.Encoder(enc_hook=str)


def parquet_rows(file: BinaryIO, chat_columns: Collection[str] = ()) -> Iterator[bytes]:
    """The rows of a Parquet file that can seek, a few at a time; nulls are left out of objects.

    Texts that hold JSON are values in columns of chats and tools; `chat_columns` names further ones. Raises Problem
    `broken_parquet`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Without buffering ahead and threads no more than one batch is in memory.
        table = pq.ParquetFile(file, pre_buffer=False)
        opened = json_columns(table.schema_arrow.names, chat_columns)
        for batch in table.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
            rows = [_without_nulls(row) for row in batch.to_pylist()]
            for row in rows:
                open_cells(row, opened)
            yield b"".join(_encoder.encode(row) + b"\n" for row in rows)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        # The last two: texts that are no UTF-8, dates beyond Python's.
        reason = " ".join(str(error).split())[:200]
        raise Problem(
            "broken_parquet", f"The Parquet file cannot be read ({reason}). Write it again, or use JSON lines."
        ) from error


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
