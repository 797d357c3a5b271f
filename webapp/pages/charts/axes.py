"""Axes: where a value lies in a drawing, and which round values are written beside it."""

import math
from dataclasses import dataclass
from typing import NamedTuple

# The part of a drawing that is inside of its axes, in the units of its viewBox.
LEFT, RIGHT, TOP, BOTTOM = 64.0, 470.0, 12.0, 186.0


class Frame(NamedTuple):
    """A drawing's size, and the sides of what is inside of its axes."""

    width: float = 480.0
    height: float = 220.0
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM


FRAME = Frame()


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high`, drawn from `start` to `end`; `log`: by their logarithms, and all are above 0."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where the value lies."""
        low, high, value = map(math.log10, (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Round values on it, about five."""
        return _decades(self.low, self.high) if self.log else _round_steps(self.low, self.high)


def across(values: list[float]) -> Axis:
    """The axis from left to right that holds all of these."""
    low, high = _apart(min(values), max(values))
    return Axis(low, high, LEFT, RIGHT)


def upwards(values: list[float], *, log: bool = False) -> Axis:
    """The axis from bottom to top that holds all of these, with a little room."""
    low, high = _apart(min(values), max(values))
    if log:
        low = min(values) if min(values) < max(values) else low
        return Axis(low / 1.1, high * 1.1, BOTTOM, TOP, log=True)
    room = 0.05 * (high - low)
    return Axis(min(0.0, low) if 0 <= low < high / 3 else low - room, high + room, BOTTOM, TOP)


def _apart(low: float, high: float) -> tuple[float, float]:
    """The same, not equal: an axis needs a length."""
    if low < high:
        return low, high
    room = abs(low) / 2 or 1.0
    return low - room, high + room


def _round_steps(low: float, high: float) -> list[float]:
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten, with twos and fives between them where there are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if len(powers) > 4 else (1, 2, 5)
    found = [float(f"{step * 10.0**power:.12g}") for power in powers for step in steps]
    return [value for value in found if low <= value <= high]
