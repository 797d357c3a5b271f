import pytest

from webapp.training.alarms import (
    Alarm,
    memorising_alarm,
    no_gain_alarm,
    not_finite_alarm,
    overfitting_alarm,
    sound,
    truncation_alarm,
)
from webapp.training.masking import Row


def test_an_alarm_is_printed_and_kept_once(capsys):
    alarms = []
    sound(None, alarms)
    sound(Alarm("x", "first"), alarms)
    sound(Alarm("x", "second"), alarms)
    assert alarms == [Alarm("x", "first")]
    assert capsys.readouterr().out == "ALARM x: first\n"


@pytest.mark.parametrize(("cut", "heard"), [(0, False), (5, False), (6, True)])
def test_more_than_five_percent_of_cut_rows(cut, heard):
    rows = [Row(index, 1, [1, 2], 1, index < cut) for index in range(100)]
    alarm = truncation_alarm(rows)
    assert (alarm is not None) == heard
    if heard:
        assert "6 of 100 rows" in alarm.message


@pytest.mark.parametrize(
    ("held_out", "training", "heard"),
    [
        ([1.0, 1.1, 1.2], [3, 3, 2, 2, 1, 1], True),
        ([2.0, 1.0, 1.1, 1.2], [3, 3, 2, 2, 1, 1, 0.5, 0.5], True),
        ([1.0, 1.1], [3, 3, 2, 2], False),  # one rise is chance
        ([1.0, 1.1, 1.05], [3, 3, 2, 2, 1, 1], False),
        ([1.0, 1.1, 1.2], [1, 1, 2, 2, 3, 3], False),  # both rise: not rows by heart
    ],
)
def test_held_out_loss_that_rises_twice_while_the_training_loss_falls(held_out, training, heard):
    evaluations = [(2 * (place + 1), loss) for place, loss in enumerate(held_out)]
    assert (overfitting_alarm(evaluations, training) is not None) == heard


@pytest.mark.parametrize(
    ("losses", "heard"),
    [
        ([2.0] + [0.05] * 5, True),
        ([2.0, 0.05], False),  # one easy batch
        ([0.2] * 6, False),
        ([2.0] * 20 + [0.01] * 5, False),  # after the first epoch
    ],
)
def test_a_loss_near_nothing_within_the_first_epoch(losses, heard):
    assert (memorising_alarm(losses, per_epoch=10) is not None) == heard


def test_held_out_loss_that_is_no_lower_than_before():
    assert no_gain_alarm(2.0, 1.9) is None
    assert no_gain_alarm(2.0, 2.0).code == "no_gain"


def test_a_loss_that_is_not_a_number_names_its_step():
    assert "nan at step 7" in not_finite_alarm(float("nan"), 7).message
