"""Batches of tokens, and the spot check against a reference."""

from collections.abc import Sequence

import numpy as np

from webapp.datasets.token_report import SpotCheck
from webapp.datasets.tokens import Sample, TokenBatch


class Characters:
    """A character is a token; `wrong` texts are read backwards."""

    name = "characters"
    owner = None
    reference = None

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


def sampled(texts: list[str], reference: Characters, batch: int = 100) -> SpotCheck:
    sample, fast = Sample(), Characters()
    for start in range(0, len(texts), batch):
        part = texts[start : start + batch]
        sample.take(part, fast.encode(part))
    return sample.compare(reference)


def test_other_tokens_are_counted_as_different_even_when_they_are_as_many() -> None:
    texts = [f"text {number}" for number in range(40)]
    assert sampled(texts, Characters()) == SpotCheck(checked=40, differing=0)
    assert sampled(texts, Characters(wrong=texts[:3])) == SpotCheck(checked=40, differing=3)


def test_500_texts_from_all_over_the_file_are_checked() -> None:
    reference = Characters()
    assert sampled([str(number) for number in range(20_000)], reference).checked == 500
    chosen = np.array([int(text) for text in reference.encoded])
    assert len(set(chosen)) == 500
    assert np.histogram(chosen, 4, (0, 20_000))[0].min() > 80


def test_the_same_texts_give_the_same_sample() -> None:
    first, second = Characters(), Characters()
    texts = [str(number) for number in range(5000)]
    sampled(texts, first)
    sampled(texts, second)
    assert first.encoded == second.encoded


def test_very_long_texts_are_not_sampled() -> None:
    assert sampled(["a" * 10_001, "b"], Characters()).checked == 1
