"""Is fine-tuning the right thing? What the rows alone say, before any model is chosen.

They say nothing of the base model: what a good prompt gets without training, only the report of a real run tells.
"""

from typing import Any

import msgspec

from webapp.baselines.pairs import Pair, pairs
from webapp.baselines.retrieval import RetrievalBaseline, most_frequent_share, retrieval_baseline
from webapp.baselines.verdicts import MIN_HELD_OUT, Code, judge
from webapp.datasets import Examples
from webapp.training.data import split_conversations

SAMPLE = 2000  # conversations looked at, so that a million rows take no longer


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict (verdicts.py) in a sentence, with its numbers.

    `sampled` of the `rows` valid examples were looked at; `most_frequent_share` (0 to 1) of their answers are the same.
    `baseline` is None where fewer than `MIN_HELD_OUT` different rows are held out.
    """

    verdict: Code
    message: str
    rows: int
    sampled: int
    most_frequent_share: float
    baseline: RetrievalBaseline | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        gate: dict[str, Any] = msgspec.to_builtins(self)
        return gate


def gate(examples: Examples, eval_fraction: float, seed: int) -> Gate:
    """The verdict on the examples; up to `SAMPLE` of them, those are held out that the notebook would hold out."""
    sample = examples.sample(SAMPLE)
    known, asked = _split(sample, eval_fraction, seed)
    share = most_frequent_share(pairs(sample))
    baseline = retrieval_baseline(known, asked, seed) if len(asked) >= MIN_HELD_OUT <= len(known) else None
    verdict = judge(len(examples), share, len(asked), baseline)
    return Gate(
        verdict=verdict.code,
        message=verdict.message,
        rows=len(examples),
        sampled=len(sample),
        most_frequent_share=share,
        baseline=baseline,
    )


def _split(sample: list[dict[str, Any]], eval_fraction: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """The pairs for training, and those held out, each different one once."""
    try:
        trained, held_out = split_conversations(sample, eval_fraction, seed)
    except ValueError:  # there are no two different conversations
        return pairs(sample), []
    known, asked = (pairs(sample[index] for index in indices) for indices in (trained, held_out))
    return known, list(dict.fromkeys(asked))
