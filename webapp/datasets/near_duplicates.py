"""Near-duplicates: conversations that say almost the same, whatever their system prompts and tools.

Signatures are compared band by band (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4): documents that
agree on one of 32 bands of four slots are candidates, and a candidate counts only when the exact similarity of its
token bigrams reaches the threshold. 256 bytes an example stay in memory: 128 of signature, 128 of band keys.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from webapp.datasets.jaccard import Rows, TokenStore, distinct, similarities
from webapp.datasets.minhash import (
    BANDS,
    MIN_TOKENS,
    SLOTS,
    ShortSignatures,
    band_keys,
    estimate,
    shortened,
    signatures,
)
from webapp.datasets.tokens import TokenBatch
from webapp.errors import Problem

NEAR_THRESHOLD = 0.40
# The words of a template alone make two short rows 0.4 alike: "The capital of ... is ...".
SHORT_TOKENS, SHORT_THRESHOLD = 24, 0.70
# The share of the threshold that an estimate must reach, by the tokens of the shorter document: of a short one most
# slots are borrowed, so that it may be far off. Of 8,800 pairs that were alike, fewer than 1 in 1000 were below these.
# Only an example that was refused four times (a template just below the threshold) needs one that reaches it.
_LONGER_THAN, _HOPELESS, _REFUSALS = np.array([50, 100]), np.array([0.6, 0.68, 0.72]), 4


class Signed(NamedTuple):
    """The tokens of n examples, their n x 128 short signatures and n x 32 band keys."""

    tokens: TokenBatch
    signatures: ShortSignatures
    bands: npt.NDArray[np.uint32]


def sign(tokens: TokenBatch) -> Signed:
    """The signatures of examples, made of the tokens of each."""
    found = signatures(*tokens)
    return Signed(tokens, shortened(found), band_keys(found))


def check_threshold(threshold: float) -> None:
    """Raises Problem `invalid_near_threshold` unless it is a similarity above 0 and at most 1."""
    if not 0 < threshold <= 1:
        raise Problem(
            "invalid_near_threshold",
            "near_threshold is a share of common token pairs: above 0 and at most 1, by default 0.4.",
            param="near_threshold",
        )


class Clusters:
    """A partition of n documents by union-find, each part named by its first member, and the links that made it."""

    def __init__(self, documents: int) -> None:
        self.first = np.arange(documents)
        self._linked: list[Rows] = []
        self._similarities: list[npt.NDArray[np.float64]] = []

    def apart(self, left: Rows, right: Rows) -> npt.NDArray[np.bool_]:
        """Which pairs are not in one part yet."""
        apart: npt.NDArray[np.bool_] = self.first[left] != self.first[right]
        return apart

    def link(self, left: Rows, right: Rows, similarity: npt.NDArray[np.float64]) -> None:
        """Joins the parts of each pair."""
        self._linked.append(left)
        self._similarities.append(similarity)
        while (apart := self.apart(left, right)).any():
            ends = self.first[left[apart]], self.first[right[apart]]
            np.minimum.at(self.first, np.maximum(*ends), np.minimum(*ends))
            while not np.array_equal(further := self.first[self.first], self.first):
                self.first = further

    def similarity(self) -> npt.NDArray[np.float64]:
        """The lowest similarity of the links of each part, at the place of its first member; 1 elsewhere."""
        lowest = np.ones(len(self.first))
        for linked, similarity in zip(self._linked, self._similarities, strict=True):
            np.minimum.at(lowest, self.first[linked], similarity)
        return lowest


class NearDuplicates:
    """Takes the tokens of every example, in order, and finds those that say almost the same, in so many threads."""

    def __init__(self, store: TokenStore, threads: int = 1) -> None:
        self._store = store
        self._threads = threads
        self._signatures = bytearray()
        self._bands = bytearray()
        self.compared = self.verified = 0

    def add(self, signed: Signed) -> None:
        """Takes the next examples."""
        self._signatures += signed.signatures.data
        self._bands += signed.bands.data
        self._store.add(*signed.tokens)

    def clusters(self, among: npt.NDArray[np.bool_], threshold: float = NEAR_THRESHOLD) -> Clusters:
        """The clusters of the examples for which `among` is true; all others, and those without a bigram, are alone.

        `threshold` is a Jaccard similarity, above 0 and at most 1; pairs of examples under 24 tokens need 0.7. Of two
        documents that are 0.4, 0.5 or 0.6 alike, the bands find 56, 87 or 99 in 100: below 0.3 most are missed.
        `compared` counts the pairs that were looked at, at most 64 an example, and `verified` those compared exactly.
        """
        check_threshold(threshold)
        rows = np.flatnonzero(among & (self._store.lengths() >= MIN_TOKENS))
        clusters = Clusters(len(among))
        rejected = np.empty(0, np.uint64)
        refusals = np.zeros(len(among), np.int64)
        bands = np.frombuffer(self._bands, np.uint32).reshape(-1, BANDS)
        for band in range(BANDS):
            for left, right in _candidates(bands[rows, band], rows):
                pairs = left.astype(np.uint64) << np.uint64(32) | right.astype(np.uint64)
                pairs = _without(distinct(pairs[clusters.apart(left, right)]), rejected)
                if not len(pairs):
                    continue
                alike = self._verify(clusters, pairs, threshold, refusals)
                # Two sorted runs, which a stable sort merges.
                rejected = np.sort(np.concatenate([rejected, pairs[~alike]]), kind="stable")
        return clusters

    def _verify(
        self, clusters: Clusters, pairs: npt.NDArray[np.uint64], threshold: float, refusals: Rows
    ) -> npt.NDArray[np.bool_]:
        """Links the pairs that are alike; answers which are."""
        left, right = (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
        found = np.frombuffer(self._signatures, np.uint8).reshape(-1, SLOTS)
        lengths = self._store.lengths()
        shorter = np.minimum(lengths[left], lengths[right])
        hopeless = _HOPELESS[np.digitize(shorter, _LONGER_THAN)]
        needed = np.where(refusals[right] < _REFUSALS, threshold * hopeless, threshold)
        alike = estimate(found, left, right) >= needed
        left, right = left[alike], right[alike]
        exact = similarities(self._store, left, right, self._threads)
        short = shorter[alike] < SHORT_TOKENS
        enough = exact >= np.where(short, max(threshold, SHORT_THRESHOLD), threshold)
        clusters.link(left[enough], right[enough], exact[enough])
        np.add.at(refusals, right[~enough], 1)
        self.compared += len(pairs)
        self.verified += len(left)
        alike[alike] = enough
        return alike


def _without(pairs: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The pairs that are not among `others`, which are sorted."""
    if not len(others):
        return pairs
    places = np.minimum(np.searchsorted(others, pairs), len(others) - 1)
    new: npt.NDArray[np.bool_] = others[places] != pairs
    return pairs[new]


def _candidates(keys: npt.NDArray[np.uint32], rows: Rows) -> list[tuple[Rows, Rows]]:
    """Pairs of rows with equal keys: each row with the first of its group, then with the one before it.

    Linear in the rows even when all keys are equal; what is alike to neither is met in another band.
    """
    ordered = np.sort(keys.astype(np.uint64) << np.uint64(32) | np.arange(len(keys), dtype=np.uint64))
    places = (ordered & np.uint64(0xFFFFFFFF)).astype(np.int64)
    grouped = np.zeros(len(keys), np.bool_)
    grouped[1:] = ordered[1:] >> np.uint64(32) == ordered[:-1] >> np.uint64(32)
    heads = np.maximum.accumulate(np.where(grouped, 0, np.arange(len(keys))))
    members = np.flatnonzero(grouped)
    here = rows[places[members]]
    return [(rows[places[heads[members]]], here), (rows[places[members - 1]], here)]
