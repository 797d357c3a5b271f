"""The bad lines of a file as people look at them: each with its faults, and the text around the place of each."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from webapp.datasets.bad_lines import BadLine, Excerpt, excerpts, kept
from webapp.datasets.containers import opened
from webapp.datasets.conversion import form_of
from webapp.datasets.examples import Examples
from webapp.datasets.formats import Layout
from webapp.datasets.parsing import explain
from webapp.datasets.reading import read_blocks
from webapp.datasets.report import Analysis, InvalidLine


class ShownLine(NamedTuple):
    """Line `number` (1-based) with its faults; `size` is that of all of it in bytes, 0 where that is not known.

    Of a line that is neither named in the report nor kept whole no fault is known.
    """

    number: int
    size: int
    excerpts: list[Excerpt]


class BadLines(NamedTuple):
    """Some bad lines, of `total`; where to look further, None at the end, and where the page before begins."""

    lines: list[ShownLine]
    total: int
    next: int | None
    before: int | None


def bad_lines(examples: Examples, report: Analysis, line: int, count: int) -> BadLines:
    """The first `count` bad lines from `line` on; only what was kept of them is read."""
    numbers = examples.invalid_lines()
    first = int(np.searchsorted(numbers, line))
    after = first + count
    wanted: list[int] = numbers[first:after].tolist()
    known = {item.number: item for item in examples.refused()}
    layout = Layout(report.format, report.source.mapping)  # type: ignore[arg-type]
    return BadLines(
        [_shown(number, known.get(number), report.invalid_lines.items, layout) for number in wanted],
        total=len(numbers),
        next=int(numbers[after]) if after < len(numbers) else None,
        before=int(numbers[max(0, first - count)]) if first and len(numbers) else None,
    )


def first_bad_lines(source: Path, faults: Iterable[InvalidLine], name: str | None = None) -> list[ShownLine]:
    """The lines that have these faults, of a file that holds nothing else: only its first bytes are read.

    Raises the Problems of `containers.opened`.
    """
    named = list(faults)
    with opened(source, name) as file:
        block = next(read_blocks(file.stream), None)
    lines = dict(enumerate(block.lines, block.first)) if block else {}
    found = []
    for number in dict.fromkeys(item.line for item in named):
        of_line = [item for item in named if item.line == number]
        line = kept(number, lines.get(number), of_line)
        found.append(ShownLine(number, line.size, excerpts(line, of_line)))
    return found


def _shown(number: int, line: BadLine | None, named: Iterable[InvalidLine], layout: Layout) -> ShownLine:
    faults = [item for item in named if item.line == number]
    if not line:
        return ShownLine(number, 0, [Excerpt(item, "", "", "", begins=False, ends=False) for item in faults])
    if not faults and line.whole:
        explained = explain(line.content, form_of(layout))
        faults = [InvalidLine(number, item.column, item.path, item.code, item.message) for item in explained]
    return ShownLine(number, line.size, excerpts(line, faults))
