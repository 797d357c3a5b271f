"""Is fine-tuning the right thing? What the rows alone say, before any model is chosen.

They say nothing of the base model: what a good prompt gets without training, only the report of a real run tells.
"""

import math
from itertools import chain
from typing import Any

import msgspec

from webapp.baselines.pairs import Pair, pairs
from webapp.baselines.retrieval import RetrievalBaseline, most_frequent_share, retrieval_baseline
from webapp.baselines.verdicts import MIN_HELD_OUT, Code, judge
from webapp.datasets import Examples
from webapp.training.data import MAX_HELD_OUT, split_alike

SAMPLE = 2000  # conversations looked at, so that only the split of a million rows takes longer
ASKED = 500  # held-out answers looked up, about


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict (verdicts.py) in a sentence, with its numbers.

    `sampled` of the `rows` valid examples were looked at; `most_frequent_share` (0 to 1) of their answers are the same.
    `baseline` is None where fewer than `MIN_HELD_OUT` different conversations are held out.
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
    """The verdict on the examples, up to `SAMPLE` of them: those that a notebook holds out, and others it trains on."""
    trained, held_out = _split(examples, eval_fraction, seed)
    asked = examples.sample(MAX_HELD_OUT, held_out)
    known = examples.sample(SAMPLE - len(asked), trained)
    learned, looked_up = _answered(known), _answered(asked)
    share = most_frequent_share(list(chain.from_iterable(learned + looked_up)))
    different = list(dict.fromkeys(looked_up))
    enough = len(different) >= MIN_HELD_OUT <= len(learned)
    baseline = retrieval_baseline(learned, _fewer(different), seed) if enough else None
    verdict = judge(len(examples), share, len(different), baseline)
    return Gate(
        verdict=verdict.code,
        message=verdict.message,
        rows=len(examples),
        sampled=len(known) + len(asked),
        most_frequent_share=share,
        baseline=baseline,
    )


def _split(examples: Examples, eval_fraction: float, seed: int) -> tuple[list[int], list[int]]:
    """The notebook's own split of all examples, (train, held out); none is held out where all are the same."""
    alike = examples.column("exact").tolist()
    try:
        return split_alike(alike, eval_fraction, seed)
    except ValueError:
        return list(range(len(alike))), []


def _answered(conversations: list[dict[str, Any]]) -> list[tuple[Pair, ...]]:
    """The pairs of each conversation that has any."""
    return [found for conversation in conversations if (found := pairs(conversation))]


def _fewer(conversations: list[tuple[Pair, ...]]) -> list[tuple[Pair, ...]]:
    """Every n-th conversation, so that they have about `ASKED` pairs in all."""
    return conversations[:: max(1, math.ceil(sum(map(len, conversations)) / ASKED))]
