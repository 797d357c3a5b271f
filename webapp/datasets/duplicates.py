"""Duplicates: conversations that are the same to the byte, then those among the rest that say almost the same."""

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from webapp.datasets.group_report import MAX_GROUP_LINES, MAX_GROUPS, DuplicateGroup, Duplicates
from webapp.datasets.hashing import Hashes
from webapp.datasets.jaccard import TokenStore
from webapp.datasets.near_duplicates import NEAR_THRESHOLD, NearDuplicates, Signed

MAX_DUPLICATE_EXAMPLES = 1000

Indices = npt.NDArray[np.int64]
Lines = npt.NDArray[np.uint32]


class Alike(msgspec.Struct, frozen=True):
    """Groups among all examples: `first[i]` is the earliest of the group of i, i itself when i is alone.

    `similarity[f]`, 0 to 1, is the lowest of those that hold the group of f together.
    """

    kind: Literal["exact", "near"]
    first: Indices
    similarity: npt.NDArray[np.float64]

    @property
    def droppable(self) -> Indices:
        """Indices, rising, of the examples that are not the first of their group."""
        return np.flatnonzero(self.first != np.arange(len(self.first)))

    def groups(self, lines: Lines) -> Iterator[DuplicateGroup]:
        """The largest groups; `lines` are those of all examples."""
        dropped = self.droppable
        order = dropped[np.argsort(self.first[dropped], kind="stable")]
        heads, starts, sizes = np.unique(self.first[order], return_index=True, return_counts=True)
        for n in np.argsort(-sizes, kind="stable")[:MAX_GROUPS]:
            members = [heads[n], *order[starts[n] : starts[n] + min(sizes[n], MAX_GROUP_LINES - 1)]]
            similarity = round(float(self.similarity[heads[n]]), 4)
            yield DuplicateGroup(self.kind, similarity, int(sizes[n]) + 1, lines[members].tolist())


class Found(msgspec.Struct, frozen=True):
    """Exact duplicates, and near ones among what is left without those."""

    exact: Alike
    near: Alike

    def report(self, lines: Lines) -> Duplicates:
        """The report; `lines` are those of all examples."""
        exact, near = self.exact.droppable, self.near.droppable
        both = np.union1d(exact, near)
        groups = [*self.exact.groups(lines), *self.near.groups(lines)]
        groups.sort(key=lambda group: -group.size)
        first = both[:MAX_DUPLICATE_EXAMPLES].tolist()
        return Duplicates(len(both), len(exact), len(near), first, groups[:MAX_GROUPS])


class DuplicateSearch:
    """Takes every example, in order: 16 bytes of digest and 256 of signature and band keys each."""

    def __init__(self, store: TokenStore, threads: int = 1) -> None:
        self._digests = bytearray()
        self._near = NearDuplicates(store, threads)

    def add(self, digests: Hashes, said: Signed) -> None:
        """Takes the next examples: digests of their canonical lines, and their tokens without system and tools."""
        self._digests += digests.data
        self._near.add(said)

    def find(self, near_threshold: float = NEAR_THRESHOLD) -> Found:
        """Examples whose canonical lines are the same bytes, and among the others those that say almost the same."""
        exact = self._exact()
        clusters = self._near.clusters(exact == np.arange(len(exact)), near_threshold)
        return Found(Alike("exact", exact, np.ones(len(exact))), Alike("near", clusters.first, clusters.similarity()))

    def _exact(self) -> Indices:
        halves = np.frombuffer(self._digests, np.uint64).reshape(-1, 2)
        # A stable sort: among equal digests the earliest example comes first.
        order = np.lexsort((halves[:, 0], halves[:, 1]))
        ordered = halves[order]
        begins = np.ones(len(order), np.bool_)
        begins[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        first = np.empty(len(order), np.int64)
        first[order] = order[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]
        return first
