"""The catalogue: which models there are, and how they are found."""

import subprocess
import sys

import pytest

from webapp.catalog import find_model, models
from webapp.errors import Problem

SHORTLIST = {
    "gemma-3-270m",
    "granite-4.1-3b",
    "lfm2.5-1.2b",
    "llama-3.2-1b",
    "llama-3.2-3b",
    "ministral-3-3b",
    "phi-4-mini",
    "qwen3-0.6b",
    "qwen3-1.7b",
    "qwen3-4b",
    "qwen3-8b",
    "smollm2-1.7b",
    "smollm2-360m",
    "smollm3-3b",
}


def test_the_catalogue_is_the_shortlist() -> None:
    assert {model.id for model in models()} == SHORTLIST
    assert len({model.hub_id.lower() for model in models()}) == len(SHORTLIST)


def test_the_gated_models_name_an_ungated_one() -> None:
    gated = {model.id: model.ungated_alternative for model in models() if model.gated}
    assert set(gated) == {"llama-3.2-1b", "llama-3.2-3b", "gemma-3-270m"}
    assert all(not find_model(str(alternative)).gated for alternative in gated.values())


def test_the_label_agrees_with_the_count() -> None:
    for model in models():
        billions = float(model.size.removesuffix("B"))
        assert abs(model.parameters / 1e9 - billions) / billions < 0.05, model.id


def test_facts_that_other_parts_build_on() -> None:
    assert [model.id for model in models() if model.hybrid] == ["lfm2.5-1.2b"]
    assert [model.id for model in models() if not model.system_role] == ["gemma-3-270m"]
    assert [model.id for model in models() if not model.t4] == ["gemma-3-270m"]
    assert {model.template_family for model in models()} == {
        "chatml", "qwen3", "llama3", "gemma", "mistral", "phi4", "granite", "smollm3", "lfm2",
    }  # fmt: skip
    # The main Ministral repository holds FP8 weights, which cannot be fine-tuned.
    assert find_model("ministral-3-3b").hub_id.endswith("-BF16")


@pytest.mark.parametrize("name", ["phi-4-mini", "PHI-4-Mini", " microsoft/phi-4-mini-instruct "])
def test_a_model_is_found_by_id_and_by_hub_id(name: str) -> None:
    assert find_model(name).id == "phi-4-mini"


def test_an_unknown_model_is_a_404_with_near_matches() -> None:
    with pytest.raises(Problem) as caught:
        find_model("qwen3-5b")
    problem = caught.value
    assert (problem.code, problem.status, problem.param) == ("model_not_found", 404, "model_id")
    assert "qwen3-4b" in problem.message


@pytest.mark.parametrize("name", ["", "'; DROP TABLE models; --", "\x00", "../../etc/passwd", "{{ 7 * 7 }}"])
def test_hostile_names_are_only_unknown(name: str) -> None:
    with pytest.raises(Problem, match="There is no model named"):
        find_model(name)


def test_the_catalogue_needs_no_model_library_server_or_database() -> None:
    code = "import sys, webapp.catalog as c; c.models(); c.gpus(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "transformers", "flask", "sqlalchemy", "pydantic"} & set(loaded)
