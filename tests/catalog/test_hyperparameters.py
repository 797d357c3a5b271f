"""The suggested settings: each from the data, the model and the card, with its reason; what cannot work is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from webapp.catalog import PRESETS, Profile, Settings, find_gpu, find_model, gpus, models, suggest
from webapp.catalog.epochs import epochs
from webapp.catalog.methods import methods_on
from webapp.errors import Problem


def settings(data: Any, model: str = "qwen3-1.7b", gpu: str = "t4", preset: str = "balanced", **given: Any) -> Settings:
    return suggest(Profile.of(data), find_model(model), find_gpu(gpu), preset, given)


@contextmanager
def suppress_code(*codes: str) -> Iterator[None]:
    """Lets a Problem of these codes pass, and no other."""
    try:
        yield
    except Problem as problem:
        if problem.code not in codes:
            raise


@pytest.mark.parametrize(
    ("examples", "count"), [(1, 25), (4, 25), (10, 10), (33, 3), (34, 3), (8333, 3), (8334, 2), (20_000, 1), (10**7, 1)]
)
def test_epochs_follow_openais_rule(examples: int, count: int) -> None:
    assert epochs(examples) == count


def test_the_length_holds_the_99th_percentile(analysis: Any) -> None:
    found = settings(analysis(p99=1000))
    assert found.values["max_seq_length"] == 1280
    assert "1,214 tokens" in found.items["max_seq_length"].reason


def test_the_batch_is_the_largest_whose_band_stays_on_the_card(analysis: Any) -> None:
    for model, gpu in (("qwen3-4b", "t4"), ("qwen3-8b", "l4"), ("qwen3-0.6b", "h100")):
        found = settings(analysis(p99=1000), model, gpu)
        assert found.memory.high <= find_gpu(gpu).memory_gib
        larger = settings(analysis(p99=1000), model, gpu, batch_size=found.values["batch_size"] * 2)
        whole = found.values["batch_size"] * found.values["gradient_accumulation"]
        too_much = not larger.memory.fits or larger.memory.high > find_gpu(gpu).memory_gib
        assert too_much or found.values["batch_size"] == whole


@pytest.mark.parametrize(("examples", "rows"), [(60, 8), (4000, 8), (9000, 16), (10**6, 32)])
def test_a_step_has_a_share_of_the_rows_between_8_and_32(analysis: Any, examples: int, rows: int) -> None:
    values = settings(analysis(total_examples=examples), "qwen3-0.6b").values
    assert values["batch_size"] * values["gradient_accumulation"] == rows


def test_accumulation_makes_up_for_a_batch_that_was_given(analysis: Any) -> None:
    assert settings(analysis(), batch_size=2).values["gradient_accumulation"] == 4


def test_adapters_take_ten_times_the_rate_of_full_fine_tuning_and_short_runs_fifteen(analysis: Any) -> None:
    model = "qwen3-0.6b"
    assert settings(analysis(total_examples=5000), model).values["learning_rate"] == pytest.approx(2e-4)
    assert settings(analysis(total_examples=60), model).values["learning_rate"] == pytest.approx(3e-4)
    full = settings(analysis(), model, "l4", method="full").values
    assert full["learning_rate"] == pytest.approx(2e-5)
    assert "lora_rank" not in full


def test_lora_where_it_fits_else_qlora_with_both_numbers(analysis: Any) -> None:
    assert settings(analysis(), "qwen3-1.7b").values["method"] == "lora"
    tight = settings(analysis(), "qwen3-8b")
    assert tight.values["method"] == "qlora"
    assert "LoRA would take" in tight.items["method"].reason


def test_few_rows_hold_out_more_of_them_and_many_rows_no_more_than_500(analysis: Any) -> None:
    assert settings(analysis(total_examples=60)).values["eval_fraction"] == 0.2
    assert settings(analysis(total_examples=1000)).values["eval_fraction"] == 0.1
    assert settings(analysis(total_examples=20_000)).values["eval_fraction"] == 0.025
    assert settings(analysis(total_examples=10**6)).values["eval_fraction"] == 0.01


def test_a_run_is_evaluated_at_least_five_times(analysis: Any) -> None:
    for examples in (60, 240, 3000, 50_000):
        values = settings(analysis(total_examples=examples)).values
        rows = values["batch_size"] * values["gradient_accumulation"]
        steps = -(-examples // rows) * values["num_epochs"]
        assert steps // values["eval_steps"] >= 5


@pytest.mark.parametrize(("p99", "most"), [(40, 64), (400, 256), (9000, 512)])
def test_answers_are_written_to_twice_the_usual_length(analysis: Any, p99: int, most: int) -> None:
    """A quarter of p99 are learned tokens in these datasets."""
    assert settings(analysis(p99=p99)).values["max_new_tokens"] == most


def test_the_reason_of_a_cut_is_what_cuts(analysis: Any) -> None:
    def reason(model: str, gpu: str) -> str:
        return settings(analysis(p99=10_000), model, gpu).items["max_seq_length"].reason

    assert reason("tinyllama-1.1b", "h100").endswith("cut at 2,048, since its context ends there.")
    assert reason("qwen3-4b", "t4").endswith("cut at 2,048, since the T4 has no bf16.")
    assert reason("qwen3-4b", "h100").endswith("cut at 8,192, since more is seldom worth its time.")


def test_a_batch_follows_an_accumulation_that_was_given(analysis: Any) -> None:
    assert settings(analysis(), gradient_accumulation=4).values["batch_size"] == 2
    odd = settings(analysis(), batch_size=6)
    assert odd.items["gradient_accumulation"].reason.endswith("1 batch of 6 makes 6.")


def test_evaluations_follow_what_changes_the_number_of_steps(analysis: Any) -> None:
    data = analysis(total_examples=5000, turns_avg=4.0)
    assert settings(data, max_steps=60).values["eval_steps"] == 10
    step = {"batch_size": 8, "gradient_accumulation": 1}
    apart = settings(data, **step).values["eval_steps"]
    assert apart == pytest.approx(4 * settings(data, train_turns="together", **step).values["eval_steps"], rel=0.05)
    assert settings(data, packing=True).values["eval_steps"] == 0


def test_a_model_that_overflows_in_fp16_is_refused_on_an_fp16_card(analysis: Any) -> None:
    with pytest.raises(Problem, match="overflow") as caught:
        settings(analysis(), "gemma-3-270m", "t4")
    assert (caught.value.code, caught.value.param) == ("needs_bf16", "gpu")


def test_the_rank_gives_way_to_the_card_too(analysis: Any) -> None:
    for gpu in gpus():
        for model in models():
            with suppress_code("settings_do_not_fit", "needs_bf16"):
                best = settings(analysis(p99=1500), model.id, gpu.id, "best")
                usual = settings(analysis(p99=1500), model.id, gpu.id)
                assert best.memory.fits >= usual.memory.fits, (model.id, gpu.id)


def test_presets_spend_time(analysis: Any) -> None:
    fast, usual, best = (settings(analysis(total_examples=500, p99=1000), preset=name).values for name in PRESETS)
    for name in ("num_epochs", "lora_rank", "max_seq_length", "early_stopping_patience"):
        assert fast[name] < usual[name] < best[name], name


def test_a_preset_gives_way_to_the_card(analysis: Any) -> None:
    """The longest conversation would not fit, 99 % of them do."""
    found = settings(analysis(p99=2000), "qwen2.5-7b", "l4", "best", method="lora")
    assert found.memory.fits
    assert found.items["max_seq_length"].reason.endswith("All of your conversations would not fit.")
    wide = settings(analysis(p99=2000), "qwen2.5-7b", "h100", "best", method="lora")
    assert found.values["max_seq_length"] < wide.values["max_seq_length"]


def test_what_is_given_stands_and_says_what_was_suggested(analysis: Any) -> None:
    found = settings(analysis(), lora_rank=4, seed=7)
    assert (found.values["lora_rank"], found.values["seed"]) == (4, 7)
    assert found.items["lora_rank"].given
    assert found.items["lora_rank"].reason == "You set it; suggested is 16."
    assert not found.items["num_epochs"].given


def test_every_suggestion_has_a_reason(analysis: Any) -> None:
    for setting in settings(analysis()).items.values():
        assert setting.reason.endswith(".")
        assert len(setting.reason) > 20


def test_every_model_has_settings_on_every_card_that_its_smallest_batch_fits(analysis: Any) -> None:
    for model in models():
        for gpu in gpus():
            for preset in PRESETS:
                with suppress_code("settings_do_not_fit", "needs_bf16"):
                    found = suggest(Profile.of(analysis(p99=1500)), model, gpu, preset)
                    assert found.values["method"] in methods_on(gpu)
                    assert found.memory.low <= gpu.memory_gib


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"max_seq_length": 50_000}, "max_seq_length_too_long", "training_config.max_seq_length"),
        ({"batch_size": 512, "max_seq_length": 8192}, "settings_do_not_fit", "training_config.batch_size"),
        ({"max_seq_length": 32_768, "gradient_checkpointing": False}, "settings_do_not_fit", None),
        ({"method": "full"}, "settings_do_not_fit", "training_config.method"),
    ],
)
def test_an_override_that_cannot_work_is_refused(
    analysis: Any, given: dict[str, Any], code: str, param: str | None
) -> None:
    with pytest.raises(Problem) as caught:
        settings(analysis(), "qwen3-1.7b", "t4", **given)
    assert caught.value.code == code
    assert param in (None, caught.value.param)


def test_the_refusal_has_the_numbers_and_a_way_out(analysis: Any) -> None:
    with pytest.raises(Problem) as caught:
        settings(analysis(), "qwen3-8b", "t4", method="lora")
    message = caught.value.message
    assert "14.75 GiB" in message
    assert "QLoRA fits with a batch_size of 1." in message
    assert caught.value.details["memory"]["low"] > 14.75


def test_a_method_that_the_machine_cannot_run_is_refused(analysis: Any) -> None:
    with pytest.raises(Problem) as caught:
        settings(analysis(), "qwen3-0.6b", "cpu", method="qlora")
    assert caught.value.code == "method_unavailable"


def test_an_unknown_preset_names_the_choices(analysis: Any) -> None:
    with pytest.raises(Problem, match="balanced") as caught:
        settings(analysis(), preset="balancd")
    assert (caught.value.code, caught.value.param) == ("unknown_preset", "preset")
