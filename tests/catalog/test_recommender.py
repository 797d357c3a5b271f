"""The recommendation: honest constraints, a sorted list, gated models last, reasons with numbers."""

import itertools
from typing import Any

import msgspec
import pytest

from webapp.catalog import TARGETS, TASKS, Recommendation, find_model, gpus, models, recommend
from webapp.errors import Problem

PROFILES: dict[str, dict[str, Any]] = {
    "the sample": {"total_examples": 240, "p99": 400, "tool_call_share": 0.01, "non_ascii_share": 0.005},
    "sixty rows": {"total_examples": 60, "p99": 150},
    "many rows": {"total_examples": 20_000, "p99": 900},
    "long rows": {"total_examples": 2000, "p99": 9000},
    "Chinese": {"total_examples": 1500, "non_ascii_share": 0.7},
    "tools and JSON": {"total_examples": 3000, "tool_call_share": 0.6, "json_answer_share": 0.7},
    "books": {"total_examples": 500, "p99": 50_000},
}


@pytest.fixture(scope="module")
def grid(analysis: Any) -> list[Recommendation | Problem]:
    """Every profile x task x target x GPU."""
    answers: list[Recommendation | Problem] = []
    for profile, task, target, gpu in itertools.product(PROFILES.values(), TASKS, TARGETS, gpus()):
        try:
            answers.append(recommend(analysis(**profile), task, target, gpu.id))
        except Problem as problem:
            answers.append(problem)
    return answers


def answered(grid: list[Recommendation | Problem]) -> list[Recommendation]:
    return [answer for answer in grid if isinstance(answer, Recommendation)]


def test_every_input_has_a_sorted_answer_or_a_clear_problem(grid: list[Recommendation | Problem]) -> None:
    assert len(grid) == 2016
    for answer in grid:
        if isinstance(answer, Problem):
            assert answer.code == "no_model_fits"
            assert len(answer.details["excluded"]) == len(models())
            continue
        scores = [item.score for item in answer.recommendations]
        assert scores
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        named = [item.model.id for item in answer.recommendations] + [item.model_id for item in answer.excluded]
        assert sorted(named) == sorted(model.id for model in models())


def test_almost_every_input_can_be_answered(grid: list[Recommendation | Problem]) -> None:
    assert len(answered(grid)) / len(grid) > 0.97


def test_gated_models_come_last_and_never_first(grid: list[Recommendation | Problem]) -> None:
    for answer in answered(grid):
        gated = [item.model.gated for item in answer.recommendations]
        assert not gated[0]
        assert gated == sorted(gated)


def test_ties_for_the_first_place_are_rare(grid: list[Recommendation | Problem]) -> None:
    tops = [[item.score for item in answer.recommendations[:2]] for answer in answered(grid)]
    ties = sum(len(top) == 2 and top[0] == top[1] for top in tops)
    assert ties / len(tops) < 0.03


def test_nearly_every_ungated_model_is_the_best_for_someone(grid: list[Recommendation | Problem]) -> None:
    """SmolLM2 360M is the exception: it comes first only where 0.6B does not fit."""
    winners = {answer.recommendations[0].model.id for answer in answered(grid)}
    assert {model.id for model in models() if not model.gated} - winners <= {"smollm2-360m"}


def test_every_recommended_model_fits(grid: list[Recommendation | Problem]) -> None:
    for answer in answered(grid):
        for item in answer.recommendations:
            assert item.memory.fits
            assert item.memory.max_seq_length <= item.model.context_length


def test_the_same_input_gives_the_same_answer(analysis: Any) -> None:
    first, second = (recommend(analysis(), "qa", "server").to_dict() for _ in range(2))
    assert first == second


def test_the_reasons_carry_the_numbers(analysis: Any) -> None:
    data = analysis(total_examples=240, p99=706, non_ascii_share=0.031, tool_call_share=0.25)
    best = recommend(data, "extraction", "browser").recommendations[0]
    said = " ".join(best.reasons)
    assert "Extraction is the first of its" in said
    assert f"LoRA needs about {best.memory.mid:.1f} GiB" in said
    assert "14.75 GiB of the T4" in said
    assert "about 876 tokens" in said
    assert f"{best.model.context_length:,}" in said
    assert "240 examples" in said
    assert "2 GiB that a browser has" in said
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
    found = recommend(analysis(), "conversation", "cloud", include_gated=False)
    assert not any(item.model.gated for item in found.recommendations)
    assert {item.model_id for item in found.excluded if item.code == "gated"} == {
        model.id for model in models() if model.gated
    }


def test_where_only_a_gated_model_fits_it_is_named_but_not_recommended(
    monkeypatch: pytest.MonkeyPatch, analysis: Any
) -> None:
    few = (find_model("llama-3.2-1b"), find_model("smollm2-360m"))
    monkeypatch.setattr("webapp.catalog.recommender.models", lambda: few)
    with pytest.raises(Problem) as caught:
        recommend(analysis(p99=50_000), "conversation", "cloud", "cpu")
    assert caught.value.code == "no_model_fits"
    gated = [item for item in caught.value.details["excluded"] if item["code"] == "gated"]
    assert [item["model_id"] for item in gated] == ["llama-3.2-1b"]
    assert "It fits (LoRA in about" in gated[0]["reason"]


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
    assert max(item.model.parameters for item in full.recommendations) < 0.7e9
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


def test_languages_change_the_answer(analysis: Any) -> None:
    """English-only models lose to multilingual ones once the data is not English."""

    def place(share: float) -> int:
        found = recommend(analysis(non_ascii_share=share), "text_generation", "mobile").recommendations
        return [item.model.id for item in found].index("smollm2-1.7b")

    assert place(0.0) < place(0.05)


def test_the_body_of_the_answer(analysis: Any) -> None:
    body = recommend(analysis(), "instruction_following", "cloud").to_dict()
    assert msgspec.json.decode(msgspec.json.encode(body)) == body
    item = body["recommendations"][0]
    assert {"model_id", "model_name", "size", "score", "reasons", "is_gated"} <= set(item)
    assert {"hub_id", "license", "context_length", "method", "memory", "terms"} <= set(item)
    model = find_model(item["model_id"])
    assert (item["model_name"], item["size"], item["is_gated"]) == (model.name, model.size, model.gated)
    assert all(set(entry) == {"model_id", "code", "reason"} for entry in body["excluded"])
