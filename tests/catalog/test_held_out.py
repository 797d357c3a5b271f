"""How many conversations are held out where nothing else is set."""

import pytest

from webapp.catalog import find_gpu, find_model, suggest
from webapp.catalog.held_out import held_out_share, really_held_out
from webapp.catalog.profile import Profile
from webapp.training.data import split_alike


@pytest.mark.parametrize(
    ("examples", "share"),
    [(60, 0.2), (99, 0.2), (100, 0.1), (5000, 0.1), (6001, 0.0833), (20_000, 0.025), (50_000, 0.01), (10**6, 0.01)],
)
def test_few_rows_hold_out_more_of_them_and_many_rows_about_500(examples, share):
    assert held_out_share(examples) == share


@pytest.mark.parametrize(("examples", "share", "told"), [(400, 0.5, 200), (4000, 0.5, 500), (10**6, None, 500)])
def test_the_reason_tells_how_many_a_run_really_holds_out(analysis, examples, share, told):
    profile = Profile.of(analysis(total_examples=examples))
    given = {} if share is None else {"eval_fraction": share}
    settings = suggest(profile, find_model("qwen3-1.7b"), find_gpu("t4"), given=given)
    rows = range(examples)
    assert len(split_alike(rows, settings.values["eval_fraction"], 42)[1]) == told
    if share is None:
        assert settings.items["eval_fraction"].reason == f"{told} conversations are held out, never trained on."
    assert really_held_out(examples, settings.values["eval_fraction"]) * examples == pytest.approx(told)


@pytest.mark.parametrize("examples", [1, 60, 300, 6001, 20_000, 10**6])
def test_it_is_what_the_settings_suggest(analysis, examples):
    profile = Profile.of(analysis(total_examples=examples))
    suggested = suggest(profile, find_model("qwen3-1.7b"), find_gpu("t4")).values["eval_fraction"]
    assert held_out_share(examples) == suggested
