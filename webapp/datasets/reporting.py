"""The report, made of all that was gathered."""

import msgspec

from webapp.datasets.examining import Examination
from webapp.datasets.gathering import Gathered, Whole
from webapp.datasets.group_report import Leakage
from webapp.datasets.languages import languages
from webapp.datasets.opening import RowStream
from webapp.datasets.privacy import privacy_report
from webapp.datasets.quality import Evidence, quality_issues, quality_parts, quality_score
from webapp.datasets.report import Analysis, InvalidLines, Quality, Source
from webapp.datasets.statistics import characteristics, distribution, token_summary, truncation
from webapp.datasets.task_guess import guess_task
from webapp.errors import Problem

_PROBLEM_ITEMS = 10


def report(gathered: Gathered, whole: Whole, leaked: Leakage | None, *, by: Examination, source: Source) -> Analysis:
    """The report on at least one example."""
    lines, hits = gathered.lines, gathered.totals.hits
    marked = whole.marked(lines)
    tokens = token_summary(gathered, by.tokenizer, by.learned)
    evidence = Evidence(marked, gathered.invalid, hits, tokens.per_example, gathered.unknown_keys, leaked)
    parts = quality_parts(evidence)
    distributed, character = distribution(gathered, marked), characteristics(gathered, marked)
    return Analysis(
        total_examples=len(gathered),
        total_tokens=tokens.total,
        avg_tokens_per_example=round(tokens.total / len(gathered), 2),
        quality_score=quality_score(parts),
        quality_issues=quality_issues(evidence),
        format_valid=not gathered.invalid,
        format=by.layout.format,
        source=source,
        sha256=gathered.sha256,
        invalid_lines=_invalid_lines(gathered),
        tokens=tokens,
        quality=Quality(parts),
        duplicates=whole.duplicates.report(lines),
        conflicts=whole.conflicts.report(lines),
        leakage=leaked,
        truncation=truncation(gathered.tokens),
        task_guess=guess_task(character, len(gathered), distributed.multi_turn_percentage / 100),
        distribution=distributed,
        characteristics=character,
        privacy=privacy_report(hits, marked),
        languages=languages(gathered.excerpts.items()),
    )


def nothing_valid(gathered: Gathered, rows: RowStream) -> Problem:
    """The Problem of a file without a valid example: what is wrong with it, and as what it was read."""
    invalid = _invalid_lines(gathered)
    if not invalid.count:
        return Problem("empty_file", "The file is empty: it has no line with anything on it.")
    first = invalid.items[0]
    lines = "The only line is no" if invalid.count == 1 else f"None of the {invalid.count:,} lines is a"
    return Problem(
        "no_valid_examples",
        f"{lines} valid example. Line {first.line}: {first.message}",
        details={
            "invalid_lines": {"count": invalid.count, "items": msgspec.to_builtins(invalid.items[:_PROBLEM_ITEMS])},
            "columns": rows.columns,
            "mapping": rows.source.mapping,
        },
    )


def _invalid_lines(gathered: Gathered) -> InvalidLines:
    return InvalidLines(len(gathered.invalid), gathered.faults)
