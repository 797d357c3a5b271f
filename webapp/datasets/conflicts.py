"""Conflicts: examples that ask exactly the same and are answered differently."""

import numpy as np
import numpy.typing as npt

from webapp.datasets.group_report import MAX_GROUP_LINES, MAX_GROUPS, ConflictGroup, Conflicts
from webapp.datasets.hashing import GOLDEN, Hashes, mix
from webapp.datasets.pieces import ANSWERS, CALLS, Pieces

_NO_PROMPT = np.uint64(0)
_UNWEIGHTED = np.arange(256, dtype=np.uint64)
_UNWEIGHTED[list(b"wv")] = list(b"ac")


def prompt_and_answer(found: Pieces, hashes: Hashes) -> Hashes:
    """n x 2 hashes: of all before an example's last answer (its system prompt and tools too), and of that answer.

    The first is 0 where nothing comes before the answer. A call and what is in it are one answer, and weights make no
    difference.
    """
    starts = found.starts[:-1]
    places, inside = np.arange(len(found.texts)), found.inside()
    letters = _UNWEIGHTED[found.letters]
    keyed = mix(hashes ^ mix(letters + GOLDEN) + inside.astype(np.uint64) * GOLDEN)
    sums = np.zeros(len(places) + 1, np.uint64)
    np.cumsum(keyed, out=sums[1:])
    calls = found.are(CALLS)
    continues = calls & (inside > 0)
    continues[1:] &= calls[:-1]
    begins = (found.are(ANSWERS) | calls) & ~continues
    last = np.maximum.reduceat(np.where(begins, places, -1), starts)
    after = np.append(np.flatnonzero(~continues), len(places))[np.cumsum(~continues)[last]]
    prompt = np.where(last > starts, sums[last] - sums[starts] | np.uint64(1), _NO_PROMPT)
    return np.stack([prompt, sums[after] - sums[last]], axis=1)


class SamePrompts:
    """Groups of examples with the same prompt but not all with the same answer.

    `first[i]` is the earliest of the group of example i, i itself when it is in none.
    """

    def __init__(self, keys: Hashes) -> None:
        order = np.lexsort((np.arange(len(keys)), keys[:, 0]))
        prompts, answers = keys[order, 0], keys[order, 1]
        begins = np.ones(len(keys), np.bool_)
        begins[1:] = prompts[1:] != prompts[:-1]
        differs = np.zeros(len(keys), np.bool_)
        differs[1:] = ~begins[1:] & (answers[1:] != answers[:-1])
        starts = np.flatnonzero(begins)
        sizes = np.diff(np.append(starts, len(keys)))
        conflicting = np.logical_or.reduceat(differs, starts) & (prompts[starts] != _NO_PROMPT)
        self._order, self._answers = order, answers
        self._starts, self._sizes = starts[conflicting], sizes[conflicting]
        heads = np.where(np.repeat(conflicting, sizes), np.repeat(order[starts], sizes), order)
        self.first = np.empty(len(keys), np.int64)
        self.first[order] = heads

    def members(self) -> npt.NDArray[np.int64]:
        """The indices of all examples in a conflict, rising."""
        sizes = np.bincount(self.first, minlength=len(self.first))
        return np.flatnonzero(sizes[self.first] > 1)

    def report(self, lines: npt.NDArray[np.uint32]) -> Conflicts:
        """The report; `lines` are those of all examples."""
        largest = np.lexsort((self._order[self._starts], -self._sizes))[:MAX_GROUPS].tolist()
        groups = [self._group(int(self._starts[n]), int(self._sizes[n]), lines) for n in largest]
        return Conflicts(int(self._sizes.sum()), len(self._sizes), groups)

    def _group(self, start: int, size: int, lines: npt.NDArray[np.uint32]) -> ConflictGroup:
        answers = len(np.unique(self._answers[start : start + size]))
        return ConflictGroup(size, answers, lines[self._order[start : start + min(size, MAX_GROUP_LINES)]].tolist())
