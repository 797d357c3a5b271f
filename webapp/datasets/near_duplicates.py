"""Near-duplicates: conversations that say almost the same, whatever their system prompts and tools.

Signatures are compared band by band (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4): documents that
agree on one of 32 bands of four slots are candidates, and a candidate counts only when the exact similarity of its
token bigrams reaches the threshold. 256 bytes an example stay in memory: 128 of signature, 128 of band keys.
"""

from concurrent.futures import Executor, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from webapp.datasets.hashing import distinct
from webapp.datasets.jaccard import Rows, TokenStore, similarities
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
_AT_ONCE = 1 << 15  # pairs of one thread: few enough for all to have some, and enough to be worth the exchange


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
        documents = self._store.documents()
        rows = np.flatnonzero(among & (documents.counts >= MIN_TOKENS))
        bands = np.frombuffer(self._bands, np.uint32).reshape(-1, BANDS)
        search = _Search(documents, np.frombuffer(self._signatures, np.uint8).reshape(-1, SLOTS), threshold)
        with ThreadPoolExecutor(self._threads) as pool:
            following = pool.submit(_candidates, bands[rows, 0], rows)
            for band in range(1, BANDS + 1):
                candidates = following.result()
                if band < BANDS:  # those of the next band, meanwhile
                    following = pool.submit(_candidates, bands[rows, band], rows)
                for left, right in candidates:
                    search.link(left, right, pool)
        self.compared += search.compared
        self.verified += search.verified
        return search.clusters


class _Compared(NamedTuple):
    """Pairs that were compared exactly: their rows, how similar they are, and whether that is alike."""

    left: Rows
    right: Rows
    similarity: npt.NDArray[np.float64]
    alike: npt.NDArray[np.bool_]


class _Search:
    """One search among the documents: what is linked, and which pairs were compared exactly and are not alike."""

    def __init__(self, documents: TokenBatch, signed: ShortSignatures, threshold: float) -> None:
        self._documents, self._signed, self._threshold = documents, signed, threshold
        self._refused = np.empty(0, np.uint64)
        self._refusals = np.zeros(len(signed), np.int64)
        self.clusters = Clusters(len(signed))
        self.compared = self.verified = 0

    def link(self, left: Rows, right: Rows, pool: Executor) -> None:
        """Links those of these pairs that are alike."""
        pairs = _without(distinct(_packed(left, right)[self.clusters.apart(left, right)]), self._refused)
        if not len(pairs):
            return
        parts = (pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE))
        found = _Compared(*map(np.concatenate, zip(*pool.map(self._compare, parts), strict=True)))
        left, right, similarity, alike = found
        self.clusters.link(left[alike], right[alike], similarity[alike])
        np.add.at(self._refusals, right[~alike], 1)
        # Two sorted runs, which a stable sort merges.
        refused = _packed(left[~alike], right[~alike])
        self._refused = np.sort(np.concatenate([self._refused, refused]), kind="stable")
        self.compared += len(pairs)
        self.verified += len(left)

    def _compare(self, pairs: npt.NDArray[np.uint64]) -> _Compared:
        left, right = (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
        shorter = np.minimum(self._documents.lengths(left), self._documents.lengths(right))
        hopeless = np.where(self._refusals[right] < _REFUSALS, _HOPELESS[np.digitize(shorter, _LONGER_THAN)], 1)
        perhaps = estimate(self._signed, left, right) >= self._threshold * hopeless
        left, right = left[perhaps], right[perhaps]
        similarity = similarities(self._documents, left, right)
        short = shorter[perhaps] < SHORT_TOKENS
        needed = np.where(short, max(self._threshold, SHORT_THRESHOLD), self._threshold)
        return _Compared(left, right, similarity, similarity >= needed)


def _packed(left: Rows, right: Rows) -> npt.NDArray[np.uint64]:
    """Each pair as one number, by which they sort."""
    return left.astype(np.uint64) << np.uint64(32) | right.astype(np.uint64)


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
