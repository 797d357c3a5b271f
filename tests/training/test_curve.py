import sys
import types
import xml.etree.ElementTree as ElementTree

import pytest

from webapp.training import curve
from webapp.training.curve import CURVE_HEIGHT, CURVE_POINTS, CURVE_WIDTH, LiveCurve, curve_summary, loss_curve

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg):
    return ElementTree.fromstring(svg)  # noqa: S314 (our own drawing)


def coordinates(picture):
    (line,) = picture.iter(f"{SVG}polyline")
    return [tuple(map(float, point.split(","))) for point in line.get("points").split()]


def test_a_falling_loss_goes_down_and_to_the_right():
    points = coordinates(parsed(loss_curve([3.0, 2.0, 1.0], [(3, 1.5)], 10)))
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted(y for _, y in points)
    assert all(0 < x < CURVE_WIDTH and 0 < y < CURVE_HEIGHT for x, y in points)
    assert points[-1][0] < CURVE_WIDTH / 2  # three steps of ten


def test_every_evaluation_is_a_dot_and_the_title_says_it_in_words():
    picture = parsed(loss_curve([3.0, 2.0], [(1, 2.5), (2, 1.75)], 2))
    assert len(list(picture.iter(f"{SVG}circle"))) == 2
    title = picture.find(f"{SVG}title").text
    assert title == "step 2 of 2, training loss 3.0000 at first, 2.0000 now, held-out loss 1.7500 after step 2"


def test_a_long_run_stays_a_small_picture():
    losses = [10 / (1 + step) for step in range(20_000)]
    picture = loss_curve(losses, [], 20_000)
    assert len(coordinates(parsed(picture))) <= CURVE_POINTS
    assert len(picture) < 6_000


@pytest.mark.parametrize(("losses", "total"), [([], 5), ([1.0], 1), ([2.0, 2.0], 2), ([float("nan"), 1.0], 2)])
def test_nothing_flat_or_missing_breaks_it(losses, total):
    assert "nan" not in loss_curve(losses, [], total).split("</title>")[1]
    assert curve_summary(losses, [], total).startswith(f"step {len(losses)} of {total}")


class Notebook:
    """An IPython shell with a kernel, and what it was asked to show."""

    def __init__(self, monkeypatch, kernel=True):
        self.shown, self.updated = [], []
        shell = types.SimpleNamespace(kernel=object()) if kernel else types.SimpleNamespace()

        def update(bundle, *, raw):
            assert raw
            self.updated.append(bundle)

        def display(bundle, *, raw, display_id):
            assert raw
            assert display_id
            self.shown.append(bundle)
            return types.SimpleNamespace(update=update)

        monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
        monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))


def test_in_a_notebook_one_output_is_updated_at_most_every_two_seconds(monkeypatch):
    notebook, now = Notebook(monkeypatch), [100.0]
    monkeypatch.setattr(curve.time, "monotonic", lambda: now[0])
    live = LiveCurve(3)
    live.update("step 1/3 <", [3.0], [])
    live.update("step 2/3", [3.0, 2.0], [])
    assert len(notebook.shown) == 1
    assert notebook.updated == []
    now[0] += 2
    live.update("step 2/3", [3.0, 2.0], [])
    live.update("step 3/3", [3.0, 2.0, 1.0], [], last=True)
    assert len(notebook.shown) == 1
    assert len(notebook.updated) == 2
    assert "step 1/3 &lt;" in notebook.shown[0]["text/html"]
    assert '<progress value="3" max="3"' in notebook.updated[-1]["text/html"]
    assert notebook.updated[-1]["text/plain"].startswith("step 3 of 3")


def test_a_terminal_and_a_plain_script_get_no_picture(monkeypatch):
    terminal = Notebook(monkeypatch, kernel=False)
    LiveCurve(3).update("step 1/3", [3.0], [], last=True)
    monkeypatch.delitem(sys.modules, "IPython")
    LiveCurve(3).update("step 1/3", [3.0], [], last=True)
    assert terminal.shown == []
