"""One pass over a file: every line read, checked, counted and kept, and the report made of it."""

from array import array
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from webapp.datasets.contents import Contents
from webapp.datasets.conversion import form_of
from webapp.datasets.counting import TokenCounter
from webapp.datasets.duplicates import Alike, DuplicateSearch, Found
from webapp.datasets.examples import ExampleWriter
from webapp.datasets.faults import fault
from webapp.datasets.findings import Findings, Sighting
from webapp.datasets.jaccard import TokenStore
from webapp.datasets.near_duplicates import NEAR_THRESHOLD
from webapp.datasets.o200k import O200kTokenizer
from webapp.datasets.opening import Rows, open_rows
from webapp.datasets.parsing import Parsed, explain, parse
from webapp.datasets.quality import Evidence, quality_issues, quality_parts, quality_score
from webapp.datasets.reading import MAX_LINE_BYTES, Line, read_lines
from webapp.datasets.records import encode, texts
from webapp.datasets.report import Analysis, InvalidLine, InvalidLines, Quality
from webapp.datasets.statistics import Statistics
from webapp.datasets.tokens import Tokenizer
from webapp.errors import Problem

MAX_INVALID_ITEMS = 100
_PROBLEM_ITEMS = 10
_BATCH_BYTES = 1024 * 1024
_TOO_LONG = fault("line_too_long", f"the line is longer than {MAX_LINE_BYTES // (1024 * 1024)} MiB")


def analyze(
    source: Path | BinaryIO,
    *,
    name: str | None = None,
    mapping: Mapping[str, str] | None = None,
    tokenizer: Tokenizer | None = None,
    near_threshold: float = NEAR_THRESHOLD,
    sink: ExampleWriter | None = None,
    progress: Callable[[float], None] | None = None,
) -> Analysis:
    """Analyses a dataset of any known container and format in one streaming pass, about 700 bytes of memory an example.

    `name` is the file's where `source` does not tell it; `mapping` says which column plays which part (formats.PARTS)
    where names alone do not. The tokens wait in a temporary file, 4 bytes each. `tokenizer` is o200k_base unless given;
    from `near_threshold` on (a Jaccard similarity, above 0 and at most 1) two examples are near-duplicates; `sink`
    (entered by the caller) gets every valid example; `progress` gets the share of the file that has been read, rising
    from 0 to 1. Raises Problem: `empty_file`, `no_valid_examples`, whose details hold the first invalid lines, and what
    `opening.open_rows` raises.
    """
    with open_rows(source, name=name, mapping=mapping) as rows, TokenStore() as store:
        run = _Pass(tokenizer or O200kTokenizer(), store, sink, rows)
        for line in read_lines(rows.stream):
            run.take(line)
            if run.batch_bytes >= _BATCH_BYTES:
                run.flush()
                if progress:
                    progress(rows.share(line.end))
        run.flush()
        if progress:
            progress(1.0)
        return run.report(near_threshold)


class _Pass:
    """The running totals of one analysis; examples wait in a batch until their tokens are counted together."""

    def __init__(self, tokenizer: Tokenizer, store: TokenStore, sink: ExampleWriter | None, rows: Rows) -> None:
        self._rows = rows
        self._form = form_of(rows.layout)
        self._tokenizer = tokenizer
        self._sink = sink
        self._batch: list[tuple[int, Parsed]] = []
        self.batch_bytes = 0
        self._sha256 = sha256()
        self._lines = array("I")
        self._duplicates = DuplicateSearch(store)
        self._counter = TokenCounter(tokenizer)
        self._statistics = Statistics()
        self._findings = Findings()
        self._contents = Contents()
        self._invalid = Sighting()
        self._invalid_items: list[InvalidLine] = []

    def take(self, line: Line) -> None:
        """Checks one line."""
        # Lines without an example count too, so that progress is reported whatever the file holds.
        self.batch_bytes += MAX_LINE_BYTES if line.content is None else len(line.content)
        if line.content is None:
            self._refuse(line)
        elif line.content and not line.content.isspace():
            parsed = parse(line.content, self._form)
            if parsed:
                self._batch.append((line.number, parsed))
            else:
                self._refuse(line)

    def _refuse(self, line: Line) -> None:
        self._invalid.add(line.number)
        # Beyond what the report names, lines are only counted: explaining costs much more than refusing.
        if room := MAX_INVALID_ITEMS - len(self._invalid_items):
            faults = [_TOO_LONG] if line.content is None else explain(line.content, self._form)
            self._invalid_items += [
                InvalidLine(line.number, item.column, item.path, item.code, item.message) for item in faults[:room]
            ]

    def flush(self) -> None:
        """Counts the batch."""
        found = [texts(parsed.conversation) for _, parsed in self._batch]
        counts, said = self._counter.count(found)
        for (number, parsed), tokens, example in zip(self._batch, counts, found, strict=True):
            self._add(number, parsed, tokens)
            self._contents.add(parsed.conversation, (*example.said, *example.setting), number)
        self._duplicates.add_tokens(said.ids, said.offsets)
        self._batch.clear()
        self.batch_bytes = 0

    def _add(self, number: int, parsed: Parsed, tokens: int) -> None:
        encoded = encode(parsed.conversation)
        self._sha256.update(encoded)
        self._duplicates.add_line(encoded)
        self._lines.append(number)
        self._statistics.add(parsed.conversation, tokens)
        self._findings.add(parsed, number, tokens)
        if self._sink:
            self._sink.write(encoded, line=number, tokens=tokens)

    def report(self, near_threshold: float) -> Analysis:
        """The report on everything taken; Problem when there is no valid example."""
        invalid_lines = InvalidLines(self._invalid.count, self._invalid_items)
        if not self._lines:
            raise _nothing_valid(invalid_lines)
        found = self._duplicates.find(near_threshold)
        evidence = self._evidence(found)
        parts = quality_parts(evidence)
        return Analysis(
            total_examples=len(self._lines),
            total_tokens=evidence.tokens.total,
            avg_tokens_per_example=round(evidence.tokens.total / len(self._lines), 2),
            quality_score=quality_score(parts),
            quality_issues=quality_issues(evidence),
            format_valid=not self._invalid.count,
            format=self._rows.layout.format,
            source=self._rows.source,
            sha256=self._sha256.hexdigest(),
            invalid_lines=invalid_lines,
            tokens=evidence.tokens,
            quality=Quality(parts),
            duplicates=found.report(self._lines),
            distribution=self._statistics.distribution(),
            characteristics=msgspec.structs.replace(self._statistics.characteristics(), **self._contents.counts()),
            privacy=self._contents.privacy.report(),
            languages=self._contents.languages.report(),
        )

    def _evidence(self, found: Found) -> Evidence:
        repeated, near = self._sighting(found.exact), self._sighting(found.near)
        tokens = self._statistics.token_summary(self._tokenizer.name, self._counter.spot_check())
        return Evidence(len(self._lines), self._invalid, repeated, near, self._findings, self._contents, tokens)

    def _sighting(self, alike: Alike) -> Sighting:
        sighting = Sighting()
        for index in alike.droppable:
            sighting.add(self._lines[index])
        return sighting


def _nothing_valid(invalid: InvalidLines) -> Problem:
    if not invalid.count:
        return Problem("empty_file", "The file is empty: it has no line with anything on it.")
    first = invalid.items[0]
    return Problem(
        "no_valid_examples",
        f"None of the {invalid.count} lines is a valid example. Line {first.line}: {first.message}",
        details={
            "invalid_lines": {"count": invalid.count, "items": msgspec.to_builtins(invalid.items[:_PROBLEM_ITEMS])}
        },
    )
