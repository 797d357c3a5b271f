"""Which task the data seems to be for, and why: a suggestion that a person confirms.

The rules and their borders are our judgement, made to be told in a sentence each; they were not fitted to anything.
"""

from collections.abc import Iterator
from typing import NamedTuple

from webapp.datasets.report import Characteristics, TaskGuess

SHORT_ANSWER, LONG_ANSWER = 40, 1200  # characters
FEW_ANSWERS_SHARE, MIN_REPEATS = 0.2, 20


class Sign(NamedTuple):
    """Something that speaks for a task, with its strength."""

    task: str
    strength: float
    reason: str


def guess_task(found: Characteristics, examples: int, multi_turn_share: float) -> TaskGuess:
    """The task with the strongest signs; `confidence` is its share of all of them, 0 to 1."""
    strengths: dict[str, float] = {}
    reasons: dict[str, list[str]] = {}
    for sign in _signs(found, examples, multi_turn_share):
        strengths[sign.task] = strengths.get(sign.task, 0) + sign.strength
        reasons.setdefault(sign.task, []).append(sign.reason)
    task = max(strengths, key=lambda name: strengths[name])
    return TaskGuess(task, round(strengths[task] / sum(strengths.values()), 2), reasons[task])


def _signs(found: Characteristics, examples: int, multi_turn_share: float) -> Iterator[Sign]:
    yield Sign("instruction_following", 0.5, "nothing speaks strongly for a narrower task")
    distinct = found.distinct_answers
    few = distinct <= max(2, FEW_ANSWERS_SHARE * examples) and examples >= MIN_REPEATS
    labels = found.answer_chars_p50 <= SHORT_ANSWER and found.json_answer_share < 0.5 and found.tool_call_share < 0.5
    if few and labels:
        reason = (
            f"{distinct} different answers in {examples} examples, half of them {found.answer_chars_p50} characters"
        )
        yield Sign("classification", 3.0, f"{reason} or shorter")
    if found.json_answer_share >= 0.5:
        yield Sign("extraction", 3.0, f"{found.json_answer_share:.0%} of the answers are JSON")
    if found.tool_call_share >= 0.2:
        yield Sign("instruction_following", 1.5, f"{found.tool_call_share:.0%} of the examples call tools")
    if multi_turn_share >= 0.3:
        strength = 1.0 + 2.0 * multi_turn_share
        yield Sign("conversation", strength, f"{multi_turn_share:.0%} of the examples have several turns")
    if found.question_share >= 0.5:
        strength = 1.0 + found.question_share
        yield Sign("question_answering", strength, f"{found.question_share:.0%} of the user's messages are questions")
    if found.answer_chars_p50 >= LONG_ANSWER:
        reason = f"half of the answers have {found.answer_chars_p50} characters or more"
        yield Sign("text_generation", 1.5, reason)
    if not found.turns_avg:
        yield Sign("text_generation", 5.0, "there are no prompts, only texts")
