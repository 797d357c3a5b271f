"""Axes: values to places, and round numbers beside them."""

import pytest

from webapp.pages.charts.axes import BOTTOM, LEFT, RIGHT, TOP, Axis, across, upwards


def test_the_ends_of_an_axis_are_the_ends_of_its_values():
    axis = Axis(10, 30, LEFT, RIGHT)
    assert [axis.at(10), axis.at(20), axis.at(30)] == [LEFT, (LEFT + RIGHT) / 2, RIGHT]


def test_on_a_logarithmic_axis_each_power_is_as_far_from_the_next():
    axis = Axis(0.01, 100, 0, 400, log=True)
    assert [axis.at(10.0**power) for power in range(-2, 3)] == [0, 100, 200, 300, 400]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1_000, 100_000, [20_000, 40_000, 60_000, 80_000, 100_000]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (2e-5, 2e-4, [5e-5, 1e-4, 1.5e-4, 2e-4]),
    ],
)
def test_ticks_are_round_and_few(low, high, ticks):
    assert Axis(low, high, 0, 1).ticks() == ticks


def test_ticks_of_a_logarithmic_axis_are_powers_or_lie_between_few_of_them():
    assert Axis(0.3, 4, 0, 1, log=True).ticks() == [0.5, 1, 2]
    assert Axis(1e-6, 1, 0, 1, log=True).ticks() == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1])


@pytest.mark.parametrize("values", [[3.0], [0.0], [-2.0, -2.0], [1e-9], [1e9]])
def test_an_axis_of_one_value_has_a_length(values):
    for axis in (across(values), upwards(values)):
        assert axis.low < values[0] < axis.high
        assert axis.ticks()


@pytest.mark.parametrize("values", [[3.0], [0.5, 5.0], [1e-9, 2e-9]])
def test_all_of_it_lies_inside_of_the_drawing(values):
    for axis in (upwards(values), upwards(values, log=True)):
        assert all(TOP <= axis.at(value) <= BOTTOM for value in values)


def test_what_nearly_begins_at_zero_begins_there():
    assert upwards([0.1, 1.0]).low == 0
    assert upwards([0.9, 1.0]).low > 0.8
