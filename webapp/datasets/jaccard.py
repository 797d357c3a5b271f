"""The exact similarity of two documents: token bigrams they share / token bigrams either has."""

import os
from array import array
from collections.abc import Iterator
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from webapp.datasets.minhash import Ids, Offsets, bigram_places, bigrams_each

Rows = npt.NDArray[np.int64]

_ID_BITS = 24
_PAIR_SHIFT = 2 * _ID_BITS + 1
_PAIRS, _TOKENS = 1 << 15, 1 << 20  # the most of one round; the number of a pair, two ids and a side fill 64 bits


class TokenStore:
    """The token ids of all documents, in a temporary file: 4 bytes a token on disk, 8 bytes a document in memory.

    Only candidates are ever read again, a round at a time, so that memory does not grow with the length of examples.
    """

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115
        self._ends = array("Q", [0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, ids: Ids, offsets: Offsets) -> None:
        """Takes the next documents; document i of these has `ids[offsets[i]:offsets[i + 1]]`."""
        self._file.write(ids.tobytes())
        self._ends.frombytes((offsets[1:] + self._ends[-1]).astype(np.uint64).tobytes())

    def lengths(self) -> Rows:
        """Tokens of each document."""
        ends = np.frombuffer(self._ends, np.int64)
        return ends[1:] - ends[:-1]

    def read(self, rows: Rows) -> tuple[Ids, Offsets]:
        """The ids of these documents, one after another, and their offsets."""
        self._file.flush()
        bounds = [(self._ends[row], self._ends[row + 1]) for row in rows.tolist()]
        parts = [os.pread(self._file.fileno(), 4 * (end - start), 4 * start) for start, end in bounds]
        offsets = np.cumsum([0, *(end - start for start, end in bounds)], dtype=np.int64)
        return np.frombuffer(b"".join(parts), np.uint32), offsets


def similarities(store: TokenStore, left: Rows, right: Rows) -> npt.NDArray[np.float64]:
    """The exact similarity of each pair of documents, 0 to 1; each must have at least two tokens."""
    lengths = store.lengths()
    found = np.empty(len(left))
    for part in _rounds(lengths[left] + lengths[right]):
        pairs = part.stop - part.start
        both = np.concatenate([_bigrams(store, left[part], 0), _bigrams(store, right[part], 1)])
        both.sort()
        # Each bigram once a side; what both sides have stands twice, the second time with the side's bit.
        kept = both[np.r_[True, both[1:] != both[:-1]]]
        shared = _each(kept[1:][kept[1:] ^ kept[:-1] == 1], pairs)
        found[part] = shared / (_each(kept, pairs) - shared)
    return found


def distinct(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The different values, sorted: np.unique of numpy 2.4 hashes them, many times slower than a sort."""
    ordered = np.sort(values)
    keep = np.ones(len(ordered), np.bool_)
    keep[1:] = ordered[1:] != ordered[:-1]
    return ordered[keep]


def _rounds(tokens: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Runs of pairs whose tokens fit into a round; a longer pair is a round of its own."""
    ends = np.cumsum(tokens)
    start = 0
    while start < len(tokens):
        before = ends[start] - tokens[start]
        stop = int(np.searchsorted(ends, before + _TOKENS, side="right"))
        stop = min(max(stop, start + 1), start + _PAIRS)
        yield slice(start, stop)
        start = stop


def _bigrams(store: TokenStore, rows: Rows, side: int) -> npt.NDArray[np.uint64]:
    """The bigrams of each row: the number of the row, two ids and the side in 64 bits."""
    ids, offsets = store.read(rows)
    if len(ids) and int(ids.max()) >> _ID_BITS:
        raise ValueError("a token id is not below 2^24")
    places = bigram_places(offsets)
    wide = ids.astype(np.uint64)
    numbers = np.repeat(np.arange(len(rows), dtype=np.uint64) << np.uint64(_PAIR_SHIFT), bigrams_each(offsets))
    found: npt.NDArray[np.uint64] = numbers | wide[places] << np.uint64(_ID_BITS + 1) | wide[places + 1] << np.uint64(1)
    return found | np.uint64(side)


def _each(bigrams: npt.NDArray[np.uint64], pairs: int) -> npt.NDArray[np.int64]:
    return np.bincount((bigrams >> np.uint64(_PAIR_SHIFT)).astype(np.int64), minlength=pairs)
