"""Exact duplicates: conversations whose canonical lines, roles and tools included, are the same bytes."""

from hashlib import blake2b

import numpy as np
import numpy.typing as npt

_DIGEST_BYTES = 16


class Digests:
    """The digests of all examples, 16 bytes each: two different lines share one with a chance below 2^-64."""

    def __init__(self) -> None:
        self._digests = bytearray()

    def add(self, line: bytes) -> None:
        """Takes the canonical line of the next example."""
        self._digests += blake2b(line, digest_size=_DIGEST_BYTES).digest()

    def repeated(self) -> npt.NDArray[np.int64]:
        """Indices, rising, of the examples that repeat an earlier one: dropping them loses nothing."""
        halves = np.frombuffer(bytes(self._digests), dtype=np.uint64).reshape(-1, 2)
        # A stable sort: among equal digests the earliest example comes first.
        order = np.lexsort((halves[:, 0], halves[:, 1]))
        ordered = halves[order]
        same_as_previous = (ordered[1:] == ordered[:-1]).all(axis=1)
        return np.sort(order[1:][same_as_previous])
