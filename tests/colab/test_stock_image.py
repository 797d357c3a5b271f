"""The rendered notebook with the package versions of Colab's stock image: `make test-colab` makes the environment.

Its Python is this machine's, and its torch the CPU's; everything else is as requirements.txt says.
"""

import json
import os
import subprocess
import time
from pathlib import Path

import nbformat
import pytest

from webapp.catalog import find_model
from webapp.datasets import Examples, ExampleWriter, analyze, sample_path
from webapp.jobs.executors.parameters import inject
from webapp.notebooks import TrainingConfig, assemble, plan_run, render
from webapp.notebooks.miniatures import making_miniature
from webapp.notebooks.reading import read_notebook
from webapp.notebooks.results import RESULTS
from webapp.notebooks.running import ONE_THREAD, dry_run_parameters

PYTHON = os.environ.get("TUNEBOOK_STOCK_PYTHON")
pytestmark = pytest.mark.skipif(
    not PYTHON, reason="`make environments` has not installed the packages of the stock image"
)


@pytest.mark.parametrize(
    ("model_id", "method"), [("llama-3.2-1b", "lora"), ("qwen3-1.7b", "full"), ("lfm2.5-1.2b", "lora")]
)
def test_the_notebook_runs_on_the_stock_image(tmp_path, model_id, method):
    with ExampleWriter(tmp_path / "examples") as sink:
        analysis = analyze(sample_path(), sink=sink)
    model = find_model(model_id)
    plan = plan_run(analysis, model, TrainingConfig(method=method))
    spec = assemble(analysis, Examples(tmp_path / "examples"), model, "sample.jsonl", plan)
    path = tmp_path / "notebook.ipynb"
    path.write_bytes(render(spec))
    contents = read_notebook(path)
    environment = dict(os.environ) | ONE_THREAD
    folder = tmp_path / "miniature"
    with making_miniature(contents, None, folder, environment) as making:
        while not making.done():
            time.sleep(0.1)
    notebook = nbformat.read(path, as_version=4)
    inject(notebook, dry_run_parameters(contents.parameters, folder))
    nbformat.write(notebook, path)
    environment |= {"HF_HUB_OFFLINE": "1", "IPYTHONDIR": str(tmp_path / "ipython")}
    script = Path(__file__).with_name("execute.py")
    done = subprocess.run([PYTHON, script, path], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads((tmp_path / RESULTS / "report.json").read_text())
    assert report["loss"]["eval_after"] < 0.9 * report["loss"]["eval_before"]
    printed = json.dumps(nbformat.read(path, as_version=4))
    assert "transformers 5.15.0" in printed
    assert "peft 0.20.0" in printed
