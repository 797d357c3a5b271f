"""The partials of a file put together, about 340 bytes an example, and what can be told only of the whole."""

from array import array
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from webapp.datasets.bad_lines import KEPT_LINES, BadLine
from webapp.datasets.conflicts import SamePrompts
from webapp.datasets.duplicates import DuplicateSearch, Found
from webapp.datasets.examining import KEPT_KEYS, Partial, Totals
from webapp.datasets.group_report import Leakage
from webapp.datasets.hashing import Hashes
from webapp.datasets.jaccard import TokenStore
from webapp.datasets.languages import SAMPLE_EXAMPLES
from webapp.datasets.leakage import leakage
from webapp.datasets.marks import Bits, Marked, bits
from webapp.datasets.report import InvalidLine
from webapp.datasets.rows import MAX_INVALID_ITEMS
from webapp.datasets.sampling import SmallestHashes
from webapp.datasets.tokens import SAMPLED_TEXTS, Sampled


class Gathered:
    """Takes the partials of a file in the order of its blocks; what is left to compare is shared by `threads`."""

    def __init__(self, store: TokenStore, max_items: int = MAX_INVALID_ITEMS, threads: int = 1) -> None:
        self._max_items = max_items
        self.invalid = array("I")
        self.faults: list[InvalidLine] = []
        self.refused: list[BadLine] = []
        self.totals = Totals()
        self.unknown_keys: list[str] = []
        self.duplicates = DuplicateSearch(store, threads)
        self.excerpts: SmallestHashes[str] = SmallestHashes(SAMPLE_EXAMPLES)
        self.sampled: SmallestHashes[Sampled] = SmallestHashes(SAMPLED_TEXTS)
        self._sha256 = sha256()
        self._columns: dict[str, bytearray] = {
            name: bytearray() for name in ("lines", "tokens", "marks", "prompts", "answer_hashes", "answer_characters")
        }

    def add(self, part: Partial) -> None:
        """Takes the next partial."""
        self.invalid.extend(part.invalid)
        self.faults += part.faults[: self._max_items - len(self.faults)]
        self.refused += part.refused[: KEPT_LINES - len(self.refused)]
        self.totals.add(part.totals)
        self.unknown_keys = sorted({*self.unknown_keys, *part.unknown_keys})[:KEPT_KEYS]
        self.duplicates.add(part.digests, part.said)
        self.excerpts.merge(part.excerpts)
        self.sampled.merge(part.sampled)
        self._sha256.update(part.canonical)
        for name, column in self._columns.items():
            column += getattr(part, name).data

    def let_go_of_signatures(self) -> None:
        """Frees the 272 bytes an example that only comparing needs: the report loads models of its own."""
        del self.duplicates

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def lines(self) -> npt.NDArray[np.uint32]:
        """The line of each example."""
        return np.frombuffer(self._columns["lines"], np.uint32)

    @property
    def tokens(self) -> npt.NDArray[np.uint32]:
        """All tokens of each example."""
        return np.frombuffer(self._columns["tokens"], np.uint32)

    @property
    def answer_hashes(self) -> Hashes:
        """The hash of each answer in words."""
        return np.frombuffer(self._columns["answer_hashes"], np.uint64)

    @property
    def answer_characters(self) -> npt.NDArray[np.uint32]:
        """The characters of each answer in words."""
        return np.frombuffer(self._columns["answer_characters"], np.uint32)

    @property
    def sha256(self) -> str:
        """That of all canonical lines."""
        return self._sha256.hexdigest()

    def compare(self, near_threshold: float) -> "Whole":
        """What the examples are to one another, once all have been taken."""
        duplicates = self.duplicates.find(near_threshold)
        conflicts = SamePrompts(np.frombuffer(self._columns["prompts"], np.uint64).reshape(-1, 2))
        marks = np.frombuffer(self._columns["marks"], np.uint64).copy()
        for name, members in (
            ("exact_duplicates", duplicates.exact.droppable),
            ("near_duplicates", duplicates.near.droppable),
            ("conflicts", conflicts.members()),
        ):
            marks[members] |= np.uint64(bits([name]))
        return Whole(marks, duplicates, conflicts)

    def leakage(self, validation: Iterable[Partial], near_threshold: float) -> Leakage:
        """The examples of the partials of another file that repeat one of these; takes them in, so it comes last."""
        own = len(self)
        lines = [self.lines]
        for part in validation:
            self.duplicates.add(part.digests, part.said)
            lines.append(part.lines)
        return leakage(self.duplicates.find(near_threshold), own, np.concatenate(lines))


class Whole(NamedTuple):
    """What can be told only of all examples: the marks of each, and their groups."""

    marks: Bits
    duplicates: Found
    conflicts: SamePrompts

    @property
    def groups(self) -> dict[str, npt.NDArray[np.int64]]:
        """By kind, the first example of the group of each; its own index when it is alone."""
        return {
            "exact": self.duplicates.exact.first,
            "near": self.duplicates.near.first,
            "prompt": self.conflicts.first,
        }

    def marked(self, lines: npt.NDArray[np.uint32]) -> Marked:
        """The marks with their lines."""
        return Marked(lines, self.marks)
