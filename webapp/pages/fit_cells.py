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
    def of(cls, fit: Fit, gib: float | None, minutes: Range | None, cost: str) -> Self:
        """The cell; without time and cost where it cannot work."""
        works = fit in ("fits", "tight")
        return cls(fit, _WORDS[fit], gib, minutes if works else None, cost if works else "")


def cheapest(costs: Sequence[Cost]) -> Cost | None:
    """The cheapest offer, None where none is known."""
    return min(costs, key=lambda cost: cost.money.mid, default=None)


def rate(costs: Sequence[Cost]) -> str:
    """What the cheapest offer costs, to two digits; empty where none is known."""
    found = cheapest(costs)
    return f"{found.money.low:.2g} to {found.money.high:.2g} {found.currency}" if found else ""


def run_cost(costs: Sequence[Cost]) -> str:
    """The same of a whole run, to the hundredth."""
    found = cheapest(costs)
    if found is None:
        return ""
    low, high = f"{found.money.low:.2f}", f"{found.money.high:.2f}"
    if low == "0.00":
        return f"under {max(high, '0.01')} {found.currency}"
    return f"{low} to {high} {found.currency}" if low != high else f"about {high} {found.currency}"
