"""What the numbers of all examples come to: the distributions and the character of the data."""

import numpy as np
import numpy.typing as npt

from webapp.datasets.exactness import expected_error, note
from webapp.datasets.examining import MANY_TURNS
from webapp.datasets.gathering import Gathered
from webapp.datasets.hashing import distinct
from webapp.datasets.marks import Marked
from webapp.datasets.report import Characteristics, Distribution
from webapp.datasets.token_report import PerExample, TokenRange, Tokens, Truncation
from webapp.datasets.tokens import LearnedTexts, Tokenizer, spot_check

_TOKEN_BUCKETS = {"0-100": 100, "100-500": 500, "500-1000": 1000}
CONTEXT_LENGTHS = (512, 1024, 2048, 4096, 8192, 16384, 32768)
_FIRST_BORDER = 32


def distribution(gathered: Gathered, marked: Marked) -> Distribution:
    """The body of GET /preview/{id}/distribution."""
    totals, examples = gathered.totals, len(gathered)
    return Distribution(
        roles=dict(sorted(totals.roles.items())),
        avg_message_length=round(totals.characters / totals.roles.total(), 1),
        token_distribution=_bucketed(gathered.tokens),
        has_system_prompts=marked.count("missing_system_prompts") < examples,
        multi_turn_percentage=round(100 * marked.count("multi_turn") / examples, 1),
        turns={_turns(count): found for count, found in sorted(totals.turns.items())},
    )


def characteristics(gathered: Gathered, marked: Marked) -> Characteristics:
    """What kind of data it is."""
    totals, examples, answers = gathered.totals, len(gathered), len(gathered.answer_characters)
    characters = gathered.answer_characters
    return Characteristics(
        turns_avg=round(totals.roles["user"] / examples, 2),
        system_prompt_share=round(1 - marked.count("missing_system_prompts") / examples, 4),
        question_share=round(totals.questions / max(1, totals.roles["user"]), 4),
        json_answer_share=round(totals.json_answers / max(1, answers), 4),
        tool_call_share=round(marked.count("tool_calls") / examples, 4),
        answer_chars_p50=int(np.percentile(characters, 50, method="inverted_cdf")) if answers else 0,
        distinct_answers=len(distinct(gathered.answer_hashes)),
        non_ascii_share=round(totals.non_ascii / max(1, totals.characters), 4),
        **{name: marked.count(name) for name in Characteristics.MARKS},
    )


def token_summary(gathered: Gathered, tokenizer: Tokenizer, learned: LearnedTexts | None = None) -> Tokens:
    """Totals, percentiles and the histogram of the examples' tokens, as `tokenizer` counted them.

    `learned` is what the trained tokens were counted with, if that is more than the answers' contents.
    """
    counts = gathered.tokens
    reference = tokenizer.reference
    p50, p95, p99 = (int(value) for value in np.percentile(counts, [50, 95, 99], method="inverted_cdf"))
    return Tokens(
        tokenizer=tokenizer.name,
        exact=tokenizer.owner is not None,
        note=note(tokenizer),
        total=int(counts.sum(dtype=np.uint64)),
        trained=gathered.totals.trained_tokens,
        template=learned.name if learned else None,
        per_example=PerExample(p50, p95, p99, int(counts.max())),
        histogram=_histogram(counts),
        by_role=dict(sorted(gathered.totals.tokens.items())),
        spot_check=spot_check(gathered.sampled.items(), reference) if reference else None,
        expected_error=expected_error(tokenizer),
    )


def truncation(counts: npt.NDArray[np.uint32]) -> list[Truncation]:
    """How many examples a context of so many tokens would cut, up to the first length that cuts none."""
    found = []
    for length in CONTEXT_LENGTHS:
        cut = int(np.count_nonzero(counts > length))
        found.append(Truncation(length, cut, round(cut / len(counts), 4)))
        if not cut:
            break
    return found


def _turns(count: int) -> str:
    return f"{count}+" if count == MANY_TURNS else str(count)


def _bucketed(counts: npt.NDArray[np.uint32]) -> dict[str, int]:
    """Examples by tokens; a bucket begins at its first number and ends before its last."""
    places = np.digitize(counts, list(_TOKEN_BUCKETS.values()))
    found = np.bincount(places, minlength=len(_TOKEN_BUCKETS) + 1)
    return {name: int(number) for name, number in zip([*_TOKEN_BUCKETS, "1000+"], found, strict=True)}


def _histogram(counts: npt.NDArray[np.uint32]) -> list[TokenRange]:
    """Examples by tokens, in ranges that double, from the first to the last that holds any."""
    borders = [0, _FIRST_BORDER]
    while borders[-1] <= counts.max():
        borders.append(2 * borders[-1])
    found = np.bincount(np.digitize(counts, borders[1:]), minlength=len(borders) - 1)
    first = int(np.flatnonzero(found)[0])
    return [
        TokenRange(start, end, int(number))
        for start, end, number in list(zip(borders, borders[1:], found, strict=False))[first:]
    ]
