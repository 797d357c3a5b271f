"""Memory, time and money in one object."""

import json
from typing import Any

import pytest

from webapp.catalog import Estimate, RunPlan, estimate, estimate_memory, find_gpu, find_model
from webapp.catalog.duration import SPREAD
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
        ("qwen3-4b", "t4", {"length": 2048, "batch": 6}, "tight"),
        ("qwen3-8b", "t4", {}, "no"),
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
