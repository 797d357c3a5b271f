"""The catalogue: which models there are, and how they are found."""

import subprocess
import sys

import msgspec
import pytest

from webapp.catalog import find_model, models
from webapp.errors import Problem


def test_no_two_entries_are_the_same_model() -> None:
    assert len({model.hub_id.lower() for model in models()}) == len({model.id for model in models()}) == 41


def test_what_may_be_gated_names_an_ungated_one() -> None:
    gated = {model.id: str(model.ungated_alternative) for model in models() if model.gated}
    assert set(gated) == {
        "llama-3.1-8b", "llama-3.2-1b", "llama-3.2-3b", "gemma-3-270m", "gemma-3-1b", "gemma-3-4b",
        "gemma-4-e2b", "gemma-4-e4b", "mistral-7b-v0.3",  # not verified, so taken as gated
    }  # fmt: skip
    assert not any(find_model(alternative).gated for alternative in gated.values())


def test_an_alternative_needs_no_more_room() -> None:
    for model in models():
        if model.ungated_alternative:
            other = find_model(model.ungated_alternative)
            assert other.parameters < 1.5 * model.parameters, model.id


def test_facts_that_other_parts_build_on() -> None:
    stateful = {"Lfm2ForCausalLM", "Qwen3_5ForCausalLM"}
    assert all(model.hybrid == (model.shape.class_name in stateful) for model in models())
    needs_bf16 = ("gemma", "qwen3.5")
    assert all(model.t4 != model.id.startswith(needs_bf16) for model in models())
    without_system = {"gemma", "mistral-v3"}
    assert all(model.system_role != (model.template_family in without_system) for model in models())
    assert [model.id for model in models() if not model.commercial_use] == ["qwen2.5-3b"]
    assert [model.id for model in models() if not model.verified] == ["qwen3.5-0.8b", "granite-4.1-8b"]
    # The main Ministral repositories hold FP8 weights, which cannot be fine-tuned.
    assert all(model.hub_id.endswith("-BF16") for model in models() if model.id.startswith("ministral"))


def test_a_label_is_what_the_publisher_calls_the_size() -> None:
    labelled = [model for model in models() if model.label]
    assert all(model.label.lower() in model.hub_id.lower() for model in labelled)
    assert [model.id for model in models() if not model.label] == [
        "phi-4-mini", "gemma-4-e2b", "gemma-4-e4b", "phi-3.5-mini", "granite-4.0-micro",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "parameters", "agrees"),
    [
        ("3B", 2_500_000_000, True),
        ("3B", 3_500_000_000, True),
        ("3B", 3_510_000_000, False),
        ("1.7B", 1_651_000_000, True),
        ("1.7B", 1_751_000_000, False),
        ("360M", 361_821_120, True),
        ("360M", 368_000_000, False),
        (None, 3_000_000_000, False),
    ],
)
def test_a_label_stands_for_what_is_rounded_to_it(label: str | None, parameters: int, agrees: bool) -> None:
    model = msgspec.structs.replace(find_model("smollm2-360m"), label=label, parameters=parameters, checked="no")
    assert model.agrees_with_label is agrees


def test_nothing_is_checked_by_a_label_that_says_another_number() -> None:
    with pytest.raises(ValueError, match="do not agree"):
        msgspec.structs.replace(find_model("granite-4.0-1b"), checked="label")
    elsewhere = {model.id for model in models() if model.label and not model.agrees_with_label}
    assert elsewhere == {"qwen2.5-7b", "granite-4.0-1b", "falcon3-1b"}
    assert all(find_model(name).checked == "published shape" for name in elsewhere)


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
