"""Models that the catalogue does not have, on the command line: a folder, or `hf:org/name`."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.hub.conftest import QWEN3_14B, Hub
from webapp.cli import main
from webapp.datasets import sample_path
from webapp.notebooks.reading import read_notebook
from webapp.training.families import families

SMALL = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 512}
LLAMA = families()["llama3"]
TOKENIZER = {
    "bos_token": LLAMA.bos,
    "eos_token": LLAMA.eos,
    "chat_template": LLAMA.chat_template,
    "added_tokens_decoder": {str(number): {"content": token} for number, token in enumerate(LLAMA.specials)},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model of a class, a size and a template that do not belong together in the catalogue."""
    made = tmp_path / "my-model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(QWEN3_14B | SMALL | {"head_dim": 64, "num_key_value_heads": 2}))
    (made / "tokenizer_config.json").write_text(json.dumps(TOKENIZER))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    return made


@pytest.fixture
def hub(folder, monkeypatch):
    made = Hub()
    monkeypatch.setenv("HF_ENDPOINT", made.url)
    yield made
    made.close()


def tunebook(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def test_a_folder_is_estimated(folder):
    done = tunebook("estimate", "--model", "./my-model", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["model_id"] == "my-model"


def test_a_model_of_the_hub_is_estimated(hub):
    hub.publish()
    done = tunebook("estimate", "--model", "hf:Qwen/Qwen3-14B", "--method", "qlora", "--gpu", "a100-40", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["fits"] is True


def test_a_notebook_of_a_folder_loads_that_folder_and_knows_its_shape(folder):
    done = tunebook("notebook", sample_path(), "--model", "./my-model", "-o", "out.ipynb")
    assert done.exit_code == 0, done.stderr
    contents = read_notebook(Path("out.ipynb"))
    assert contents.parameters["base_model"] == str(folder)
    assert (contents.model.shape.layers, contents.family.chat_template) == (4, LLAMA.chat_template)
    assert f"the folder {folder.parent}" in Path("out.ipynb").read_text().replace("\\\\", "")


def test_a_base_model_is_said_to_be_taught_a_format(folder):
    (folder / "tokenizer_config.json").write_text('{"eos_token": "</s>"}')
    done = tunebook("notebook", sample_path(), "--model", "./my-model", "-o", "out.ipynb")
    assert "my-model has no chat template: the notebook teaches it chatml" in done.stderr


def test_a_template_that_fails_leaves_no_file(folder):
    (folder / "tokenizer_config.json").write_text(
        json.dumps(TOKENIZER | {"chat_template": "{{ messages[0].content }}"})
    )
    done = tunebook("notebook", sample_path(), "--model", "./my-model", "-o", "out.ipynb")
    assert done.exit_code == 2
    assert "does not suit these rows" in done.stderr
    assert not Path("out.ipynb").exists()


def test_an_analysis_is_told_the_context_but_not_a_family(folder):
    done = tunebook("analyze", sample_path(), "--model", "./my-model", "--json")
    assert json.loads(done.stdout)["model"] == {"id": "my-model", "context_length": 40960}
    assert "as its template" not in tunebook("analyze", sample_path(), "--model", "./my-model").stdout


def test_a_folder_has_nothing_to_fetch(folder):
    done = tunebook("analyze", sample_path(), "--model", "./my-model", "--fetch-tokenizer")
    assert (done.exit_code, "from the hub" in done.stderr) == (2, True)


@pytest.mark.parametrize("name", ["./nothing", "/dev", "~/nothing-of-the-kind"])
def test_what_is_no_models_folder_is_refused(folder, name):
    done = tunebook("estimate", "--model", name)
    assert (done.exit_code, "config.json" in done.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_notebook_of_any_model_runs_on_a_miniature_of_its_class(folder, method):
    done = tunebook(
        "notebook", sample_path(), "--model", "./my-model", "--set", f"method={method}", "-o", "out.ipynb", "--dry-run"
    )
    assert done.exit_code == 0, done.stderr
    assert re.search(r" (\d+) of \1 cells", done.stdout)
    config = json.loads(next(Path("out.dryrun").rglob("miniature/config.json")).read_text())
    assert config["architectures"] == ["Qwen3ForCausalLM"]
