"""The rows in the formats that other tools read; what a format cannot hold is refused, and nothing is lost silently.

    jsonl     OpenAI's messages, the canonical lines as they are
    sharegpt  {"conversations": [{"from": "human", "value": ...}, ...]}, from system, human and gpt
    alpaca    {"instruction", "input", "output"}, the last turn; system and history (earlier turns), perhaps empty
    parquet   columns `messages` (a list of structs) and `tools` (JSON text), null where a key is absent

The names of ShareGPT and Alpaca are those of LLaMA-Factory's data/README.md.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from webapp.datasets.records import Conversation
from webapp.errors import Problem

_BATCH_BYTES, _BATCH_ROWS = 16 * 1024 * 1024, 10_000
_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}

_decoder = msgspec.json.Decoder(Conversation)
_encoder = msgspec.json.Encoder()


class _Inexpressible(Exception):
    """The format has no place for something in a conversation; the text says for what."""


class Format(msgspec.Struct, frozen=True):
    """A format: the ending and the media type of its files, and what writes canonical lines in it."""

    name: str
    suffix: str
    media_type: str
    write: Callable[[BinaryIO, BinaryIO], None]


def export(lines: Path, form: Format, target: BinaryIO) -> None:
    """Writes the conversations of a file of canonical lines to `target`, batch by batch.

    Raises Problem `not_expressible`, which names the first row (from 1) the format cannot hold and counts them.
    """
    with lines.open("rb") as source:
        form.write(source, target)


def find_format(name: str) -> Format:
    """The format of that name; raises Problem `unknown_format`."""
    if name not in FORMATS:
        raise Problem(
            "unknown_format", f"There is no format {name!r}; use one of {', '.join(FORMATS)}.", param="format"
        )
    return FORMATS[name]


def _sharegpt(conversation: Conversation) -> dict[str, Any]:
    _refuse_what_only_messages_hold(conversation)
    turns = [{"from": _SPEAKERS[message.role], "value": message.content} for message in conversation.messages]
    return {"conversations": turns}


def _alpaca(conversation: Conversation) -> dict[str, Any]:
    _refuse_what_only_messages_hold(conversation)
    messages = conversation.messages
    system = messages[0].content if messages[0].role == "system" else None
    turns = messages[1:] if system is not None else messages
    roles = [message.role for message in turns]
    if not turns or roles != ["user", "assistant"] * (len(turns) // 2):
        raise _Inexpressible("messages that are not user and assistant in turns")
    texts = [message.content for message in turns]
    *history, (instruction, output) = zip(texts[::2], texts[1::2], strict=True)
    # All columns in every row: what only later rows have, a reader that goes by the first ones does not look for.
    return {"instruction": instruction, "input": "", "output": output, "system": system or "", "history": history}


def _refuse_what_only_messages_hold(conversation: Conversation) -> None:
    if conversation.tools or any(message.role == "tool" or message.tool_calls for message in conversation.messages):
        raise _Inexpressible("tools")
    if any(message.weight is not None for message in conversation.messages):
        raise _Inexpressible("weights")
    if any(message.name is not None for message in conversation.messages):
        raise _Inexpressible("names of speakers")


def _as_json(name: str, convert: Callable[[Conversation], dict[str, Any]]) -> Callable[[BinaryIO, BinaryIO], None]:
    def write(source: BinaryIO, target: BinaryIO) -> None:
        refused, first = 0, ""
        for row, conversation in enumerate(_conversations(source), start=1):
            try:
                target.write(_encoder.encode(convert(conversation)) + b"\n")
            except _Inexpressible as error:
                refused += 1
                first = first or f"row {row} has {error}"
        if refused:
            raise Problem(
                "not_expressible",
                f"The format {name} cannot hold {refused} of the rows: {first}. Use jsonl or parquet, which hold all.",
                details={"rows": refused},
            )

    return write


def _parquet(source: BinaryIO, target: BinaryIO) -> None:
    # Not at the top: it is large, and the server writes no Parquet.
    import pyarrow as pa
    import pyarrow.parquet as pq

    function = pa.struct([("name", pa.string()), ("arguments", pa.string())])
    call = pa.struct([("id", pa.string()), ("type", pa.string()), ("function", function)])
    message = pa.struct(
        [
            ("role", pa.string()),
            ("content", pa.string()),
            ("name", pa.string()),
            ("weight", pa.int8()),
            ("tool_calls", pa.list_(call)),
            ("tool_call_id", pa.string()),
        ]
    )
    schema = pa.schema([("messages", pa.list_(message)), ("tools", pa.string())])
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for rows in _batches(source):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _batches(source: BinaryIO) -> Iterator[list[dict[str, Any]]]:
    rows, size = [], 0
    for line in source:
        row = msgspec.json.decode(line)
        if "tools" in row:
            # Two tools seldom have the same parameters, and a column has one type.
            row["tools"] = _encoder.encode(row["tools"]).decode()
        rows.append(row)
        size += len(line)
        if size >= _BATCH_BYTES or len(rows) >= _BATCH_ROWS:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _conversations(source: BinaryIO) -> Iterator[Conversation]:
    return (_decoder.decode(line) for line in source)


_JSON_LINES = "application/jsonl"
FORMATS = {
    form.name: form
    for form in (
        Format("jsonl", ".jsonl", _JSON_LINES, shutil.copyfileobj),
        Format("sharegpt", ".sharegpt.jsonl", _JSON_LINES, _as_json("sharegpt", _sharegpt)),
        Format("alpaca", ".alpaca.jsonl", _JSON_LINES, _as_json("alpaca", _alpaca)),
        Format("parquet", ".parquet", "application/vnd.apache.parquet", _parquet),
    )
}
