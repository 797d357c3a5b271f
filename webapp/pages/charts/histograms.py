"""A histogram: a bar for each range or name, and lines that mark values among the ranges."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.pages.charts.axes import BOTTOM, FRAME, LEFT, RIGHT, TOP, Axis, Frame
from webapp.pages.wording import number

# About as wide is a character; so much is between the names of two bars, and between a mark's line and its name.
_CHARACTER, _BETWEEN, _BESIDE = 7.5, 4.0, 4.0
_MARK_ROW = 16.0


@dataclass(frozen=True)
class Bar:
    """`count` things; those from `start` up to `end`, or those of a name alone."""

    name: str
    count: int
    start: float = 0
    end: float = 0


@dataclass(frozen=True)
class Mark:
    """A value to be marked, and what it is; a `limit` is drawn dashed."""

    name: str
    value: float
    limit: bool = False

    @property
    def said(self) -> str:
        """What stands beside its line."""
        return f"{self.name}: {number(self.value)}"


@dataclass(frozen=True)
class DrawnBar:
    """A bar in the drawing's units, its upper left corner first."""

    bar: Bar
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class DrawnMark:
    """A mark's line at `x` from `top` down, and the name beside it at `y`, from `text_x` on; `before`: up to there."""

    mark: Mark
    x: float
    top: float
    text_x: float
    y: float
    before: bool


@dataclass(frozen=True)
class Histogram:
    """All of a histogram's drawing; `off` are the marks that lie beyond every bar; `summary` says it in words."""

    title: str
    things: str
    bars: list[DrawnBar]
    marks: list[DrawnMark]
    off: list[Mark]
    ticks: list[tuple[float, float]]
    summary: str
    frame: Frame = FRAME


def histogram(title: str, things: str, bars: Sequence[Bar], marks: Sequence[Mark] = ()) -> Histogram:
    """The drawing of at least one bar; `things` are what is counted, such as "conversations"."""
    share = (RIGHT - LEFT) / len(bars)
    axis = Axis(0, max(1, *(bar.count for bar in bars)), BOTTOM, TOP + _MARK_ROW * len(marks))
    drawn = [
        DrawnBar(
            bar,
            x=round(LEFT + index * share + 1, 1),
            y=axis.at(bar.count),
            width=round(max(1.0, share - 2), 1),
            height=round(BOTTOM - axis.at(bar.count), 1),
            label=label,
        )
        for index, (bar, label) in enumerate(zip(bars, _labels(bars, share), strict=True))
    ]
    placed = [(mark, _place(mark.value, bars)) for mark in sorted(marks, key=lambda mark: mark.value)]
    shown = [(mark, round(LEFT + place * share, 1)) for mark, place in placed if place is not None]
    return Histogram(
        title=title,
        things=things,
        bars=drawn,
        marks=_marks(shown),
        off=[mark for mark, place in placed if place is None],
        ticks=[(tick, axis.at(tick)) for tick in axis.ticks() if float(tick).is_integer()],
        summary=_summary(things, bars),
    )


def _labels(bars: Sequence[Bar], share: float) -> list[str]:
    """The names of bars that are `share` wide; where one is too long, their beginnings: the table has them whole.

    A range begins with a number, which is of no use in part: where there is no room for all, some ranges have none.
    """
    names, most = [bar.name for bar in bars], int((share - _BETWEEN) / _CHARACTER)
    if all(len(name) <= most for name in names):
        return names
    if all(bar.end > bar.start for bar in bars):
        names = [number(bar.start) for bar in bars]
        every = math.ceil((max(map(len, names)) * _CHARACTER + _BETWEEN) / share)
        return [name if index % every == 0 else "" for index, name in enumerate(names)]
    return [name if len(name) <= most else f"{name[: most - 1]}…" for name in names]


def _marks(shown: Sequence[tuple[Mark, float]]) -> list[DrawnMark]:
    """Each mark in a row of its own, in which its line begins; no line meets a name where that can be.

    From left to right, names are first to the right of their lines, then to the left. Those to the left are in the
    upper rows, the last mark first, so that the lines they reach over begin below them.
    """
    split = _split(shown)
    rows = [*range(len(shown) - split, len(shown)), *reversed(range(len(shown) - split))]
    return [
        DrawnMark(
            mark,
            x,
            top=TOP + _MARK_ROW * row,
            text_x=round(x + (_BESIDE if index < split else -_BESIDE), 1),
            y=round(TOP + _MARK_ROW * (row + 0.7), 1),
            before=index >= split,
        )
        for index, ((mark, x), row) in enumerate(zip(shown, rows, strict=True))
    ]


def _split(shown: Sequence[tuple[Mark, float]]) -> int:
    """The fewest names to the right with which all keep inside and off the lines; where none does, the left half's."""
    needed = [_BESIDE + _CHARACTER * len(mark.said) for mark, _ in shown]
    places = [x for _, x in shown]
    for split in range(len(shown) + 1):
        end = places[split] if split < len(shown) else RIGHT
        to_right = all(x + width <= end for x, width in zip(places[:split], needed[:split], strict=True))
        if to_right and all(x - width >= LEFT for x, width in zip(places[split:], needed[split:], strict=True)):
            return split
    return sum(x <= (LEFT + RIGHT) / 2 for x in places)


def _place(value: float, bars: Sequence[Bar]) -> float | None:
    """How many bars lie before the value, with the share of the one that it is in; None when it is in none."""
    for index, bar in enumerate(bars):
        if bar.start <= value < bar.end:
            return index + (value - bar.start) / (bar.end - bar.start)
    return None


def _summary(things: str, bars: Sequence[Bar]) -> str:
    total = sum(bar.count for bar in bars)
    most = max(bars, key=lambda bar: bar.count)
    return f"{number(total)} {things}, most of them ({number(most.count)}) in {most.name}."
