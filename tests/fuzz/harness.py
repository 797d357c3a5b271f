"""What must hold of any bytes whatever: one `Problem` or one report, and a report that agrees with its file.

The first byte of an input says how the rest is sent: under which name, packed how, with which mapping, and whether
it is fixed too. So a mutation reaches what is inside an archive, whose checksum it would otherwise only break.
"""

import gzip
import json
import tempfile
import zlib
from collections.abc import Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from backports import zstd

from webapp.datasets import FIXES, Analysis, OpenAITokenizer, TokenBatch, Tokenizer, analyze
from webapp.datasets.conversion import form_of
from webapp.datasets.opening import open_rows
from webapp.datasets.parsing import explain, parse
from webapp.datasets.reading import read_blocks
from webapp.datasets.records import encode
from webapp.datasets.repair import EXAMPLES, IN_ORDER, ROWS, Plan, fix
from webapp.datasets.rows import read_rows
from webapp.errors import Problem

NAMES = (None, "data.json", "data.csv", "data.parquet")
PACKINGS = (bytes, bytes, gzip.compress, zstd.compress)
_MAPPING = {"a": "prompt", "b": "completion"}
_MAPPED, _FIXED = 0b1000_0000, 0b0111_0000
_REAL_TOKENIZER_EVERY = 64
# White space before a colon can outweigh a repeated name: doubts.py says so.
_PASSED_OVER = {"duplicate_key"}


class Words:
    """One token a word: nothing to load, and every text has as many tokens as white space makes words."""

    name = "words"
    owner = reference = None

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """The checksum of each word."""
        return TokenBatch.of([[zlib.crc32(word.encode()) & 0xFFFF for word in text.split()] for text in texts])


class Sending(NamedTuple):
    """How the bytes of an input are sent."""

    content: bytes
    name: str | None
    mapping: dict[str, str] | None
    fixed: bool

    @classmethod
    def of(cls, data: bytes) -> "Sending":
        """What the first byte asks for."""
        how = data[0] if data else 0
        content = PACKINGS[how >> 2 & 3](data[1:])
        return cls(content, NAMES[how & 3], _MAPPING if how & _MAPPED else None, how & _FIXED == _FIXED)


class Kept:
    """A sink in memory: the canonical lines."""

    def __init__(self) -> None:
        self.encoded = b""

    def write(self, encoded: bytes, sizes: npt.NDArray[np.uint32], *_: object) -> None:
        """Takes the lines of the next examples."""
        assert sizes.sum() == len(encoded)
        self.encoded += encoded

    def annotate(self, *_: object) -> None:
        """Is told what the examples are to one another."""


def check(data: bytes) -> str:
    """Sends `data`; answers the code of the Problem, or "report". Any other exception is a fault of ours."""
    sending = Sending.of(data)
    try:
        valid, invalid = _check_rows(sending)
        report = _check_analysis(sending, _tokenizer(data))
    except Problem as problem:
        _check_problem(problem)
        return problem.code
    assert (report.total_examples, report.invalid_lines.count) == (valid, invalid)
    if sending.fixed:
        _check_fix(sending)
    return "report"


def _tokenizer(data: bytes) -> Tokenizer:
    return Words() if zlib.crc32(data) % _REAL_TOKENIZER_EVERY else OpenAITokenizer()


def _check_problem(problem: Problem) -> None:
    """It can be sent and printed, and is of a size that someone reads."""
    assert problem.message.encode()
    assert len(problem.message) < 6000
    assert len(json.dumps(problem.details, ensure_ascii=False, allow_nan=False).encode()) < 200_000


def _check_rows(sending: Sending) -> tuple[int, int]:
    """Every line is judged alike by the block it is in, by itself, and by whoever explains it; how many are which."""
    valid = invalid = 0
    with open_rows(BytesIO(sending.content), name=sending.name, mapping=sending.mapping) as opened:
        form = form_of(opened.layout)
        for block in read_blocks(opened.stream):
            rows = read_rows(block, opened.layout)
            in_block = dict(zip(rows.numbers, rows.canonical.splitlines(keepends=True), strict=True))
            for number, line in enumerate(block.lines, block.first):
                if line is None or not line.strip():
                    assert number not in in_block
                    invalid += line is None
                    continue
                parsed, faults = parse(line, form), explain(line, form)
                assert in_block.get(number) == (parsed and encode(parsed.conversation))
                assert (parsed is None) == bool({item.code for item in faults} - (_PASSED_OVER if parsed else set()))
                assert not parsed or parse(encode(parsed.conversation).rstrip(b"\n"))
                for item in faults:
                    assert item.code in FIXES
                    assert item.message.encode()
                    assert item.column is None or 1 <= item.column <= len(line) + 1
                valid, invalid = valid + bool(parsed), invalid + (not parsed)
            assert rows.invalid == sorted(set(rows.invalid))
            assert not set(rows.invalid) & in_block.keys()
    return valid, invalid


def _check_analysis(sending: Sending, tokenizer: Tokenizer) -> Analysis:
    """The report, which names lines that are there, can be sent, and has the hash of what is trained on."""
    kept = Kept()
    shares: list[float] = []
    report = analyze(
        BytesIO(sending.content),
        name=sending.name,
        mapping=sending.mapping,
        validation=BytesIO(sending.content),
        tokenizer=tokenizer,
        sink=kept,
        progress=shares.append,
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    sent = json.dumps(report.to_dict(), ensure_ascii=False, allow_nan=False).encode()
    assert Analysis.from_dict(json.loads(sent)) == report
    assert report.sha256 == sha256(kept.encoded).hexdigest()
    assert report.total_examples == kept.encoded.count(b"\n")
    assert 0 <= report.quality_score <= 1
    for item in report.invalid_lines.items:
        assert item.line >= 1
        assert item.code in FIXES
    _check_again(kept.encoded, report, tokenizer)
    return report


def _check_again(canonical: bytes, report: Analysis, tokenizer: Tokenizer) -> None:
    """What is canonical is valid, and its canonical form is itself."""
    again = analyze(BytesIO(canonical), tokenizer=tokenizer)
    assert (again.sha256, again.invalid_lines.count) == (report.sha256, 0)
    assert again.total_tokens == report.total_tokens
    assert again.privacy.kinds.keys() == report.privacy.kinds.keys()


def _check_fix(sending: Sending) -> None:
    """All operations at once: rows in and rows out add up, and what is left is valid."""
    plan = Plan([operation() for operation in IN_ORDER if operation.__name__ != "ValidationSplit"])
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, sending.name or "data.jsonl")
        source.write_bytes(sending.content)
        try:
            made, after = fix(source, plan, Path(folder), mapping=sending.mapping, tokenizer=Words())
        except Problem as problem:
            if problem.code != "nothing_left":
                raise
            return
        dropped = sum(done.dropped for done in made.operations)
        added = sum(done.added for done in made.operations)
        assert made.rows_read - made.too_long - dropped + added == made.rows_written
        assert after.invalid_lines.count == made.invalid_kept == 0
        assert after.total_examples == made.rows_written
        assert Path(folder, ROWS).read_bytes() == Path(folder, EXAMPLES, "examples.jsonl").read_bytes()
        assert not after.duplicates.exact
