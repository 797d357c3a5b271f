"""Leakage: examples for validation that repeat one for training."""

import numpy as np
import numpy.typing as npt

from webapp.datasets.duplicates import Found
from webapp.datasets.group_report import Leakage, LeakedRow

MAX_LEAKED_ROWS = 100


def leakage(found: Found, trained: int, lines: npt.NDArray[np.uint32]) -> Leakage:
    """The report on n examples of which the first `trained` are for training and the others for validation.

    `found` groups all of them; an example leaks when the first of its group is one for training. `lines` are those of
    all examples, each in its own file.
    """
    exact = found.exact.first
    first = found.near.first[exact]
    places = np.arange(trained, len(first))
    leaked = places[first[trained:] < trained]
    copied = exact[leaked] < trained
    origin = np.where(copied, exact[leaked], first[leaked])
    rows = [
        LeakedRow(int(lines[place]), int(lines[of]), "exact" if is_copy else "near")
        for place, of, is_copy in zip(leaked[:MAX_LEAKED_ROWS], origin, copied, strict=False)
    ]
    exactly = int(np.count_nonzero(copied))
    return Leakage(len(places), len(leaked), exactly, len(leaked) - exactly, rows)
