"""The figures of a step, in words and as a share."""

import pytest

from webapp.jobs.metrics import metrics_key, step_in_words, steps_done


@pytest.mark.parametrize(
    ("figures", "share", "words"),
    [
        ({"step": 3}, None, "step 3"),
        ({"step": 0, "total_steps": 60, "eval_loss": 2.5}, 0.0, "step 0/60"),
        ({"step": 3, "total_steps": 60, "loss": 1.23456}, 0.05, "step 3/60  loss 1.2346"),
        ({"step": 3, "total_steps": 60, "loss": 0.0, "eta_seconds": 57.3}, 0.05, "step 3/60  loss 0.0000  57 s left"),
        ({"step": 30, "total_steps": 60, "eta_seconds": 600.0}, 0.5, "step 30/60  10 min left"),
        ({"step": 90, "total_steps": 60, "eta_seconds": 90_000.0}, 1.0, "step 90/60  25.0 h left"),
        ({"step": 3, "total_steps": None, "loss": None, "eta_seconds": None}, None, "step 3"),
    ],
)
def test_a_step_is_said_as_far_as_it_is_known(figures, share, words):
    assert (steps_done(figures), step_in_words(figures)) == (share, words)


def test_every_attempt_tells_of_its_own_steps():
    assert len({metrics_key(attempt, step) for attempt in (1, 11, 111) for step in (1, 11, 111)}) == 9
