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
from collections.abc import Iterator

import msgspec

from webapp.datasets.contents import Contents
from webapp.datasets.findings import LONG_EXAMPLE_TOKENS, SHORT_ANSWER_CHARACTERS, Findings, Sighting
from webapp.datasets.markers import MARKERS
from webapp.datasets.report import Issue, Part, Severity, Tokens

MIN_TRAIN_EXAMPLES = 10
FEW_EXAMPLES = 50
ENOUGH_EXAMPLES = 200
MANY_NEAR_SHARE = 0.05


class Evidence(msgspec.Struct, frozen=True):
    """What the score and the issues are made of; `invalid`, `repeated` and `near` hold lines of the file."""

    examples: int
    invalid: Sighting
    repeated: Sighting
    near: Sighting
    findings: Findings
    contents: Contents
    tokens: Tokens

    def count(self, code: str) -> int:
        """Examples in which `code` was noticed."""
        return self.findings.seen[code].count

    @property
    def short_answers(self) -> int:
        """Examples with a very short answer, none when these are the rule."""
        short = self.count("very_short_answers")
        return 0 if short * 2 >= self.examples else short


def quality_parts(evidence: Evidence) -> list[Part]:
    """The five parts of the score."""
    total = evidence.examples
    lines = total + evidence.invalid.count
    weak = min(total, evidence.count("empty_answers") + evidence.short_answers)
    regular = total - evidence.count("irregular")
    exact, near = evidence.repeated.count, evidence.near.count
    repeats = f"{exact} of {total} examples repeat an earlier one exactly, {near} almost (these count half)"
    counted = min(total, ENOUGH_EXAMPLES)
    return [
        _part("validity", total, lines, 0.30, f"{total} of {lines} lines are valid examples"),
        _part("uniqueness", total - exact - near / 2, total, 0.25, repeats),
        _part("answers", total - weak, total, 0.20, f"{weak} of {total} examples have an empty or very short answer"),
        _part("size", counted, ENOUGH_EXAMPLES, 0.15, f"{total} examples; beyond {ENOUGH_EXAMPLES} more adds nothing"),
        _part("consistency", regular, total, 0.10, f"{regular} of {total} examples are in order and end in an answer"),
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
    if evidence.invalid.count:
        message = f"{evidence.invalid.count} lines are not valid examples and are left out; invalid_lines says why."
        yield _issue("invalid_lines", "warning", evidence.invalid, message)
    if evidence.repeated.count:
        message = f"{evidence.repeated.count} examples repeat an earlier one exactly and could be dropped."
        yield _issue("exact_duplicates", "warning", evidence.repeated, message)
    if near := evidence.near.count:
        message = f"{near} examples say almost the same as an earlier one; look at these beside each other."
        many = near >= MANY_NEAR_SHARE * evidence.examples
        yield _issue("near_duplicates", "warning" if many else "info", evidence.near, message)
    for code, severity, message in _noticed(evidence):
        sighting = evidence.findings.seen[code]
        if sighting.count:
            yield _issue(code, severity, sighting, message)
    yield from _content_issues(evidence.contents)


def _size_issues(examples: int) -> Iterator[Issue]:
    if examples < MIN_TRAIN_EXAMPLES:
        message = f"Only {examples} valid examples: training needs at least {MIN_TRAIN_EXAMPLES}."
        yield Issue("too_few_to_train", "error", examples, message, [])
    if examples < FEW_EXAMPLES:
        message = f"Only {examples} valid examples: expect little from fewer than {FEW_EXAMPLES}."
        yield Issue("few_examples", "warning", examples, message, [])


def _noticed(evidence: Evidence) -> Iterator[tuple[str, Severity, str]]:
    yield "empty_answers", "warning", "Some answers hold nothing but white space: the model would learn to say nothing."
    if evidence.short_answers:
        message = f"Some answers are shorter than {SHORT_ANSWER_CHARACTERS} characters."
        yield "very_short_answers", "warning", message
    if evidence.count("long_examples"):
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
    keys = ", ".join(sorted(evidence.findings.unknown_keys))
    yield "unknown_keys", "info", f"Keys that are no part of the conversation are ignored: {keys}."
    yield (
        "older_names",
        "info",
        "Older names are read as today's: developer as system, function as tool, functions as tools, function_call as "
        "tool_calls.",
    )


def _content_issues(contents: Contents) -> Iterator[Issue]:
    privacy = contents.privacy
    for code, what, advice in (
        ("secrets", "secrets", "A model can repeat them to anyone: take them out and revoke them."),
        ("personal_data", "personal data", "A model can repeat them to anyone: replace them, unless they are made up."),
    ):
        if (sighting := privacy.groups[code]).count:
            yield _issue(code, "warning", sighting, f"There are {what}: {privacy.summary(code)}. {advice}")
    repeated = "Some answers say the same line or sentence four times or more."
    for code, message in (*((marker.name, marker.message) for marker in MARKERS), ("repetition", repeated)):
        if (sighting := contents.seen[code]).count:
            yield _issue(code, "info", sighting, message)


def _issue(code: str, severity: Severity, sighting: Sighting, message: str) -> Issue:
    return Issue(code, severity, sighting.count, message, list(sighting.lines))
