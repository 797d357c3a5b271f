"""Charts of lines: every figure in its place, none lost that stands out."""

import math

from webapp.pages.charts import Window, line_chart
from webapp.pages.charts.lines import MOST_POINTS

FALLING = [(step, 10.0 / step) for step in range(1, 101)]


def test_without_figures_it_says_so():
    drawn = line_chart("Loss", {"Training": []})
    assert (drawn.lines, drawn.rows, drawn.summary) == ([], [], "No figures yet.")


def test_each_series_is_a_line_and_a_column_of_the_table():
    drawn = line_chart("Loss", {"Training": [(1, 2.0), (2, 1.0)], "Held-out": [(2, 1.5)], "Nothing": []})
    assert [line.name for line in drawn.lines] == ["Training", "Held-out"]
    assert [(step, values) for step, _, values in drawn.rows] == [(1, [2.0, None]), (2, [1.0, 1.5])]


def test_it_says_in_words_what_it_shows():
    drawn = line_chart("Loss", {"Training": [(1, 2.0), (2, 0.5), (3, 1.0)]})
    assert drawn.summary == "Training: 2 at step 1, 1 at step 3; lowest 0.5 at step 2, highest 2 at step 1."


def test_figures_that_are_no_numbers_are_left_out():
    drawn = line_chart("Loss", {"Training": [(1, 2.0), (2, math.nan), (3, math.inf), (4, 1.0)]})
    assert [step for step, _, _ in drawn.rows] == [1, 4]


def test_on_a_logarithmic_scale_what_is_not_above_zero_is_left_out():
    drawn = line_chart("Rate", {"Rate": [(0, 0.0), (1, 1e-4), (2, 1e-5)]}, Window(log=True))
    assert [step for step, _, _ in drawn.rows] == [1, 2]


def test_a_window_shows_the_steps_inside_of_it():
    drawn = line_chart("Loss", {"Training": FALLING}, Window(10, 20))
    assert [step for step, _, _ in drawn.rows] == list(range(10, 21))
    assert drawn.range_x == (10, 20)


def test_of_a_long_series_the_ends_and_every_spike_stay():
    points = [(step, 1.0) for step in range(100_000)]
    points[54_321] = (54_321, 50.0)
    points[77_777] = (77_777, 0.1)
    drawn = line_chart("Loss", {"Training": points})
    steps = {step for step, _, _ in drawn.rows}
    assert len(steps) <= MOST_POINTS
    assert {0, 54_321, 77_777, 99_999} <= steps
    assert sorted(steps) == [step for step, _, _ in drawn.rows]


def test_few_points_are_dots_too():
    assert len(line_chart("Loss", {"Held-out": [(0, 2.0), (50, 1.0)]}).lines[0].dots) == 2
    assert line_chart("Loss", {"Training": FALLING}).lines[0].dots == []
