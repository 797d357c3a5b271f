"""A sample that the order and the cutting of a file do not change."""

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.datasets.hashing import Hashes, mix
from webapp.datasets.sampling import SmallestHashes, share_of

ITEMS = 5000


def hashes(numbers: list[int]) -> Hashes:
    return mix(np.array(numbers, np.uint64))


def sample_of(numbers: list[int], size: int) -> SmallestHashes[int]:
    sample: SmallestHashes[int] = SmallestHashes(size)
    sample.offer(hashes(numbers), lambda place: numbers[place])
    return sample


def test_the_items_with_the_smallest_hashes_are_taken_the_smallest_first() -> None:
    numbers = list(range(ITEMS))
    ranked = sorted(numbers, key=lambda number: int(hashes([number])[0]))
    assert sample_of(numbers, 100).items() == ranked[:100]


def test_all_are_taken_where_there_are_no_more_than_asked_for() -> None:
    assert sorted(sample_of([3, 1, 2], 3).items()) == [1, 2, 3]
    assert sample_of([], 3).items() == []


@settings(deadline=None)
@given(st.lists(st.integers(0, ITEMS), max_size=6), st.integers(0, 1000), st.integers(1, 300))
def test_neither_the_order_nor_the_cutting_makes_a_difference(cuts: list[int], seed: int, size: int) -> None:
    numbers = list(range(ITEMS))
    whole = sample_of(numbers, size)
    random.Random(seed).shuffle(numbers)
    bounds = [0, *sorted(cuts), ITEMS]
    merged: SmallestHashes[int] = SmallestHashes(size)
    for start, end in pairwise(bounds):
        merged.merge(sample_of(numbers[start:end], size))
    assert merged.items() == whole.items()


def test_items_beyond_the_sample_are_never_made() -> None:
    made: list[int] = []
    sample: SmallestHashes[int] = SmallestHashes(10)
    for _ in range(2):
        sample.offer(hashes(list(range(ITEMS))), lambda place: made.append(place) or place)
    assert len(made) <= 20
    assert len(sample.items()) == 10


@pytest.mark.parametrize(("own", "before", "share"), [(100, 0, 50), (0, 100, 32), (10, 990, 33), (1000, 1000, 50)])
def test_a_share_is_at_most_the_sample_and_twice_what_is_expected(own: int, before: int, share: int) -> None:
    assert share_of(50, own, before) == share


@pytest.mark.parametrize("lines", [[1000] * 30, [10] * 20 + [5000] * 3, [5000] * 3 + [10] * 20], ids=str)
def test_the_shares_of_its_blocks_make_up_the_sample_of_a_file(lines: list[int]) -> None:
    merged: SmallestHashes[int] = SmallestHashes(500)
    before = 0
    for own in lines:
        merged.merge(sample_of(list(range(before, before + own)), share_of(500, own, before)))
        before += own
    assert merged.items() == sample_of(list(range(before)), 500).items()
