"""What can be noticed about an example, one bit each, so that every list of lines can be made from two arrays."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from webapp.datasets.markers import MARKERS
from webapp.datasets.privacy_kinds import KINDS

FIRST_LINES = 20

Bits = npt.NDArray[np.uint64]

# Of the messages' order and form; of their texts; of the whole file, once all of it has been read; of what is learned.
_SHAPES = (
    "multi_turn",
    "tool_calls",
    "missing_system_prompts",
    "ends_without_answer",
    "unusual_order",
    "irregular",
    "unknown_keys",
    "older_names",
)
_TEXTS = (
    "empty_answers",
    "very_short_answers",
    "one_word_answers",
    "long_examples",
    "repetition",
    *(marker.name for marker in MARKERS),
    *(kind.name for kind in KINDS),
)
_FILE = ("exact_duplicates", "near_duplicates", "conflicts")
_LEARNED = ("no_trained_text",)
NAMES = (*_SHAPES, *_TEXTS, *_FILE, *_LEARNED)
_BITS = {name: 1 << place for place, name in enumerate(NAMES)}
# Names for "any of these".
_BITS |= {
    group: sum(_BITS[kind.name] for kind in KINDS if kind.group == group) for group in ("secrets", "personal_data")
}
LISTED = frozenset(_BITS)


def bits(names: Iterable[str]) -> int:
    """The bits of all these names together."""
    found = 0
    for name in names:
        found |= _BITS[name]
    return found


class Marked:
    """The marks of all examples, and their lines (1-based); made once the file has been read."""

    def __init__(self, lines: npt.NDArray[np.uint32], marks: Bits) -> None:
        self._lines, self._marks = lines, marks

    def __len__(self) -> int:
        return len(self._marks)

    def lines(self, name: str) -> npt.NDArray[np.uint32]:
        """The lines of all examples with the mark, rising."""
        found: npt.NDArray[np.uint32] = self._lines[(self._marks & np.uint64(_BITS[name])) != 0]
        return found

    def count(self, name: str) -> int:
        """How many examples have the mark."""
        return int(np.count_nonzero(self._marks & np.uint64(_BITS[name])))

    def first(self, name: str) -> list[int]:
        """The lines of the first examples with the mark, at most `FIRST_LINES`."""
        lines: list[int] = self.lines(name)[:FIRST_LINES].tolist()
        return lines
