"""What the texts of a block of examples hold: one scan for private data and for markers in answers."""

from collections import Counter
from functools import cache
from typing import NamedTuple

import numpy as np

from webapp.datasets.markers import MARKER_OF, MARKERS
from webapp.datasets.marks import Bits, bits
from webapp.datasets.pieces import ANSWERS, Pieces
from webapp.datasets.privacy import hits_in
from webapp.datasets.privacy_kinds import KIND_OF, KINDS
from webapp.datasets.scanning import BETWEEN_TEXTS, Scanner

_BETWEEN = BETWEEN_TEXTS.decode()


class Contents(NamedTuple):
    """Marks of the examples, and the hits of private data by kind."""

    marks: Bits
    hits: Counter[str]


def look_at_contents(found: Pieces) -> Contents:
    """Looks at all texts of every example, and for markers at its answers."""
    bounds = found.starts.tolist()
    answers = found.are(ANSWERS)
    marks = np.zeros(len(bounds) - 1, np.uint64)
    hits: Counter[str] = Counter()
    for place, present in _scanner().present(found.encoded, bounds):
        here = range(bounds[place], bounds[place + 1])
        whole = _BETWEEN.join([found.texts[n] for n in here])
        private = hits_in(whole, [name for name in present if name in KIND_OF])
        hits += private
        texts = [found.texts[n] for n in here if answers[n]]
        markers = [name for name in present if name in MARKER_OF and any(map(MARKER_OF[name].occurs, texts))]
        marks[place] = bits([*private, *markers])
    return Contents(marks, hits)


@cache
def _scanner() -> Scanner:
    return Scanner({item.name: item.pattern for item in (*KINDS, *MARKERS)})
