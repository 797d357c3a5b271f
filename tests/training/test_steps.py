import pytest

from webapp.training.steps import learning_rate_at


@pytest.mark.parametrize("scheduler", ["cosine", "linear"])
def test_the_rate_warms_up_then_falls_to_nothing(run_config, scheduler):
    config = run_config("x", lr_scheduler=scheduler, warmup_ratio=0.1, learning_rate=1.0)
    rates = [learning_rate_at(step, 100, config) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[9] == max(rates)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.02
