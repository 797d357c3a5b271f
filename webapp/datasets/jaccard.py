"""The exact similarity of two documents: token bigrams they share / token bigrams either has."""

from array import array
from collections.abc import Iterator
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from webapp.datasets.minhash import Ids, Offsets
from webapp.datasets.tokens import TokenBatch

Rows = npt.NDArray[np.int64]

_ID_BITS = 24
_PAIR_SHIFT = 2 * _ID_BITS + 1
# The most of one round: the number of a pair and the one after it, two ids and a side fill 64 bits.
_PAIRS, _TOKENS = (1 << 15) - 1, 1 << 17


class TokenStore:
    """The token ids of all documents, in a temporary file: 4 bytes a token on disk, 8 bytes a document in memory.

    Only candidates are ever looked at again, and the file's pages can be taken from memory whenever that is short.
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
        """Takes the next documents; document i of these has `ids[offsets[i]:offsets[i + 1]]`.

        Raises ValueError when an id is not below 2^24.
        """
        if int(ids.max(initial=0)) >> _ID_BITS:
            raise ValueError("a token id is not below 2^24")
        self._file.write(ids.data)
        self._ends.frombytes((offsets[1:] + self._ends[-1]).astype(np.uint64).tobytes())

    def documents(self) -> TokenBatch:
        """All documents so far; their ids stay in the file, and are read where they are looked at."""
        self._file.flush()
        ids = np.memmap(self._file, np.uint32, "r") if self._ends[-1] else np.empty(0, np.uint32)
        return TokenBatch(np.asarray(ids), np.frombuffer(self._ends, np.int64).copy())


def similarities(documents: TokenBatch, left: Rows, right: Rows) -> npt.NDArray[np.float64]:
    """The exact similarity of each pair of documents, 0 to 1; each must have at least two tokens.

    Sorting and reading, most of the work, are done outside of Python's lock, so that threads share it.
    """
    found = np.empty(len(left))
    for part in _rounds(documents.lengths(left) + documents.lengths(right)):
        found[part] = _similarities(documents, left[part], right[part])
    return found


def _similarities(documents: TokenBatch, left: Rows, right: Rows) -> npt.NDArray[np.float64]:
    """Those of one round."""
    numbers = np.arange(len(left) + 1, dtype=np.uint64) << np.uint64(_PAIR_SHIFT)
    sides = np.concatenate([numbers[:-1], numbers[:-1] | np.uint64(1)])
    both = _bigrams(documents, np.concatenate([left, right]), sides)
    both.sort()
    # Each bigram once a side; what both sides have stands twice, the second time with the side's bit.
    kept = both[np.r_[True, both[1:] != both[:-1]]]
    twice = kept[1:][kept[1:] ^ kept[:-1] == 1]
    shared, either_side = (np.diff(np.searchsorted(some, numbers)) for some in (twice, kept))
    found: npt.NDArray[np.float64] = shared / (either_side - shared)
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


def _bigrams(documents: TokenBatch, rows: Rows, numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The bigrams of each row in 64 bits: its number, which has the side in the last bit, and two ids between."""
    starts, lengths = documents.offsets[rows], documents.lengths(rows)
    ends = np.cumsum(lengths)
    places = np.arange(ends[-1])
    places += np.repeat(starts + lengths - ends, lengths)
    ids = documents.ids[places].astype(np.uint64)
    found: npt.NDArray[np.uint64] = ids[:-1] << np.uint64(_ID_BITS + 1)
    found |= ids[1:] << np.uint64(1)
    found |= np.repeat(numbers, lengths)[:-1]
    # What reads from one document into the next is no bigram.
    is_bigram = np.ones(len(found), np.bool_)
    is_bigram[ends[:-1] - 1] = False
    return found[is_bigram]
