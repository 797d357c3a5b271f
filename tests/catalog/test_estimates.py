"""Memory, time and money in one object."""

import json
from typing import Any

import pytest

from webapp.catalog import Estimate, RunPlan, adapter_parameters, estimate, estimate_memory, find_gpu, find_model, gpus
from webapp.catalog.duration import SPREAD, batch_seconds, forward_seconds
from webapp.catalog.memory import dimensions
from webapp.catalog.workload import workload
from webapp.datasets import analyze, sample_path
from webapp.errors import Problem


def made(model: str = "qwen3-1.7b", gpu: str = "t4", method: Any = "lora", **more: Any) -> Estimate:
    return estimate(find_model(model), find_gpu(gpu), method, **({"length": 1024, "batch": 2} | more))


def test_its_memory_is_that_of_the_recommendation() -> None:
    memory = estimate_memory(
        find_model("qwen3-1.7b"), gpu=find_gpu("t4"), method="lora", batch_size=2, max_seq_length=1024, lora_rank=16
    )
    assert made().memory == memory


@pytest.mark.parametrize(
    ("model", "gpu", "more", "fit"),
    [
        ("qwen3-1.7b", "t4", {}, "fits"),
        ("qwen3-4b", "t4", {"length": 2048, "batch": 2}, "tight"),
        ("qwen3-8b", "t4", {}, "no"),
        ("qwen3-1.7b", "t4", {"length": 32_768, "batch": 1}, "no"),  # 16 heads of 32,768^2 scores
        ("gemma-3-270m", "t4", {}, "needs_bf16"),
        ("gemma-3-270m", "l4", {}, "fits"),
    ],
)
def test_it_fits_with_room_only_just_or_not(model: str, gpu: str, more: dict[str, int], fit: str) -> None:
    found = made(model, gpu, **more)
    assert (found.fit, found.to_dict()["fits"]) == (fit, fit == "fits")


def test_json_has_what_the_command_promises() -> None:
    data = made().to_dict()
    assert json.loads(json.dumps(data)) == data
    assert set(data["memory_gib"]) == {"low", "mid", "high", "card", "parts"}
    assert sum(data["memory_gib"]["parts"].values()) == pytest.approx(data["memory_gib"]["mid"], abs=0.01)
    assert set(data["minutes_per_million_tokens"]) == {"low", "mid", "high"}
    assert data["fits"] is True
    assert data["run"] is None


def test_a_million_tokens_cost_what_their_minutes_cost() -> None:
    found = made()
    colab = found.costs_per_million_tokens[0]
    assert colab.units.mid == pytest.approx(found.minutes_per_million_tokens.mid / 60 * 1.2)


def test_a_run_adds_evaluations_and_answers_to_its_tokens() -> None:
    analysis = analyze(sample_path())
    run = made(analysis=analysis, plan=RunPlan(epochs=3, answers=0)).run
    assert run is not None
    trained = made().minutes_per_million_tokens.mid * run.tokens / 1e6
    assert trained < run.minutes.mid < 3 * trained
    asked = made(analysis=analysis, plan=RunPlan(epochs=3, answers=32)).run
    assert asked is not None
    assert asked.minutes.mid > run.minutes.mid
    assert asked.minutes.high / asked.minutes.low == pytest.approx(SPREAD**2)
    assert asked.costs[0].provider == "Colab"


def test_each_evaluation_reads_the_held_out_rows_and_writes_a_checkpoint() -> None:
    analysis = analyze(sample_path())
    five, ten = (made(analysis=analysis, plan=RunPlan(evaluations=count)).run for count in (5, 10))
    assert five is not None
    assert ten is not None
    assert made(analysis=analysis).run == five
    assert ten.minutes.mid > 1.05 * five.minutes.mid


@pytest.mark.parametrize(("method", "gpu", "each"), [("lora", "t4", 12), ("full", "h200", 12), ("full", "h100", 6)])
def test_a_checkpoint_is_what_is_trained_with_its_two_moments(method: Any, gpu: str, each: int) -> None:
    """32-bit adapters and master weights have 12 bytes a parameter, 16-bit weights 6; at 200 MB a second."""
    plan, analysis, model = RunPlan(lora_rank=64, answers=0), analyze(sample_path()), find_model("qwen3-4b")
    run = made(model.id, gpu, method, rank=64, analysis=analysis, plan=plan).run
    assert run is not None
    trained = adapter_parameters(model, 64) if method == "lora" else model.parameters
    written = trained * (5 * each + 6 * each / 3)  # and the weights alone before the first step and of the best
    of, load = dimensions(model), workload(analysis, plan)
    shape = {"rows": load.rows, "length": load.length}
    training = 3 * load.train_batches * batch_seconds(of, find_gpu(gpu), method, **shape)
    evaluations = 6 * load.eval_batches * forward_seconds(of, find_gpu(gpu), method, **shape)
    assert run.minutes.mid * 60 == pytest.approx(training + evaluations + written / 200e6, rel=1e-6)


def test_a_run_is_rounded_wherever_it_is_shown() -> None:
    found = made(analysis=analyze(sample_path()))
    assert found.run is not None
    shown = found.run.to_dict()
    assert shown == found.to_dict()["run"]
    assert all(value == float(f"{value:.4g}") for value in shown["minutes"].values())
    assert json.loads(json.dumps(shown)) == shown


def test_who_has_a_card_at_an_unknown_price_is_named() -> None:
    assert {gpu.id: made(gpu=gpu.id).unpriced for gpu in gpus() if made(gpu=gpu.id).unpriced} == {"h100": ("Colab",)}
    assert made(gpu="h100").to_dict()["unpriced"] == ["Colab"]


def test_twice_the_epochs_take_twice_the_tokens() -> None:
    analysis = analyze(sample_path())
    one, two = (made(analysis=analysis, plan=RunPlan(epochs=epochs)).run for epochs in (1, 2))
    assert one is not None
    assert two is not None
    assert two.tokens == pytest.approx(2 * one.tokens, abs=2)


def test_what_cannot_be_run_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        made(gpu="cpu", method="qlora")
    assert (caught.value.code, caught.value.param) == ("method_unavailable", "method")
    with pytest.raises(Problem) as caught:
        made("smollm2-360m", length=100_000)
    assert (caught.value.code, caught.value.param) == ("invalid_length", "length")
