"""The loss curve as an SVG picture of its own, with a text that says the same."""

from collections.abc import Sequence

WIDTH = 640  # user units
HEIGHT = 240
LEFT = 48
BOTTOM = 28
MARGIN = 12

Point = tuple[float, float]


def loss_curve(training: Sequence[float], evaluations: Sequence[Point]) -> str:
    """Training loss of every step, and held-out losses as (step, loss), in one SVG; empty without any."""
    trained = thin([(step + 1.0, loss) for step, loss in enumerate(training)], 600)
    held_out = [(float(step), loss) for step, loss in evaluations]
    points = trained + held_out
    if not points:
        return ""
    last, top = max(1.0, *(step for step, _ in points)), max(loss for _, loss in points) or 1.0

    def place(point: Point) -> Point:
        step, loss = point
        x = LEFT + step / last * (WIDTH - LEFT - MARGIN)
        return x, MARGIN + (1 - loss / top) * (HEIGHT - BOTTOM - MARGIN)

    marks = [(0.0, 0.0), (0.0, top / 2), (0.0, top), (last, 0.0)]
    (zero, half, full, end) = map(place, marks)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{in_words(training, held_out)}">',
        f'<path class="axis" d="M{full[0]:.1f} {full[1]:.1f}V{zero[1]:.1f}H{end[0]:.1f}"/>',
        *(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{loss:.3g}</text>'
          for (_, y), (_, loss) in zip((zero, half, full), marks, strict=False)),
        f'<text x="{end[0]:.1f}" y="{HEIGHT - 8}" text-anchor="end">step {last:.0f}</text>',
        f'<polyline class="training" points="{joined([place(point) for point in trained])}"/>',
        f'<polyline class="held-out" points="{joined([place(point) for point in held_out])}"/>',
        *(f'<circle class="held-out" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in map(place, thin(held_out, 60))),
        "</svg>",
    ]  # fmt: skip
    return "\n".join(parts)


def thin(points: list[Point], limit: int) -> list[Point]:
    """At most `limit` of the points, evenly, the last among them."""
    if len(points) <= limit:
        return points
    return [points[(index + 1) * len(points) // limit - 1] for index in range(limit)]


def joined(points: Sequence[Point]) -> str:
    """SVG's list of points."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def in_words(training: Sequence[float], held_out: Sequence[Point]) -> str:
    """What the picture shows."""
    said = [f"training loss from {training[0]:.3f} to {training[-1]:.3f} in {len(training)} steps"] if training else []
    if held_out:
        said.append(f"held-out loss from {held_out[0][1]:.3f} to {held_out[-1][1]:.3f}")
    return "; ".join(said)
