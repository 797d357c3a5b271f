"""Hashes of 64 bits: of numbers, and of texts."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import xxhash

Hashes = npt.NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(values: Hashes) -> Hashes:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014), modulo 2^64."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)


def distinct(values: Hashes) -> Hashes:
    """The different values, sorted: np.unique of numpy 2.4 hashes them, many times slower than a sort."""
    ordered = np.sort(values)
    keep = np.ones(len(ordered), np.bool_)
    keep[1:] = ordered[1:] != ordered[:-1]
    return ordered[keep]


def text_hashes(texts: Sequence[bytes]) -> Hashes:
    """XXH3 of each text, in UTF-8."""
    return np.fromiter(map(xxhash.xxh3_64_intdigest, texts), np.uint64, len(texts))


def line_ends(lines: bytes) -> npt.NDArray[np.int64]:
    """The place after each newline, with which each line ends."""
    return np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n")) + 1


def line_digests(lines: bytes, ends: npt.NDArray[np.int64]) -> Hashes:
    """n x 2: XXH3 of each line in 128 bits, by which two different ones agree with a chance below 2^-64.

    `ends` are those of `line_ends`.
    """
    view, bounds = memoryview(lines), pairwise([0, *ends.tolist()])
    digests = b"".join([xxhash.xxh3_128_digest(view[start:end]) for start, end in bounds])
    return np.frombuffer(digests, np.uint64).reshape(-1, 2)
