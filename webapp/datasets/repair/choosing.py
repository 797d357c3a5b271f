"""Which rows stay and which are held out, by the groups of duplicates that an analysis has found."""

from random import Random
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from webapp.datasets.examples import Examples
from webapp.datasets.near_duplicates import Clusters
from webapp.datasets.quality import MIN_TRAIN_EXAMPLES
from webapp.datasets.repair.operations import Dedupe, ValidationSplit
from webapp.errors import Problem

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Alike(NamedTuple):
    """For each example the index of the first of its group: the same to the byte, or `almost` the same as well."""

    exact: Indices
    almost: Indices

    @classmethod
    def of(cls, examples: Examples) -> "Alike":
        """The groups of analysed examples: near-duplicates were looked for among the first of exact ones."""
        exact = examples.column("exact")
        return cls(exact, examples.column("near")[exact])

    def group(self, kind: str) -> Indices:
        """The groups of one kind of duplicates."""
        return self.exact if kind == "exact" else self.almost


def dropped_by(operation: Dedupe, alike: Alike) -> Mask:
    """The examples that go: all but the first of each group, or all of a group."""
    group = alike.group(operation.kind)
    if operation.keep == "first":
        gone: Mask = group != np.arange(len(group))
    else:
        gone = np.bincount(group, minlength=len(group))[group] > 1
    return gone


def held_out_by(operation: ValidationSplit, alike: Alike, sources: Indices, among: Mask) -> Mask:
    """The examples, of those `among`, of the validation part: about the share asked for, whole families only.

    A family are the examples that are alike, and the parts of one source row (rising `sources`). Families are drawn in
    an order that only the seed decides; at least 10 examples remain to train on. Raises Problem `too_few_to_split`.
    """
    family = _families(alike, sources)
    sizes = np.bincount(family[among], minlength=len(family))
    room = min(max(1, round(operation.share * int(among.sum()))), int(among.sum()) - MIN_TRAIN_EXAMPLES)
    draw = Random(operation.seed)  # noqa: S311
    heads = np.flatnonzero(sizes)
    chosen = np.zeros(len(family), np.bool_)
    for head in heads[np.argsort([draw.random() for _ in heads], kind="stable")].tolist():
        if sizes[head] <= room:
            chosen[head] = True
            room -= int(sizes[head])
    held_out: Mask = chosen[family] & among
    if not held_out.any():
        raise Problem(
            "too_few_to_split",
            f"No validation part can be made of {int(among.sum())} examples: {MIN_TRAIN_EXAMPLES} must remain to train "
            "on, and examples that are alike stay together. Leave the split out, or drop duplicates first.",
        )
    return held_out


def _families(alike: Alike, sources: Indices) -> Indices:
    everyone = np.arange(len(sources))
    _, first, place = np.unique(sources, return_index=True, return_inverse=True)
    families = Clusters(len(sources))
    for heads in (alike.almost, first[place]):
        families.link(everyone, heads, np.ones(len(sources)))
    return families.first
