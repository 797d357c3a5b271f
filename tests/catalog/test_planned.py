"""What a planned run takes, and every model on every machine."""

import msgspec
import pytest

from webapp.catalog import Profile, find_gpu, find_model, fittings, planned_run, recommend, suggest
from webapp.datasets.token_report import TokenRange


@pytest.fixture
def data(analysis):
    found = analysis(300, 400)
    lengths = [TokenRange(100, 101, 150), TokenRange(300, 301, 150)]
    return msgspec.structs.replace(found, tokens=msgspec.structs.replace(found.tokens, histogram=lengths))


def planned(data, given=None, gpu="t4"):
    model, machine = find_model("qwen3-1.7b"), find_gpu(gpu)
    return planned_run(model, machine, suggest(Profile.of(data), model, machine, given=given), data)


def test_a_fitting_is_the_suggested_plan_of_that_machine(data):
    model, machine = find_model("qwen3-1.7b"), find_gpu("t4")
    (found,) = fittings(model, [machine], data, Profile.of(data), "balanced")
    settings = suggest(Profile.of(data), model, machine)
    assert found == ("fits", settings.memory.mid, planned(data))


def test_what_cannot_be_has_no_time(data):
    profile = Profile.of(data)
    (bf16,) = fittings(find_model("gemma-3-4b"), [find_gpu("t4")], data, profile, "balanced")
    assert bf16 == ("needs_bf16", None, None)
    small = msgspec.structs.replace(find_gpu("t4"), memory_gib=2.0)
    (no,) = fittings(find_model("qwen3-1.7b"), [small], data, profile, "balanced")
    assert (no.fit, no.run) == ("no", None)
    assert no.gib > 2.0


def test_a_run_that_ends_early_takes_less(data):
    whole, short = planned(data), planned(data, {"max_steps": 5})
    assert short.tokens < whole.tokens
    assert short.minutes.mid < whole.minutes.mid
    assert planned(data, {"max_steps": 1_000_000}) == whole


def test_settings_change_the_time_as_they_change_the_run(data):
    usual = planned(data).minutes.mid
    assert (
        planned(data, {"gradient_checkpointing": False, "batch_size": 1}).minutes.mid
        < planned(data, {"batch_size": 1}).minutes.mid
    )
    assert planned(data, {"metric_answers": 500}).minutes.mid > usual
    assert planned(data, {"num_epochs": 6}).minutes.mid > usual


def test_the_steps_are_those_of_the_settings(data):
    model, machine = find_model("qwen3-1.7b"), find_gpu("t4")
    assert suggest(Profile.of(data), model, machine, given={"max_steps": 7}).steps == 7
    given = {"num_epochs": 2, "batch_size": 2, "gradient_accumulation": 5, "eval_fraction": 0.1}
    assert suggest(Profile.of(data), model, machine, given=given).steps == 54


def test_languages_that_are_not_named_are_no_reason_against_a_model(analysis):
    data = analysis()
    data.languages.shares.clear()
    data.languages.shares.update({"xx": 0.6, "en": 0.4})
    out = {
        item.model_id
        for item in recommend(data, "conversation", "desktop").excluded
        if item.code == "language_not_covered"
    }
    found = recommend(data, "conversation", "desktop", languages=["en"])
    assert out
    assert out & {item.model.id for item in found.recommendations}
