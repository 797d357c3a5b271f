"""The live picture of a run: progress, speed and both losses, drawn by hand and updated in place."""

import html
import math
import time
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from webapp.training.runtime import notebook_shell

CURVE_WIDTH = 640
CURVE_HEIGHT = 240
CURVE_MARGIN = 44
CURVE_POINTS = 200
CURVE_SECONDS = 2.0  # between two pictures: more would only burden the connection
TRAINING_COLOUR = "#4c78a8"  # both readable on light and dark pages
HELD_OUT_COLOUR = "#d1495b"


def loss_curve(losses: Sequence[float], evaluations: Sequence[tuple[int, float]], total: int | None = None) -> str:
    """An SVG of the training loss (a line) and the held-out loss (dots), with a text summary.

    `total` is how many steps the run will have; without it the picture ends with the last one.
    """
    total = total or len(losses)
    line = thinned([(step, loss) for step, loss in enumerate(losses, 1) if math.isfinite(loss)])
    heights = [loss for _, loss in (*line, *evaluations)] or [0.0]
    low, high = min(heights), max(heights)

    def place(step: float, loss: float) -> str:
        across = CURVE_MARGIN + (CURVE_WIDTH - 2 * CURVE_MARGIN) * step / max(1, total)
        down = CURVE_MARGIN + (CURVE_HEIGHT - 2 * CURVE_MARGIN) * (high - loss) / ((high - low) or 1.0)
        return f"{across:.1f},{down:.1f}"

    points = " ".join(place(step, loss) for step, loss in line)
    dots = "".join(
        '<circle cx="{}" cy="{}" r="4"/>'.format(*place(step, loss).split(",")) for step, loss in evaluations
    )
    left, right, bottom = CURVE_MARGIN, CURVE_WIDTH - CURVE_MARGIN, CURVE_HEIGHT - CURVE_MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {CURVE_WIDTH} {CURVE_HEIGHT}" '
        f'width="{CURVE_WIDTH}" font-family="sans-serif" font-size="12" fill="currentColor">'
        f"<title>{html.escape(curve_summary(losses, evaluations, total))}</title>"
        f'<path d="M{left} {left}V{bottom}H{right}" fill="none" stroke="currentColor" opacity="0.4"/>'
        f'<text x="{left - 6}" y="{left + 4}" text-anchor="end">{high:.2f}</text>'
        f'<text x="{left - 6}" y="{bottom}" text-anchor="end">{low:.2f}</text>'
        f'<text x="{left}" y="{bottom + 18}">0</text>'
        f'<text x="{right}" y="{bottom + 18}" text-anchor="end">step {total}</text>'
        f'<text x="{left}" y="20" fill="{TRAINING_COLOUR}">training loss</text>'
        f'<text x="{left + 100}" y="20" fill="{HELD_OUT_COLOUR}">held-out loss</text>'
        f'<polyline points="{points}" fill="none" stroke="{TRAINING_COLOUR}" stroke-width="1.5"/>'
        f'<g fill="{HELD_OUT_COLOUR}">{dots}</g></svg>'
    )


def thinned(points: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    """At most `CURVE_POINTS` points, each the mean of its neighbours."""
    size = math.ceil(len(points) / CURVE_POINTS) or 1
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return [(fmean(step for step, _ in part), fmean(loss for _, loss in part)) for part in parts]


def curve_summary(losses: Sequence[float], evaluations: Sequence[tuple[int, float]], total: int) -> str:
    """The picture in words."""
    said = [f"step {len(losses)} of {total}"]
    if losses:
        said.append(f"training loss {losses[0]:.4f} at first, {losses[-1]:.4f} now")
    said += [f"held-out loss {loss:.4f} after step {step}" for step, loss in evaluations[-1:]]
    return ", ".join(said)


class LiveCurve:
    """One output of the training cell, updated in place at most every two seconds; nothing outside a notebook."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._handle: Any = None
        self._next = 0.0
        self._live = notebook_shell() is not None

    def update(
        self, line: str, losses: Sequence[float], evaluations: Sequence[tuple[int, float]], last: bool = False
    ) -> None:
        """Draws the state of the run, `line` above it; too soon after the last picture only when `last`."""
        if not self._live or (time.monotonic() < self._next and not last):
            return
        self._next = time.monotonic() + CURVE_SECONDS
        bundle = {
            "text/plain": curve_summary(losses, evaluations, self.total),
            "text/html": f'<progress value="{len(losses)}" max="{self.total}" style="width: {CURVE_WIDTH}px">'
            f"</progress><p>{html.escape(line)}</p>{loss_curve(losses, evaluations, self.total)}",
        }
        if self._handle is None:
            from IPython.display import display

            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
