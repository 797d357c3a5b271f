"""A fix from end to end: rows mended, compared, dropped and held out, then analysed again.

    source -> mended rows -> (which are alike?) -> rows and validation part -> the new analysis

A preview and a fix are the same work; of a preview the files are thrown away.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import numpy.typing as npt

from webapp.datasets.analysis import analyze
from webapp.datasets.examples import Examples, ExampleWriter
from webapp.datasets.openai_tokenizer import OpenAITokenizer
from webapp.datasets.opening import open_rows
from webapp.datasets.repair.changes import Change, dropped
from webapp.datasets.repair.choosing import Alike, dropped_by, held_out_by
from webapp.datasets.repair.mending import Mending
from webapp.datasets.repair.operations import Dedupe, Plan, ValidationSplit
from webapp.datasets.repair.rows import open_row
from webapp.datasets.report import Analysis
from webapp.datasets.tokens import Tokenizer
from webapp.errors import Problem

ROWS, VALIDATION, EXAMPLES = "upload.jsonl", "validation.jsonl", "examples"
_MENDED = "mended.jsonl"
_MENDING, _COMPARING = 0.4, 0.7  # how far the work is after these steps
_NOTHING_LEFT = {"empty_file", "no_valid_examples"}

Rows = npt.NDArray[np.int64]


class Figures(msgspec.Struct, frozen=True):
    """The figures of a dataset that a fix is meant to change."""

    total_examples: int
    total_tokens: int
    quality_score: float
    invalid_lines: int
    exact_duplicates: int
    near_duplicates: int
    privacy_hits: int

    @classmethod
    def of(cls, report: Analysis) -> "Figures":
        """Those of an analysis."""
        return cls(
            report.total_examples,
            report.total_tokens,
            report.quality_score,
            report.invalid_lines.count,
            report.duplicates.exact,
            report.duplicates.near,
            report.privacy.count,
        )


class Done(msgspec.Struct, frozen=True):
    """What one operation did, in rows, and the first `changes`, at most 20."""

    name: str
    changed: int
    dropped: int
    added: int
    changes: list[Change]


class FixReport(msgspec.Struct, frozen=True):
    """What a fix did. rows_read - too_long - dropped + added = rows_written, `validation_rows` included.

    `invalid_kept` rows are still invalid and stay, `unreadable` of them untouched because they are no JSON object;
    `too_long` lines (over 4 MiB) are left out; in `unknown_keys` rows keys beside messages and tools were left out;
    `still_long` conversations could not be cut short enough. `before` is null when no line was a valid example.
    `unchanged` says that no operation found anything to do, nothing was left out, and the figures are the same.
    """

    operations: list[Done]
    rows_read: int
    rows_written: int
    validation_rows: int
    invalid_kept: int
    unreadable: int
    too_long: int
    unknown_keys: int
    still_long: int
    before: Figures | None
    after: Figures
    unchanged: bool


def fix(
    source: Path,
    plan: Plan,
    folder: Path,
    *,
    name: str | None = None,
    mapping: Mapping[str, str] | None = None,
    before: Analysis | None = None,
    tokenizer: Tokenizer | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[FixReport, Analysis]:
    """Writes the fixed rows of `source` into `folder`, with their examples and analysis; `source` stays as it is.

    `folder` gets `upload.jsonl` (canonical lines, and the invalid ones that stay), `validation.jsonl` when the plan
    makes one, and `examples/` (see ExampleWriter). `name` and `mapping` are those of `analyze`, and `before` is the
    analysis of `source`. Raises Problem `nothing_left`, `too_few_to_split`, or those of reading a file.
    """
    counter = tokenizer or OpenAITokenizer()
    tell = progress or _say_nothing
    with TemporaryDirectory(dir=folder) as scratch:
        mended = Path(scratch, _MENDED)
        mending = Mending(plan, counter)
        with open_rows(source, name=name, mapping=mapping) as rows, mended.open("wb") as write:
            mending.run(rows, write, lambda share: tell(_MENDING * share))
        fate = _Fate(plan, mending)
        if plan.compares_rows:
            with ExampleWriter(Path(scratch, EXAMPLES)) as sink:
                _analyze(mended, counter, sink, lambda share: tell(_MENDING + (_COMPARING - _MENDING) * share))
            fate.decide(Examples(Path(scratch, EXAMPLES)))
        fate.write(mended, folder)
    held_out = folder / VALIDATION if plan.get(ValidationSplit) else None
    with ExampleWriter(folder / EXAMPLES) as sink:
        after = _analyze(
            folder / ROWS, counter, sink, lambda share: tell(_COMPARING + (1 - _COMPARING) * share), held_out
        )
    return _report(mending, fate, before, after), after


def _say_nothing(_share: float) -> None:
    """Where nobody wants to know."""


class _Fate:
    """What becomes of each mended row: it stays, it is dropped, or it is held out."""

    def __init__(self, plan: Plan, mending: Mending) -> None:
        self._plan = plan
        self._mending = mending
        self._sources: Rows = np.frombuffer(mending.lines, np.uint32).astype(np.int64)
        self._dropped = np.zeros(len(self._sources), np.bool_)
        self._held_out = np.zeros(len(self._sources), np.bool_)
        self._like = np.full(len(self._sources), -1)
        self.written = self.held_out = 0

    def decide(self, examples: Examples) -> None:
        """Says which of the valid rows go where."""
        alike, rows = Alike.of(examples), examples.column("line") - 1
        stays = np.ones(len(rows), np.bool_)
        if dedupe := self._plan.get(Dedupe):
            stays = ~dropped_by(dedupe, alike)
            self._dropped[rows] = ~stays
            if dedupe.keep == "first":
                self._like[rows] = self._sources[rows[alike.group(dedupe.kind)]]
        if split := self._plan.get(ValidationSplit):
            self._held_out[rows] = held_out_by(split, alike, self._sources[rows], stays)

    def write(self, mended: Path, folder: Path) -> None:
        """Writes the rows that stay, and those that are held out when the plan has a validation part."""
        split = self._plan.get(ValidationSplit)
        with mended.open("rb") as read, ExitStack() as written:
            rows = written.enter_context((folder / ROWS).open("wb"))
            held_out = written.enter_context((folder / VALIDATION).open("wb")) if split else rows
            for index, line in enumerate(read):
                if self._dropped[index]:
                    self._drop(index, line)
                else:
                    (held_out if self._held_out[index] else rows).write(line)
        self.held_out = int(self._held_out.sum())
        self.written = len(self._sources) - int(self._dropped.sum())
        if split:
            self._mending.tallies[split.name].changed = self.held_out

    def _drop(self, index: int, line: bytes) -> None:
        tally = self._mending.tallies["dedupe"]
        tally.dropped += 1
        like = None if self._like[index] < 0 else int(self._like[index])
        content = line.rstrip(b"\n")
        tally.note(lambda: dropped(int(self._sources[index]), open_row(content).row, content, like))


def _analyze(
    path: Path,
    tokenizer: Tokenizer,
    sink: ExampleWriter,
    progress: Callable[[float], None],
    validation: Path | None = None,
) -> Analysis:
    try:
        return analyze(path, validation=validation, tokenizer=tokenizer, sink=sink, progress=progress)
    except Problem as problem:
        if problem.code not in _NOTHING_LEFT:
            raise
        message = "No valid example would be left. Leave an operation out, or mend more with another one."
        raise Problem("nothing_left", message, details=problem.details) from problem


def _report(mending: Mending, fate: _Fate, before: Analysis | None, after: Analysis) -> FixReport:
    was, figures = Figures.of(before) if before else None, Figures.of(after)
    done = any(tally.changed or tally.dropped or tally.added for tally in mending.tallies.values())
    return FixReport(
        operations=[
            Done(tally.name, tally.changed, tally.dropped, tally.added, tally.changes)
            for tally in mending.tallies.values()
        ],
        rows_read=mending.read,
        rows_written=fate.written,
        validation_rows=fate.held_out,
        invalid_kept=mending.invalid,
        unreadable=mending.unreadable,
        too_long=mending.too_long,
        unknown_keys=mending.unknown_keys,
        still_long=mending.splitter.left if mending.splitter else 0,
        before=was,
        after=figures,
        unchanged=was == figures and not (done or mending.too_long or mending.unknown_keys),
    )
