import numpy as np
import pytest

from webapp.training.intervals import paired_intervals


def test_the_same_seed_gives_the_same_interval():
    numbers = np.random.default_rng(1).normal(3, 1, 50)
    arguments = (range(50), numbers, numbers - 1, np.ones(50))
    assert paired_intervals(*arguments, 7) == paired_intervals(*arguments, 7) != paired_intervals(*arguments, 8)


def test_a_constant_change_is_certain_however_uncertain_the_means_are():
    before = np.random.default_rng(1).normal(3, 1, 40)
    found = paired_intervals(range(40), before, before - 0.5, np.ones(40), 0)
    assert found["change"] == pytest.approx((-0.5, -0.5))
    assert found["before"][1] - found["before"][0] > 0.3


def test_rows_of_one_conversation_are_drawn_together():
    draw = np.random.default_rng(3).normal(0, 1, 20)
    rows, units = np.repeat(draw, 10), np.repeat(range(20), 10)
    together = paired_intervals(units, rows, rows, np.ones(200), 0)["after"]
    apart = paired_intervals(range(200), rows, rows, np.ones(200), 0)["after"]
    assert together[1] - together[0] > 2 * (apart[1] - apart[0])


def test_it_holds_the_truth_about_as_often_as_it_says():
    draw = np.random.default_rng(5)
    hits = 0
    for trial in range(100):
        sample = draw.exponential(2.0, 60)
        low, high = paired_intervals(range(60), sample, sample, np.ones(60), trial)["after"]
        hits += low <= 2.0 <= high
    assert 85 <= hits <= 99


def test_means_are_weighted_by_tokens():
    found = paired_intervals([0, 1], [10.0, 10.0], [10.0, 10.0], [10, 10], 0)
    assert found["before"] == (1.0, 1.0)


@pytest.mark.parametrize("units", [[], [4], [4, 4]])
def test_one_conversation_has_no_interval(units):
    assert paired_intervals(units, [1.0] * len(units), [1.0] * len(units), [1] * len(units), 0) is None
