"""A notebook that Tunebook could have made, of cells that take no time: for what is done around a notebook."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from webapp.notebooks.results import RESULTS

REPORT = (
    f"import json; from pathlib import Path\nPath('{RESULTS}/model').mkdir(parents=True, exist_ok=True)\n"
    f"Path('{RESULTS}/report.json').write_text(json.dumps({{'steps': 7}}))\n"
    f"Path('{RESULTS}/model/adapter').write_bytes(bytes(1000)); print('step 7/7  loss 1.0')"
)


def write_trivial(path: Path, *sources: str, rows: str | None = None, gpu: str = "t4", **parameters: object) -> Path:
    """Its cells after `parameters` and `data`; `rows` is the name of a file of rows."""
    values = {"base_model": "x", "method": "lora", "keep_on_drive": False, "max_seq_length": 512} | parameters
    data = {"dataset_sha256": "0"} | ({"dataset_file": rows, "dataset_url": None} if rows else {})
    cells = [
        new_code_cell("\n".join(f"{name} = {value!r}" for name, value in values.items()), metadata={"tags": [tag]})
        for tag, values in (("parameters", values), ("data", data))
    ]
    notebook = new_notebook(cells=[*cells, *map(new_code_cell, sources)])
    notebook.metadata = {
        "tunebook": {"model_id": "smollm2-360m", "gpu": gpu},
        "colab": {"gpuType": "L4"},
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    }
    nbformat.write(notebook, path)
    return path
