"""The recommendation: honest constraints, a sorted list, gated models last, reasons with numbers."""

import re
from typing import Any

import msgspec
import pytest

from webapp.catalog import find_model, models, recommend
from webapp.errors import Problem


def test_the_same_input_gives_the_same_answer(analysis: Any) -> None:
    first, second = (recommend(analysis(), "qa", "server").to_dict() for _ in range(2))
    assert first == second


def test_the_reasons_carry_the_numbers(analysis: Any) -> None:
    data = analysis(total_examples=240, p99=706, non_ascii_share=0.031, tool_call_share=0.25)
    best = recommend(data, "extraction", "browser").recommendations[0]
    said = " ".join(best.reasons)
    assert re.search(r"Extraction is the \w+ of its \d strengths", said)
    assert f"LoRA needs about {best.memory.mid:.1f} GiB" in said
    assert "14.75 GiB of the T4" in said
    assert "about 876 tokens" in said
    assert f"{best.model.context_length:,}" in said
    assert "240 examples" in said
    assert "2 GiB that a browser has" in said
    assert re.search(r"A run takes (a minute or two|about \d+ to \d+ minutes) and 0\.\d+ to 0\.\d+ USD at Colab", said)
    assert "3.1% of your characters" in said
    assert "25% of your conversations call tools" in said
    assert best.model.license in said
    assert all(reason.endswith(".") for reason in best.reasons)


def test_cut_rows_are_said_to_be_cut(analysis: Any) -> None:
    best = recommend(analysis(p99=3000), "conversation", "cloud").recommendations[0]
    assert any("training cuts at 2,048" in reason for reason in best.reasons)


def test_a_gated_model_says_so_first_and_names_the_alternative(analysis: Any) -> None:
    found = recommend(analysis(), "conversation", "cloud").recommendations
    llama = next(item for item in found if item.model.id == "llama-3.2-3b")
    assert llama.reasons[0].startswith("Gated")
    assert "smollm3-3b" in llama.reasons[0]


def test_gated_models_are_left_out_on_request(analysis: Any) -> None:
    found = recommend(analysis(), "conversation", "cloud", gated="exclude")
    assert not any(item.model.gated for item in found.recommendations)
    assert {item.model_id for item in found.excluded if item.code == "gated"} == {
        model.id for model in models() if model.gated
    }


def test_nothing_fits_is_a_problem_with_every_reason(analysis: Any) -> None:
    with pytest.raises(Problem) as caught:
        recommend(analysis(p99=400_000), "conversation", "cloud")
    assert (caught.value.code, caught.value.status) == ("no_model_fits", 400)
    assert {item["code"] for item in caught.value.details["excluded"]} == {"context_too_short"}
    assert "460,064 tokens" in caught.value.message


def test_the_method_asked_for_is_kept(analysis: Any) -> None:
    full = recommend(analysis(), "classification", "mobile", "t4", method="full")
    assert {item.memory.method for item in full.recommendations} == {"full"}
    assert {"smollm2-360m", "qwen3-0.6b"} <= {item.model.id for item in full.recommendations}
    assert all(item.model.parameters < 1e9 for item in full.recommendations)
    qlora = recommend(analysis(), "classification", "mobile", "t4", method="QLoRA")
    assert {item.memory.method for item in qlora.recommendations} == {"qlora"}


def test_full_fine_tuning_is_never_chosen_for_you(analysis: Any) -> None:
    found = recommend(analysis(), "classification", "mobile", "h100")
    assert {item.memory.method for item in found.recommendations} == {"lora"}


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"task": "poetry"}, "unknown_task", "task_type"),
        ({"target": "moon"}, "unknown_target", "deployment_target"),
        ({"gpu": "tpu"}, "unknown_gpu", "gpu"),
        ({"method": "dora"}, "unknown_method", "method"),
        ({"gpu": "cpu", "method": "qlora"}, "method_unavailable", "method"),
    ],
)
def test_unknown_names_are_problems_that_name_the_field(
    analysis: Any, given: dict[str, str], code: str, param: str
) -> None:
    with pytest.raises(Problem) as caught:
        recommend(analysis(), **{"task": "qa", "target": "cloud"} | given)
    assert (caught.value.code, caught.value.status, caught.value.param) == (code, 400, param)


@pytest.mark.parametrize(("alias", "task"), [("qa", "question_answering"), ("classify", "classification")])
def test_aliases_are_resolved(analysis: Any, alias: str, task: str) -> None:
    found = recommend(analysis(), alias, "edge")
    assert found.task == task
    assert found.to_dict()["recommendations"] == recommend(analysis(), task, "edge").to_dict()["recommendations"]


def test_the_body_of_the_answer(analysis: Any) -> None:
    body = recommend(analysis(), "instruction_following", "cloud").to_dict()
    assert msgspec.json.encode(body)
    item = body["recommendations"][0]
    assert {"model_id", "model_name", "size", "score", "reasons", "is_gated"} <= set(item)
    assert {"hub_id", "license", "context_length", "method", "memory", "terms"} <= set(item)
    model = find_model(item["model_id"])
    assert (item["model_name"], item["size"], item["is_gated"]) == (model.name, model.size, model.gated)
    assert all(set(entry) == {"model_id", "code", "reason"} for entry in body["excluded"])
