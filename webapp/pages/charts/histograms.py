"""A histogram: a bar for each range or name, and lines that mark values among the ranges."""

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.pages.charts.axes import BOTTOM, FRAME, LEFT, RIGHT, TOP, Axis, Frame
from webapp.pages.wording import number

# About as wide is a character of a bar's label.
_CHARACTER = 7.5
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
    """A mark's line at `x`, and its name beside it at `y`, to the left of it when `before`."""

    mark: Mark
    x: float
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
        for index, (bar, label) in enumerate(zip(bars, _labels(bars, int(share / _CHARACTER)), strict=True))
    ]
    placed = [(mark, _place(mark.value, bars)) for mark in sorted(marks, key=lambda mark: mark.value)]
    shown = [(mark, round(LEFT + place * share, 1)) for mark, place in placed if place is not None]
    return Histogram(
        title=title,
        things=things,
        bars=drawn,
        marks=[
            DrawnMark(mark, x, TOP + _MARK_ROW * (row + 0.7), before=x > (LEFT + RIGHT) / 2)
            for row, (mark, x) in enumerate(shown)
        ],
        off=[mark for mark, place in placed if place is None],
        ticks=[(tick, axis.at(tick)) for tick in axis.ticks() if float(tick).is_integer()],
        summary=_summary(things, bars),
    )


def _labels(bars: Sequence[Bar], most: int) -> list[str]:
    """The names of the bars; where one is too long for its bar, their beginnings: the table has them whole."""
    names = [bar.name for bar in bars]
    if any(len(name) > most for name in names):
        names = [number(bar.start) if bar.end > bar.start else bar.name for bar in bars]
    return [name if len(name) <= most else f"{name[: most - 1]}…" for name in names]


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
