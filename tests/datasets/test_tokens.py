"""Batches of tokens, and the spot check against a reference."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.datasets.lines import GOOD, asked
from webapp.datasets import analyze
from webapp.datasets.token_report import SpotCheck
from webapp.datasets.tokens import TokenBatch, spot_check


class Characters:
    """A character is a token; `wrong` texts are read backwards."""

    name = "characters"
    owner = None
    reference: Any = None

    def __init__(self, wrong: Sequence[str] = ()) -> None:
        self.wrong = wrong
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        self.encoded += texts
        return TokenBatch.of([[ord(c) for c in (text[::-1] if text in self.wrong else text)] for text in texts])


def test_a_batch_knows_the_tokens_of_each_text() -> None:
    batch = TokenBatch.of([[1, 2, 3], [], [4]])
    assert batch.counts.tolist() == [3, 0, 1]
    assert [batch.text(index).tolist() for index in range(3)] == [[1, 2, 3], [], [4]]
    assert batch.ids.dtype == np.uint32


def test_a_batch_of_nothing() -> None:
    assert TokenBatch.of([]).counts.tolist() == []


def checked(texts: list[str], reference: Characters) -> SpotCheck:
    fast = Characters().encode(texts)
    return spot_check([(text, fast.text(place)) for place, text in enumerate(texts)], reference)


def test_other_tokens_are_counted_as_different_even_when_they_are_as_many() -> None:
    texts = [f"text {number}" for number in range(40)]
    assert checked(texts, Characters()) == SpotCheck(checked=40, differing=0)
    assert checked(texts, Characters(wrong=texts[:3])) == SpotCheck(checked=40, differing=3)


def analysed(texts: list[str], reference: Characters) -> SpotCheck | None:
    """The check of a file with these texts, two an example."""
    tokenizer = Characters()
    tokenizer.reference = reference
    lines = (asked(*pair) for pair in zip(texts[::2], texts[1::2], strict=True))
    return analyze(io.BytesIO(b"\n".join(lines)), tokenizer=tokenizer).tokens.spot_check


def test_500_texts_from_all_over_the_file_are_checked() -> None:
    reference = Characters()
    assert analysed([str(number) for number in range(20_000)], reference) == SpotCheck(500, 0)
    chosen = np.array([int(text) for text in reference.encoded])
    assert len(set(chosen)) == 500
    assert np.histogram(chosen, 4, (0, 20_000))[0].min() > 80


def test_the_same_texts_give_the_same_sample() -> None:
    first, second = Characters(), Characters()
    texts = [str(number) for number in range(5000)]
    analysed(texts, first)
    analysed(texts, second)
    assert first.encoded == second.encoded


def test_very_long_texts_are_not_sampled() -> None:
    assert analysed(["a" * 10_001, "b"], Characters()) == SpotCheck(1, 0)


def test_a_tokenizer_without_a_reference_is_not_checked() -> None:
    assert analyze(io.BytesIO(GOOD), tokenizer=Characters()).tokens.spot_check is None
