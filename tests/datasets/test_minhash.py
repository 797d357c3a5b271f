"""Signatures and band keys: what equal, alike and unrelated documents give."""

import random

import numpy as np

from webapp.datasets.minhash import BANDS, SLOTS, band_keys, estimate, signatures
from webapp.datasets.tokens import TokenBatch

DRAW = random.Random(0)


def numbers(length: int) -> list[int]:
    return [DRAW.randrange(200_000) for _ in range(length)]


def test_a_signature_depends_on_its_own_document_only() -> None:
    documents = [numbers(length) for length in (0, 1, 2, 3, 50, 1000)] * 500
    together = signatures(*TokenBatch.of(documents))
    assert together.shape == (3000, SLOTS)
    assert together.dtype == np.uint32
    for index in (2, 3, 4, 5, 2999):
        assert np.array_equal(together[index], signatures(*TokenBatch.of([documents[index]]))[0])


def test_a_document_without_a_bigram_has_an_empty_signature() -> None:
    assert (signatures(*TokenBatch.of([[], [1]])) == 0xFFFFFFFF).all()


def test_repeating_a_bigram_changes_nothing_order_does() -> None:
    once, twice, turned = signatures(*TokenBatch.of([[1, 2, 1], [1, 2, 1, 2, 1], [2, 1]]))
    assert np.array_equal(once, twice)
    assert not np.array_equal(once, turned)


def test_sparse_signatures_have_no_empty_slot() -> None:
    assert not (signatures(*TokenBatch.of([numbers(3) for _ in range(1000)])) == 0xFFFFFFFF).any()


def test_the_estimate_is_near_the_truth() -> None:
    pairs = []
    for shared in (0, 100, 200, 300, 400):
        start = numbers(shared)
        pairs += [start + numbers(400 - shared), start + numbers(400 - shared)]
    found = signatures(*TokenBatch.of(pairs))
    even = np.arange(0, 10, 2)
    truth = [shared / (800 - shared) for shared in (0, 100, 200, 300, 400)]
    assert np.abs(estimate(found, even, even + 1) - truth).max() < 0.12


def test_band_keys_agree_where_four_slots_do() -> None:
    found = signatures(*TokenBatch.of([numbers(200)] * 2))
    found[1, 4:8] += 1
    agree = np.equal(*band_keys(found))
    assert agree.shape == (BANDS,)
    assert np.flatnonzero(~agree).tolist() == [1]


def test_bands_with_equal_slots_have_different_keys() -> None:
    keys = band_keys(np.zeros((1, SLOTS), np.uint32))[0]
    assert len(set(keys.tolist())) == BANDS
