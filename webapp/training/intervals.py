"""How sure a mean over held-out rows is: bootstrap intervals."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000
LEVEL = 0.95

Interval = tuple[float, float]


def paired_intervals(
    units: Sequence[int], before: Sequence[float], after: Sequence[float], weights: Sequence[float], seed: int
) -> dict[str, Interval] | None:
    """Percentile bootstrap intervals of the weighted means `before` and `after` and of their `change`.

    `before` and `after` are sums over `weights` tokens (or answers), one entry a row. Rows of one conversation are
    alike, so whole units are drawn: `RESAMPLES` times as many as there are, with replacement, the same ones before
    and after (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). None for a single unit.
    """
    _, unit = np.unique(np.asarray(units), return_inverse=True)
    count = int(unit.max()) + 1 if len(unit) else 0
    if count < 2:
        return None
    sums = np.zeros((3, count))
    for total, values in zip(sums, (before, after, weights), strict=True):
        np.add.at(total, unit, values)
    draws = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    drawn = sums[:, draws].sum(axis=2)
    means = drawn[:2] / drawn[2]
    tails = [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2]
    named: dict[str, npt.NDArray[np.float64]] = {"before": means[0], "after": means[1], "change": means[1] - means[0]}
    bounds = {name: np.percentile(values, tails) for name, values in named.items()}
    return {name: (float(low), float(high)) for name, (low, high) in bounds.items()}
