import json

import nbformat
import pytest

from webapp.errors import Problem
from webapp.notebooks.reading import read_notebook


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
