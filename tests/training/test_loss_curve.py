import xml.etree.ElementTree as ET

from webapp.training.loss_curve import HEIGHT, WIDTH, loss_curve, thin


def test_the_curve_is_a_picture_with_words_for_it():
    picture = ET.fromstring(loss_curve([4.0, 3.0, 2.0, 1.0], [(0, 5.0), (4, 1.5)]))  # noqa: S314
    assert picture.get("role") == "img"
    assert picture.get("aria-label") == (
        "training loss from 4.000 to 1.000 in 4 steps; held-out loss from 5.000 to 1.500"
    )
    training, held_out = (line.get("points").split() for line in picture.iter("polyline"))
    heights = [float(point.split(",")[1]) for point in training]
    assert heights == sorted(heights)  # a falling loss runs down the picture
    assert len(held_out) == 2
    for point in training + held_out:
        x, y = map(float, point.split(","))
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


def test_a_long_run_is_thinned_and_keeps_its_last_step():
    points = [(float(step), 1.0) for step in range(10_000)]
    kept = thin(points, 600)
    assert len(kept) == 600
    assert kept[-1] == points[-1]
    assert len(loss_curve([1.0] * 10_000, [])) < 20_000


def test_nothing_measured_draws_nothing():
    assert loss_curve([], []) == ""
    assert "svg" in loss_curve([0.0], [])
