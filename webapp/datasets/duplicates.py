"""Duplicates: conversations that are the same to the byte, then those among the rest that say almost the same."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from webapp.datasets.jaccard import TokenStore
from webapp.datasets.minhash import Ids, Offsets
from webapp.datasets.near_duplicates import NEAR_THRESHOLD, NearDuplicates
from webapp.datasets.report import DuplicateGroup, Duplicates

MAX_DUPLICATE_EXAMPLES = 1000
MAX_GROUPS, MAX_GROUP_LINES = 50, 20
_DIGEST_BYTES = 16

Indices = npt.NDArray[np.int64]


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

    def groups(self, lines: Sequence[int]) -> Iterator[DuplicateGroup]:
        """The largest groups; `lines` are those of all examples."""
        dropped = self.droppable
        order = dropped[np.argsort(self.first[dropped], kind="stable")]
        heads, starts, sizes = np.unique(self.first[order], return_index=True, return_counts=True)
        for n in np.argsort(-sizes, kind="stable")[:MAX_GROUPS]:
            members = [heads[n], *order[starts[n] : starts[n] + min(sizes[n], MAX_GROUP_LINES - 1)]]
            similarity = round(float(self.similarity[heads[n]]), 4)
            yield DuplicateGroup(self.kind, similarity, int(sizes[n]) + 1, [lines[member] for member in members])


class Found(msgspec.Struct, frozen=True):
    """Exact duplicates, and near ones among what is left without those."""

    exact: Alike
    near: Alike

    def report(self, lines: Sequence[int]) -> Duplicates:
        """The report; `lines` are those of all examples."""
        exact, near = self.exact.droppable, self.near.droppable
        both = np.union1d(exact, near)
        groups = [*self.exact.groups(lines), *self.near.groups(lines)]
        groups.sort(key=lambda group: -group.size)
        first = both[:MAX_DUPLICATE_EXAMPLES].tolist()
        return Duplicates(len(both), len(exact), len(near), first, groups[:MAX_GROUPS])


class DuplicateSearch:
    """Takes every example, in order: 16 bytes of digest and 640 of signature and band keys each.

    Two different lines share a digest with a chance below 2^-64.
    """

    def __init__(self, store: TokenStore) -> None:
        self._digests = bytearray()
        self._near = NearDuplicates(store)

    def add_line(self, line: bytes) -> None:
        """Takes the canonical line of the next example, roles, system prompts and tools included."""
        self._digests += blake2b(line, digest_size=_DIGEST_BYTES).digest()

    def add_tokens(self, ids: Ids, offsets: Offsets) -> None:
        """Takes the tokens of the next examples, without system prompts and tools."""
        self._near.add(ids, offsets)

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
