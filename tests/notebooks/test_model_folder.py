"""A model's folder in the place of the hub's, and the token that a gated model of the hub needs."""

import json

import pytest

from tests.notebooks.trivial import write_trivial
from webapp.catalog import find_model, models
from webapp.errors import Problem
from webapp.jobs.executors import Execution
from webapp.notebooks import running
from webapp.notebooks.model_folder import require_model_folder
from webapp.notebooks.running import Watch, run_notebook

MODEL = find_model("smollm2-360m")
CONFIG = {"model_type": MODEL.shape.model_type, "hidden_size": MODEL.shape.hidden}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(CONFIG))
    (made / "model.safetensors").write_bytes(b"")
    (made / "tokenizer.json").write_text("{}")
    return made


@pytest.fixture
def seen(monkeypatch):
    """What the kernel of a run would get."""
    got = {}

    def play(_notebook, *, parameters, environment, **_):
        got.update(parameters=parameters, environment=environment)
        return Execution("completed", 1.0, 2, 2)

    monkeypatch.setattr(running, "execute", play)
    return got


def run(tmp_path, **options):
    notebook = write_trivial(tmp_path / "n.ipynb")
    return run_notebook(notebook, tmp_path / "work", Watch(60, lambda _: None), **options)


def test_a_folder_takes_the_place_of_the_model_on_the_hub(folder, tmp_path, seen):
    assert run(tmp_path, model=folder).status == "completed"
    assert seen["parameters"] == {"base_model": str(folder)}


def test_without_one_the_notebook_s_own_model_is_loaded(tmp_path, seen):
    run(tmp_path)
    assert seen["parameters"] == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (lambda folder: (folder / "config.json").write_text("[]"), "no config.json"),
        (
            lambda folder: (folder / "config.json").write_text('{"model_type": "qwen3"}'),
            "of the class qwen3, not llama",
        ),
        (lambda folder: (folder / "config.json").write_text(json.dumps(CONFIG | {"hidden_size": 64})), "64 numbers"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer"),
    ],
)
def test_a_folder_that_cannot_says_what_it_lacks(folder, change, words):
    change(folder)
    with pytest.raises(Problem, match=words) as caught:
        require_model_folder(folder, MODEL)
    assert (caught.value.code, caught.value.exit_code) == ("model_folder_unsuitable", 2)


def test_the_hub_s_token_goes_to_runs_of_gated_models_only(folder, tmp_path, seen, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "t")
    run(tmp_path)
    assert "HF_TOKEN" not in seen["environment"]
    gated = next(model for model in models() if model.gated)
    monkeypatch.setattr("webapp.notebooks.reading.find_model", lambda _: gated)
    run(tmp_path)
    assert seen["environment"]["HF_TOKEN"] == "t"
    (folder / "config.json").write_text(
        json.dumps({"model_type": gated.shape.model_type, "hidden_size": gated.shape.hidden})
    )
    run(tmp_path, model=folder)
    assert "HF_TOKEN" not in seen["environment"]
