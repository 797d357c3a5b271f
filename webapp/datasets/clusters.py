"""How large the groups of examples are that repeat one another."""

from typing import Literal, NamedTuple

import numpy as np

from webapp.datasets.examples import Examples


class SizeRange(NamedTuple):
    """`groups` groups hold at least `start` and fewer than `end` examples."""

    start: int
    end: int
    groups: int


def cluster_sizes(examples: Examples, kind: Literal["exact", "near"]) -> list[SizeRange]:
    """All groups of more than one, by size: 2, 3, then in ranges that double; none where nothing repeats.

    Of near duplicates, groups are counted once those that are the same to the byte are one.
    """
    sizes = np.bincount(examples.column(kind))
    sizes = sizes[sizes > 1]
    if not len(sizes):
        return []
    borders = [2, 3, 4]
    while borders[-1] <= sizes.max():
        borders.append(2 * borders[-1])
    found = np.bincount(np.digitize(sizes, borders[1:]), minlength=len(borders) - 1)
    used = int(np.flatnonzero(found)[-1]) + 1
    return [
        SizeRange(start, end, int(number))
        for start, end, number in list(zip(borders, borders[1:], found, strict=False))[:used]
    ]
