"""A cell of the tables of models and machines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from webapp.catalog import Range
from webapp.catalog.estimates import Fit
from webapp.catalog.prices import Cost

_WORDS: dict[Fit, str] = {"fits": "fits", "tight": "tight", "no": "no", "needs_bf16": "no bf16"}


@dataclass(frozen=True)
class Cell:
    """One model on one machine: whether it fits, its peak, its time, and what the cheapest offer costs."""

    fit: Fit
    word: str
    gib: float | None
    minutes: Range | None
    cost: str

    @classmethod
    def of(cls, fit: Fit, gib: float | None, minutes: Range | None, costs: Sequence[Cost]) -> Self:
        """The cell; without a time where it cannot work."""
        works = fit in ("fits", "tight")
        return cls(fit, _WORDS[fit], gib, minutes if works else None, cheapest(costs) if works else "")


def cheapest(costs: Sequence[Cost]) -> str:
    """What the cheapest offer costs, as a range; empty where none is known."""
    found = min(costs, key=lambda cost: cost.money.mid, default=None)
    return f"{found.money.low:.2g} to {found.money.high:.2g} {found.currency}" if found else ""
