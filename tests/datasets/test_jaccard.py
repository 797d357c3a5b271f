"""Exact similarities, against Python's sets."""

import random
from itertools import pairwise

import numpy as np
import pytest

from webapp.datasets import jaccard
from webapp.datasets.jaccard import TokenStore, similarities
from webapp.datasets.tokens import TokenBatch


def by_sets(left: list[int], right: list[int]) -> float:
    first, second = (set(pairwise(ids)) for ids in (left, right))
    return len(first & second) / len(first | second)


@pytest.mark.parametrize("tokens", [1 << 20, 100, 1])
def test_similarities_are_exact_however_they_are_cut_into_rounds(tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaccard, "_TOKENS", tokens)
    draw = random.Random(0)
    documents = [[draw.randrange(4) for _ in range(draw.randint(2, 30))] for _ in range(100)]
    documents[7] = [2**24 - 1, 2**24 - 2, 2**24 - 1]
    left, right = np.array(draw.choices(range(100), k=500)), np.array(draw.choices(range(100), k=500))
    with TokenStore() as store:
        store.add(*TokenBatch.of(documents[:30]))
        store.add(*TokenBatch.of(documents[30:]))
        found = similarities(store.documents(), left, right)
    assert found.tolist() == [by_sets(documents[a], documents[b]) for a, b in zip(left, right, strict=True)]


def test_a_round_has_a_limit_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaccard, "_PAIRS", 3)
    with TokenStore() as store:
        store.add(*TokenBatch.of([[1, 2]]))
        assert similarities(store.documents(), np.zeros(10, np.int64), np.zeros(10, np.int64)).tolist() == [1.0] * 10


def test_as_many_pairs_as_one_round_can_number() -> None:
    draw = np.random.default_rng(1)
    left, right = draw.integers(0, 3, (2, 70_000))
    with TokenStore() as store:
        store.add(*TokenBatch.of([[1, 2], [1, 2], [3, 4]]))
        found = similarities(store.documents(), left, right)
    assert found.tolist() == ((left == 2) == (right == 2)).astype(float).tolist()


def test_no_pairs() -> None:
    with TokenStore() as store:
        assert similarities(store.documents(), np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == []


def test_an_id_that_would_not_fit_is_refused() -> None:
    with TokenStore() as store, pytest.raises(ValueError, match="2\\^24"):
        store.add(*TokenBatch.of([[1, 2**24]]))
