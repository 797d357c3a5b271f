"""A sample that does not depend on the order in which, or the place where, its items are met."""

from collections.abc import Callable
from typing import Generic, Self, TypeVar

import numpy as np

from webapp.datasets.hashing import Hashes

Item = TypeVar("Item")


def share_of(size: int, own: int, before: int) -> int:
    """How many items of a block of `own` lines, with `before` others ahead of it, a sample of `size` needs at the most.

    A file of these lines alone has `size` * `own` / (`own` + `before`) of the sample in this block; no more than twice
    that is expected. It saves to make items that none of the later blocks would leave in the sample.
    """
    return min(size, 2 * size * own // max(1, own + before) + 32)


class SmallestHashes(Generic[Item]):
    """The `size` items with the smallest hashes, which must differ (bottom-k sampling, Cohen and Kaplan 2007)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[int, Item] = {}
        self._limit = np.uint64((1 << 64) - 1)

    def offer(self, hashes: Hashes, item_of: Callable[[int], Item]) -> None:
        """Considers items by their hashes; `item_of(place)` makes those that may be taken."""
        places = np.flatnonzero(hashes < self._limit)
        smallest = places[np.argsort(hashes[places])[: self._size]]
        self._take({int(hashes[place]): item_of(place) for place in smallest.tolist()})

    def merge(self, other: Self) -> None:
        """Considers the items of another sample."""
        self._take(other._kept)

    def items(self) -> list[Item]:
        """The sample, smallest hash first."""
        return [self._kept[key] for key in sorted(self._kept)]

    def _take(self, items: dict[int, Item]) -> None:
        self._kept |= items
        if len(self._kept) >= self._size:
            keys = sorted(self._kept)[: self._size]
            self._kept = {key: self._kept[key] for key in keys}
            self._limit = np.uint64(keys[-1])
