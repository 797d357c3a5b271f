"""A chart of lines: one or more series of figures over the steps of a run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webapp.pages.charts.axes import FRAME, Axis, Frame, across, upwards
from webapp.pages.wording import number

Point = tuple[float, float]
# Of a series: more cannot be told apart in the drawing, and would make its table long.
MOST_POINTS = 160


@dataclass(frozen=True)
class Window:
    """What a chart is asked to show: from step to step (None: from the first, to the last), and on which scale."""

    start: float | None = None
    end: float | None = None
    log: bool = False

    def holds(self, x: float) -> bool:
        """Whether a step is inside."""
        return (self.start is None or x >= self.start) and (self.end is None or x <= self.end)


@dataclass(frozen=True)
class DrawnLine:
    """A series as the `d` of an SVG path; `dots` are the points of a series with few."""

    name: str
    path: str
    dots: list[Point]


@dataclass(frozen=True)
class LineChart:
    """All of a chart's drawing; it has no lines, and only a title, as long as there are no points.

    `rows` are what its table shows: a step, where that lies in the drawing, and the value of each series there.
    """

    title: str
    window: Window
    lines: list[DrawnLine] = field(default_factory=list)
    rows: list[tuple[float, float, list[float | None]]] = field(default_factory=list)
    ticks_x: list[Point] = field(default_factory=list)
    ticks_y: list[Point] = field(default_factory=list)
    range_x: Point = (0.0, 1.0)
    summary: str = "No figures yet."
    frame: Frame = FRAME


def line_chart(title: str, series: Mapping[str, Sequence[Point]], window: Window | None = None) -> LineChart:
    """The drawing of each series' points (step, value), in the order of their steps, as far as the window holds them.

    On a logarithmic scale values that are not above 0 are left out; everywhere those that are not finite.
    """
    window = window or Window()
    seen = {name: _thinned([point for point in points if _shown(point, window)]) for name, points in series.items()}
    seen = {name: points for name, points in seen.items() if points}
    if not seen:
        return LineChart(title, window)
    x_axis = across([x for points in seen.values() for x, _ in points])
    y_axis = upwards([y for points in seen.values() for _, y in points], log=window.log)
    return LineChart(
        title=title,
        window=window,
        lines=[_line(name, points, x_axis, y_axis) for name, points in seen.items()],
        rows=_rows(seen, x_axis),
        ticks_x=[(tick, x_axis.at(tick)) for tick in x_axis.ticks()],
        ticks_y=[(tick, y_axis.at(tick)) for tick in y_axis.ticks()],
        range_x=(x_axis.low, x_axis.high),
        summary=" ".join(_in_words(name, points) for name, points in seen.items()),
    )


def _shown(point: Point, window: Window) -> bool:
    x, y = point
    return math.isfinite(y) and window.holds(x) and (y > 0 or not window.log)


def _thinned(points: list[Point]) -> list[Point]:
    """At most so many: of each stretch its lowest and highest, so that no spike is lost; and the first and the last."""
    if len(points) <= MOST_POINTS:
        return points
    size = math.ceil((len(points) - 2) / (MOST_POINTS // 2 - 1))
    kept = [points[0]]
    for begin in range(1, len(points) - 1, size):
        stretch = points[begin : min(begin + size, len(points) - 1)]
        ends = {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
        kept += sorted(ends)
    return [*kept, points[-1]]


def _line(name: str, points: Sequence[Point], x_axis: Axis, y_axis: Axis) -> DrawnLine:
    places = [(x_axis.at(x), y_axis.at(y)) for x, y in points]
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in places)
    return DrawnLine(name, path, places if len(places) <= MOST_POINTS // 8 else [])


def _rows(seen: Mapping[str, Sequence[Point]], x_axis: Axis) -> list[tuple[float, float, list[float | None]]]:
    at_step = [dict(points) for points in seen.values()]
    steps = sorted({x for points in at_step for x in points})
    return [(x, x_axis.at(x), [points.get(x) for points in at_step]) for x in steps]


def _in_words(name: str, points: Sequence[Point]) -> str:
    (first_x, first), (last_x, last) = points[0], points[-1]
    if len(points) == 1:
        return f"{name}: {number(first)} at step {number(first_x)}."
    low_x, low = min(points, key=lambda point: point[1])
    high_x, high = max(points, key=lambda point: point[1])
    return (
        f"{name}: {number(first)} at step {number(first_x)}, {number(last)} at step {number(last_x)}; lowest "
        f"{number(low)} at step {number(low_x)}, highest {number(high)} at step {number(high_x)}."
    )
