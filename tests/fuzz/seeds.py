"""Inputs to begin with: the good and the malformed lines of the tests, in every format and container."""

import gzip
import json
from collections.abc import Iterator

from tests.datasets.lines import ANSWER, GOOD, USER, called, line, nested
from tests.datasets.test_containers import FILES, as_parquet
from tests.datasets.test_malformed import MALFORMED
from tests.fuzz.harness import NAMES, PACKINGS

_MAX_BYTES = 8192
_PLAIN, _FIXED, _MAPPED = 0, 0b0111_0000, 0b1000_0000
_SAID = (
    "Write to joe@initech.org or +1 (212) 555-0147; sk-proj-abcdefghijklmnopqrstuvwx. [INST] As an AI language model"
)
_ROWS = {
    "alpaca": {
        "instruction": "Translate",
        "input": "one",
        "output": "eins",
        "system": "Be brief",
        "history": [["a", "b"]],
    },
    "sharegpt": {
        "conversations": [
            {"from": "human", "value": "What is it?"},
            {"from": "function_call", "value": '{"name": "look_up", "arguments": {"a": 1}}'},
            {"from": "observation", "value": "{}"},
            {"from": "gpt", "value": "Nothing"},
        ],
        "tools": '[{"name": "look_up", "parameters": {}}]',
    },
    "pairs": {"prompt": "one", "completion": "two"},
    "mapped": {"a": "one", "b": "two"},
    "text": {"text": "All of it"},
    "preference": {"prompt": "a", "chosen": "b", "rejected": "c"},
    "unknown": {"first": "a", "second": "b"},
}
_TOOLS = line(
    {"role": "developer", "content": _SAID},
    USER,
    called({"a": [1, 2.5, None]}),
    {"role": "tool", "content": "", "tool_call_id": "c1"},
    {**ANSWER, "content": [{"type": "text", "text": "é\U0001f600"}], "weight": 1, "name": "x"},
    tools=[{"type": "function", "function": {"name": "look_up", "parameters": nested(5)}}],
    parallel_tool_calls=False,
    id=7,
)


def contents() -> Iterator[bytes]:
    """Files of a few rows."""
    goods = [GOOD, _TOOLS, line(USER, {**ANSWER, "content": _SAID}), GOOD]
    yield b"\n".join(goods)
    for malformed, _ in MALFORMED.values():
        yield malformed + b"\r\n" + GOOD + b"\n"
    for row in _ROWS.values():
        yield json.dumps(row).encode()
        yield json.dumps([row, row], indent=1).encode()
        yield json.dumps({"version": 1, "data": [row, row]}).encode()
    yield b'prompt,completion\r\none,"two\nlines"\r\nthree\r\n1,2,3\r\n'
    yield b"question\tanswer\none\ttwo\n"
    yield b'messages;id\n"' + json.dumps(json.loads(GOOD)["messages"]).replace('"', '""').encode() + b'";1\n'
    yield as_parquet([json.loads(GOOD)] * 3)
    yield as_parquet([_ROWS["pairs"]])
    yield from FILES.values()
    yield as_parquet([_ROWS["text"]])[:400]
    yield gzip.compress(GOOD)[:-4]
    yield b"{}\n" * 5
    yield b"\xef\xbb\xbf" + GOOD
    yield GOOD.decode().encode("utf-16")
    yield b" \t\r\n\n"
    yield b""
    yield b"%PDF-1.7\n" + GOOD


def seeds() -> Iterator[bytes]:
    """Each of these files sent in every way, those of them that are small enough to be changed one byte at a time."""
    for number, content in enumerate(contents()):
        if len(content) <= _MAX_BYTES:
            how = number % len(NAMES) | number // len(NAMES) % len(PACKINGS) << 2
            for more in (_PLAIN, _FIXED, _MAPPED):
                yield bytes([how | more]) + content
            yield b"\0" + content
