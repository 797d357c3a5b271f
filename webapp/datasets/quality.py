"""The quality score, made of named parts, and the issues that explain it.

score = the product of part ** weight: a weighted geometric mean, so that one very bad part shows through good ones.

    part          weight  what it is, from 0 to 1
    validity      0.30    valid examples / lines that are not blank
    uniqueness    0.25    1 - (exact duplicates + near-duplicates / 2) / examples
    answers       0.20    examples without an empty or a very short answer / examples
    size          0.15    examples / 200, at most 1
    consistency   0.10    examples in the usual order that end with an answer / examples

A near-duplicate counts half: it may be another way to ask the same, which is worth having. Its issue is a warning
from one example in twenty on.

Answers under 5 characters are labels, not a fault, where at least half of the examples have them. 200 examples are
where the score stops asking for more: OpenAI's fine-tuning guide starts at 50 to 100 well-made ones.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from webapp.datasets.answers import SHORT_ANSWER_CHARACTERS
from webapp.datasets.examining import LONG_EXAMPLE_TOKENS
from webapp.datasets.formats import is_optional
from webapp.datasets.group_report import Leakage
from webapp.datasets.issue_fixes import ISSUE_FIXES
from webapp.datasets.markers import MARKERS
from webapp.datasets.marks import FIRST_LINES, Marked
from webapp.datasets.privacy import summary
from webapp.datasets.report import Issue, Part, Severity
from webapp.datasets.token_report import PerExample
from webapp.plurals import counted

MIN_TRAIN_EXAMPLES = 10
FEW_EXAMPLES = 50
ENOUGH_EXAMPLES = 200
MANY_NEAR_SHARE = 0.05


class Evidence(msgspec.Struct, frozen=True):
    """What the score and the issues are made of; `invalid` are lines of the file, `hits` those of private data."""

    marked: Marked
    invalid: Sequence[int]
    hits: Mapping[str, int]
    tokens: PerExample
    unknown_keys: Sequence[str]
    leakage: Leakage | None

    @property
    def examples(self) -> int:
        """Valid examples."""
        return len(self.marked)

    def count(self, mark: str) -> int:
        """Examples with this mark."""
        return self.marked.count(mark)

    @property
    def short_answers(self) -> int:
        """Examples with a very short answer, none when these are the rule."""
        short = self.count("very_short_answers")
        return 0 if short * 2 >= self.examples else short


def quality_parts(evidence: Evidence) -> list[Part]:
    """The five parts of the score."""
    total = evidence.examples
    lines = total + len(evidence.invalid)
    weak = min(total, evidence.count("empty_answers") + evidence.short_answers)
    regular = total - evidence.count("irregular")
    exact, near = evidence.count("exact_duplicates"), evidence.count("near_duplicates")
    of_all = f"of {counted(total, 'example')}"
    repeats = counted(exact, f"{of_all} repeats an earlier one exactly", f"{of_all} repeat an earlier one exactly")
    empty = counted(weak, f"{of_all} has an empty or very short answer", f"{of_all} have an empty or very short answer")
    ordered = counted(
        regular, f"{of_all} is in order and ends in an answer", f"{of_all} are in order and end in an answer"
    )
    of_lines = f"of {counted(lines, 'line')}"
    valid = counted(total, f"{of_lines} is a valid example", f"{of_lines} are valid examples")
    enough = f"{counted(total, 'example')}; beyond {ENOUGH_EXAMPLES} more adds nothing"
    return [
        _part("validity", total, lines, 0.30, valid),
        _part("uniqueness", total - exact - near / 2, total, 0.25, f"{repeats}, {near:,} almost (these count half)"),
        _part("answers", total - weak, total, 0.20, empty),
        _part("size", min(total, ENOUGH_EXAMPLES), ENOUGH_EXAMPLES, 0.15, enough),
        _part("consistency", regular, total, 0.10, ordered),
    ]


def _part(name: str, good: float, all_of: int, weight: float, why: str) -> Part:
    return Part(name, round(good / all_of, 4), weight, why)


def quality_score(parts: list[Part]) -> float:
    """The weighted geometric mean of the parts, 0 to 1, to four digits."""
    return round(math.prod(math.pow(part.score, part.weight) for part in parts), 4)


def quality_issues(evidence: Evidence) -> list[Issue]:
    """All issues, the gravest first."""
    order: tuple[Severity, ...] = ("error", "warning", "info")
    return sorted(_issues(evidence), key=lambda issue: order.index(issue.severity))


def _issues(evidence: Evidence) -> Iterator[Issue]:
    yield from _size_issues(evidence.examples)
    if count := len(evidence.invalid):
        message = counted(
            count, "line is not a valid example and is left out.", "lines are not valid examples and are left out."
        )
        yield _issue("invalid_lines", "warning", count, message, list(evidence.invalid[:FIRST_LINES]))
    if (leakage := evidence.leakage) and leakage.count:
        of_all = f"of {counted(leakage.checked, 'example')} for validation"
        message = counted(
            leakage.count,
            f"{of_all} repeats one for training, on this line.",
            f"{of_all} repeat one for training, on these lines.",
        )
        lines = sorted({row.line for row in leakage.rows})[:FIRST_LINES]
        yield _issue("leakage", "warning", leakage.count, message, lines)
    for code, severity, message in _noticed(evidence):
        if count := evidence.count(code):
            yield _issue(code, severity, count, message, evidence.marked.first(code))


def _size_issues(examples: int) -> Iterator[Issue]:
    if examples < MIN_TRAIN_EXAMPLES:
        message = f"Only {counted(examples, 'valid example')}: training needs at least {MIN_TRAIN_EXAMPLES}."
        yield _issue("too_few_to_train", "error", examples, message, [])
    if examples < FEW_EXAMPLES:
        message = f"Only {counted(examples, 'valid example')}: expect little from fewer than {FEW_EXAMPLES}."
        yield _issue("few_examples", "warning", examples, message, [])


def _noticed(evidence: Evidence) -> Iterator[tuple[str, Severity, str]]:
    """The marks that are issues, and what is to be said of them where they occur."""
    yield from _repetition_issues(evidence)
    yield (
        "no_trained_text",
        "error",
        "Some examples have no text to learn: every answer of theirs that counts is white space.",
    )
    yield "empty_answers", "warning", "Some answers hold nothing but white space: the model would learn to say nothing."
    if evidence.short_answers:
        message = f"Some answers are shorter than {SHORT_ANSWER_CHARACTERS} characters."
        yield "very_short_answers", "warning", message
    message = (
        f"Some examples are longer than {LONG_EXAMPLE_TOKENS} tokens (99 % are at most {evidence.tokens.p99}, the "
        f"longest has {evidence.tokens.max}): a model may have to cut them."
    )
    yield "long_examples", "warning", message
    yield "ends_without_answer", "info", "What follows the last answer is not trained on."
    yield (
        "unusual_order",
        "info",
        "Messages are not in the usual order (a system prompt, then user and assistant in turns): some models' chat "
        "templates refuse that.",
    )
    if evidence.count("missing_system_prompts") < evidence.examples:
        yield "missing_system_prompts", "info", "Some examples have a system prompt and these have none."
    yield (
        "unknown_keys",
        "warning" if any(map(is_optional, evidence.unknown_keys)) else "info",
        f"Keys that are no part of the conversation are ignored: {', '.join(evidence.unknown_keys)}.",
    )
    yield (
        "older_names",
        "info",
        "Older names are read as today's: developer as system, function as tool, functions as tools, function_call as "
        "tool_calls.",
    )
    for group, what in (("secrets", "secrets"), ("personal_data", "personal data")):
        yield (
            group,
            "warning",
            f"There are {what}, which a model can repeat to anyone: {summary(evidence.hits, group)}.",
        )
    for marker in MARKERS:
        yield marker.name, "info", marker.message
    yield "repetition", "info", "Some answers say the same line or sentence four times or more."


def _repetition_issues(evidence: Evidence) -> Iterator[tuple[str, Severity, str]]:
    exact, near, conflicts = map(evidence.count, ("exact_duplicates", "near_duplicates", "conflicts"))
    message = counted(
        exact,
        "example repeats an earlier one exactly and could be dropped.",
        "examples repeat an earlier one exactly and could be dropped.",
    )
    yield "exact_duplicates", "warning", message
    many = near >= MANY_NEAR_SHARE * evidence.examples
    message = counted(
        near,
        "example says almost the same as an earlier one; look at the two beside each other.",
        "examples say almost the same as an earlier one; look at these beside each other.",
    )
    yield "near_duplicates", "warning" if many else "info", message
    message = f"{conflicts:,} examples ask exactly what another one asks and are answered differently."
    yield "conflicts", "info", message


def _issue(code: str, severity: Severity, count: int, message: str, lines: list[int]) -> Issue:
    return Issue(code, severity, count, message, lines, ISSUE_FIXES[code])
