"""Conflicts: examples that ask exactly the same and are answered differently."""

import numpy as np
import numpy.typing as npt

from webapp.datasets.hashing import GOLDEN, Hashes, mix
from webapp.datasets.pieces import ANSWERS, CALLS, Pieces
from webapp.datasets.report import ConflictGroup, Conflicts

MAX_GROUPS, MAX_GROUP_LINES = 50, 20
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
    continues = found.are(CALLS) & (inside > 0)
    continues[1:] &= found.are(CALLS)[:-1]
    begins = (found.are(ANSWERS) | found.are(CALLS)) & ~continues
    last = np.maximum.reduceat(np.where(begins, places, -1), starts)
    after = np.append(np.flatnonzero(~continues), len(places))[np.cumsum(~continues)[last]]
    prompt = np.where(last > starts, sums[last] - sums[starts] | np.uint64(1), _NO_PROMPT)
    return np.stack([prompt, sums[after] - sums[last]], axis=1)


class SamePrompts:
    """Groups of examples with the same prompt but not all with the same answer."""

    def __init__(self, keys: Hashes) -> None:
        order = np.lexsort((np.arange(len(keys)), keys[:, 0]))
        prompts, answers = keys[order, 0], keys[order, 1]
        bounds = np.flatnonzero(np.r_[True, prompts[1:] != prompts[:-1]]) if len(keys) else np.empty(0, np.int64)
        sizes = np.diff(np.r_[bounds, len(keys)])
        differs = np.r_[False, (prompts[1:] == prompts[:-1]) & (answers[1:] != answers[:-1])]
        conflicting = np.add.reduceat(differs, bounds) > 0 if len(keys) else np.empty(0, np.bool_)
        conflicting &= prompts[bounds] != _NO_PROMPT
        self._order, self._answers = order, answers
        self._groups = list(zip(bounds[conflicting].tolist(), sizes[conflicting].tolist(), strict=True))

    def members(self) -> npt.NDArray[np.int64]:
        """The indices of all examples in a conflict, rising."""
        return np.sort(np.concatenate([np.empty(0, np.int64), *(self._order[a : a + n] for a, n in self._groups)]))

    def report(self, lines: npt.NDArray[np.uint32]) -> Conflicts:
        """The report; `lines` are those of all examples."""
        largest = sorted(self._groups, key=lambda group: (-group[1], self._order[group[0]]))[:MAX_GROUPS]
        groups = [
            ConflictGroup(
                size,
                len(np.unique(self._answers[first : first + size])),
                lines[self._order[first : first + min(size, MAX_GROUP_LINES)]].tolist(),
            )
            for first, size in largest
        ]
        return Conflicts(sum(size for _, size in self._groups), len(self._groups), groups)
