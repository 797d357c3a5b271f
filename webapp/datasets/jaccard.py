"""The exact similarity of two documents: token bigrams they share / token bigrams either has."""

import os
from array import array
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
_GAP = 256  # tokens that cost less to read over than another read does


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
        self._file.write(ids.data)
        self._ends.frombytes((offsets[1:] + self._ends[-1]).astype(np.uint64).tobytes())

    def lengths(self) -> Rows:
        """Tokens of each document."""
        ends = np.frombuffer(self._ends, np.int64)
        return ends[1:] - ends[:-1]

    def read(self, rows: Rows) -> tuple[Ids, Offsets]:
        """The ids of these documents (at least one, some of them twice), one after another, and their offsets."""
        self._file.flush()
        ends = np.frombuffer(self._ends, np.int64)
        starts, lengths = ends[rows], ends[rows + 1] - ends[rows]
        firsts, stops = _runs(ends, np.unique(rows))
        parts = [
            os.pread(self._file.fileno(), 4 * (stop - first), 4 * first)
            for first, stop in zip(firsts.tolist(), stops.tolist(), strict=True)
        ]
        # A document lies in its run as far from the run's first token as in the file.
        run = np.searchsorted(firsts, starts, side="right") - 1
        moved = np.concatenate([[0], np.cumsum(stops - firsts)])[run] - firsts[run]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        places = np.arange(offsets[-1]) + np.repeat(starts + moved - offsets[:-1], lengths)
        return np.frombuffer(b"".join(parts), np.uint32)[places], offsets


def similarities(store: TokenStore, left: Rows, right: Rows, threads: int = 1) -> npt.NDArray[np.float64]:
    """The exact similarity of each pair of documents, 0 to 1; each must have at least two tokens.

    Sorting and reading, most of the work, are done outside of Python's lock, so that threads share it.
    """
    lengths = store.lengths()
    found = np.empty(len(left))

    def compare(part: slice) -> None:
        found[part] = _similarities(store, left[part], right[part])

    rounds = _rounds(lengths[left] + lengths[right])
    if threads == 1:
        deque(map(compare, rounds), maxlen=0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            deque(pool.map(compare, rounds), maxlen=0)
    return found


def distinct(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The different values, sorted: np.unique of numpy 2.4 hashes them, many times slower than a sort."""
    ordered = np.sort(values)
    keep = np.ones(len(ordered), np.bool_)
    keep[1:] = ordered[1:] != ordered[:-1]
    return ordered[keep]


def _similarities(store: TokenStore, left: Rows, right: Rows) -> npt.NDArray[np.float64]:
    """Those of one round."""
    both = np.concatenate([_bigrams(store, left, 0), _bigrams(store, right, 1)])
    both.sort()
    # Each bigram once a side; what both sides have stands twice, the second time with the side's bit.
    kept = both[np.r_[True, both[1:] != both[:-1]]]
    shared = _each(kept[1:][kept[1:] ^ kept[:-1] == 1], len(left))
    found: npt.NDArray[np.float64] = shared / (_each(kept, len(left)) - shared)
    return found


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


def _runs(ends: npt.NDArray[np.int64], rows: Rows) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First token and end of the runs to read for these documents (rising): those near one another in one go."""
    starts, stops = ends[rows], ends[rows + 1]
    apart = starts[1:] - stops[:-1] > _GAP
    return starts[np.r_[True, apart]], stops[np.r_[apart, True]]


def _each(bigrams: npt.NDArray[np.uint64], pairs: int) -> npt.NDArray[np.int64]:
    return np.bincount((bigrams >> np.uint64(_PAIR_SHIFT)).astype(np.int64), minlength=pairs)
