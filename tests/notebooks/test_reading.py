import json
from dataclasses import replace

import msgspec
import nbformat
import pytest

from webapp.errors import Problem
from webapp.notebooks import render
from webapp.notebooks.reading import read_notebook
from webapp.training.families import families


def test_a_rendered_notebook_tells_its_model_parameters_and_rows(write_notebook, sample):
    contents = read_notebook(write_notebook(lora_rank=4))
    assert contents.model.id == "smollm2-360m"
    assert contents.parameters["lora_rank"] == 4
    assert contents.data_file is None
    assert len(contents.conversations()) == sample[0].total_examples


def test_a_damaged_payload_is_refused(write_notebook):
    path = write_notebook()
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if "data" in cell["metadata"].get("tags", []):
            cell["source"] = cell["source"].replace("dataset_sha256 = '", "dataset_sha256 = '0")
    path.write_text(json.dumps(notebook))
    with pytest.raises(Problem, match="SHA-256") as raised:
        read_notebook(path).conversations()
    assert raised.value.code == "rows_damaged"


@pytest.mark.parametrize("content", ["", "{}", "not json", nbformat.writes(nbformat.v4.new_notebook())])
def test_other_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "other.ipynb"
    path.write_text(content)
    with pytest.raises(Problem, match=r"other\.ipynb is not a notebook made by Tunebook") as raised:
        read_notebook(path)
    assert raised.value.code == "not_a_tunebook"


def test_a_model_that_no_catalogue_has_is_read_from_the_notebook_itself(tmp_path, make_spec):
    shape = make_spec().model
    model = msgspec.structs.replace(shape, id="hf:org/name", hub_id="org/name", template_family=None)
    own = replace(families()["gemma"], name="org/name")
    path = tmp_path / "own.ipynb"
    path.write_bytes(render(replace(make_spec(), model=model, own_format=own)))
    contents = read_notebook(path)
    assert msgspec.to_builtins(contents.model) == msgspec.to_builtins(model)
    assert contents.family == own
    assert read_notebook(path).model.shape.config_values() == model.shape.config_values()


def test_a_description_that_was_damaged_is_no_model(tmp_path, make_spec):
    notebook = json.loads(render(replace(make_spec(), own_format=families()["chatml"])))
    notebook["metadata"]["tunebook"]["model"]["parameters"] = "many"
    path = tmp_path / "own.ipynb"
    path.write_text(json.dumps(notebook))
    with pytest.raises(Problem, match="parameters") as raised:
        read_notebook(path)
    assert raised.value.code == "not_a_tunebook"
