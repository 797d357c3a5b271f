"""Real runs of real notebooks, on miniatures, in kernels of their own."""

import json
import os
import random
import re
import signal

import nbformat
import psutil
import pytest

from webapp.catalog import find_model, models
from webapp.datasets import Examples, ExampleWriter, analyze
from webapp.errors import Problem
from webapp.notebooks import assemble, render, running
from webapp.notebooks.progress import Progress
from webapp.notebooks.running import Watch, dry_run, run_notebook
from webapp.training.families import families

DISTINCT = {(model.shape.class_name, model.template_family): model for model in models()}.values()


def quietly(event):
    pass


def check(report, rows=300):
    assert report.error is None
    assert report.status == "completed"
    assert report.cells["executed"] == report.cells["total"] >= 12
    assert report.steps == running.DRY_RUN_STEPS
    assert report.rows["train"] + report.rows["eval"] >= rows
    before, after = report.loss["eval_before"], report.loss["eval_after"]
    assert after < 0.7 * report.miniature["untrained_loss"]
    assert after < 0.9 * before
    assert len(report.samples) == 5
    assert report.perplexity["after"] < report.perplexity["before"]
    low, high = report.interval["loss"]["change"]
    assert low <= after - before <= high < 0
    assert report.metrics["answers"] == 8
    assert [figure["name"] for figure in report.metrics["figures"]] == ["rouge_l"]
    assert any(sample["before"] != sample["after"] for sample in report.samples)


@pytest.mark.parametrize("model", DISTINCT, ids=lambda model: model.id)
def test_every_distinct_class_and_format_learns_in_its_dry_run(write_notebook, tmp_path, model):
    report = dry_run(write_notebook(model_id=model.id), tmp_path / "run", Watch(240, quietly))
    check(report)
    assert "tunebook-run/model/adapter_model.safetensors" in report.artifacts
    assert {f"tunebook-run/report.{kind}" for kind in ("json", "html")} <= set(report.artifacts)
    assert report.export["merged"]["done"], report.export
    assert "tunebook-run/merged/model.safetensors" in report.artifacts
    modelfile = (tmp_path / "run/tunebook-run/merged/Modelfile").read_text()
    assert f'PARAMETER stop "{families()[model.template_family].eos}"' in modelfile
    page = (tmp_path / "run/tunebook-run/report.html").read_text()
    assert "mean nothing for the real model" in page
    assert "<svg" in page


@pytest.mark.slow
@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
@pytest.mark.parametrize("method", ["lora", "full"])
def test_every_model_of_the_catalogue_learns_in_its_dry_run(write_notebook, tmp_path, model, method):
    check(dry_run(write_notebook(model_id=model.id, method=method), tmp_path / "run", Watch(240, quietly)))


def test_full_fine_tuning_saves_a_whole_model_and_tells_its_numbers(write_notebook, tmp_path):
    seen = []
    progress = Progress()

    def listen(event):
        progress.follow(event)
        seen.append(progress.share)

    report = dry_run(write_notebook(method="full"), tmp_path / "run", Watch(240, listen))
    check(report)
    assert "tunebook-run/model/model.safetensors" in report.artifacts
    card = (tmp_path / "run/tunebook-run/model/README.md").read_text()
    assert f"{report.loss['eval_after']:.4f} after {report.steps} steps" in card
    assert "tunebook-run/model/Modelfile" in report.artifacts
    receipt = json.loads((tmp_path / "run/tunebook-run/receipt.json").read_text())
    assert receipt["split"]["train"] + receipt["split"]["held_out"] == 300
    assert receipt["parameters"]["method"] == "full"
    assert seen == sorted(seen)
    assert seen[-1] > 0.9
    executed = nbformat.read(tmp_path / "run/executed.ipynb", as_version=4)
    injected = [cell for cell in executed.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    assert len(injected) == 1
    json.dumps(report.to_dict())


def test_short_closed_answers_are_measured_as_labels(tmp_path):
    pytest.importorskip("sklearn")
    draw = random.Random(0)
    rows = tmp_path / "labels.jsonl"
    with rows.open("w") as file:
        for number in range(60):
            asked = {"role": "user", "content": f"Number {number} {draw.choice(('was late', 'is broken', 'is lost'))}"}
            answered = {"role": "assistant", "content": draw.choice(("delivery", "repair"))}
            file.write(json.dumps({"messages": [asked, answered]}) + "\n")
    with ExampleWriter(tmp_path / "examples") as sink:
        analysis = analyze(rows, sink=sink)
    spec = assemble(analysis, Examples(tmp_path / "examples"), find_model("smollm2-360m"), rows.name)
    (tmp_path / "n.ipynb").write_bytes(render(spec))
    report = dry_run(tmp_path / "n.ipynb", tmp_path / "run", Watch(240, quietly))
    assert report.error is None
    assert report.metrics["kind"] == "labels"
    assert [figure["name"] for figure in report.metrics["figures"]] == ["label_accuracy", "exact_match", "macro_f1"]
    assert all(0 <= figure["after"] <= 1 for figure in report.metrics["figures"])
    assert 'TEMPLATE """' in (tmp_path / "run/tunebook-run/merged/Modelfile").read_text()


def test_a_run_without_a_dry_run_trains_the_model_it_names(write_notebook, tmp_path):
    path = write_notebook(max_steps=2, max_new_tokens=8, max_seq_length=128)
    assert dry_run(path, tmp_path / "dry", Watch(240, quietly)).status == "completed"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += f"\nbase_model = {str(tmp_path / 'dry/miniature')!r}"
    nbformat.write(notebook, path)
    report = run_notebook(path, tmp_path / "real", Watch(240, quietly))
    assert (report.status, report.steps, report.miniature) == ("completed", 2, None)
    executed = nbformat.read(tmp_path / "real/executed.ipynb", as_version=4)
    assert not any("injected-parameters" in cell.metadata.get("tags", []) for cell in executed.cells)


def kill_kernel_after(step):
    """A listener that ends the kernel with SIGKILL once training has done `step` steps."""

    def listen(event):
        done = re.search(r"^step (\d+)/", event.data.get("text", ""), re.MULTILINE)
        if done and int(done[1]) >= step:
            for child in psutil.Process(os.getpid()).children(recursive=True):
                if "ipykernel_launcher" in " ".join(child.cmdline()):
                    child.send_signal(signal.SIGKILL)

    return listen


def test_a_killed_run_goes_on_from_its_checkpoint_to_the_same_loss(write_notebook, tmp_path):
    notebook = write_notebook(checkpoint_minutes=0.0)
    whole = dry_run(notebook, tmp_path / "whole", Watch(240, quietly))
    killed = dry_run(notebook, tmp_path / "cut", Watch(240, kill_kernel_after(40)))
    assert (killed.status, killed.error["code"]) == ("failed", "kernel_died")
    assert any("checkpoint-" in name for name in killed.artifacts)
    said = []
    resumed = dry_run(notebook, tmp_path / "cut", Watch(240, lambda event: said.append(event.data.get("text", ""))))
    assert any("resuming after step" in text for text in said)
    assert resumed.steps == whole.steps
    assert resumed.loss["eval_after"] == pytest.approx(whole.loss["eval_after"], abs=5e-5)
    assert not any("checkpoint-" in name for name in resumed.artifacts)


def with_cell(path, tag, source):
    """The notebook with the source of the cell that has `tag` replaced."""
    notebook = nbformat.read(path, as_version=4)
    (cell,) = [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]
    cell.source = source
    nbformat.write(notebook, path)
    return path


@pytest.mark.parametrize("seconds", [1, 12])
def test_a_run_that_may_not_take_longer_is_stopped_and_says_so(write_notebook, tmp_path, seconds):
    notebook = with_cell(write_notebook(), "mask", "import time; time.sleep(600)")
    report = dry_run(notebook, tmp_path / "run", Watch(seconds, quietly))
    assert (report.status, report.error["code"]) == ("failed", "timed_out")
    assert report.cells["executed"] < report.cells["total"]
    assert report.loss == {"eval_before": None, "eval_after": None}


def test_a_run_can_be_cancelled_before_its_notebook_starts(write_notebook, tmp_path):
    report = dry_run(write_notebook(), tmp_path / "run", Watch(60, quietly, cancelled=lambda: True))
    assert (report.status, report.error["code"]) == ("cancelled", "cancelled")


def test_an_error_in_a_cell_is_told_with_its_name(tmp_path, write_notebook):
    notebook = with_cell(write_notebook(), "mask", "raise LookupError('no such row')")
    report = dry_run(notebook, tmp_path / "run", Watch(240, quietly))
    assert report.status == "failed"
    assert "LookupError" in report.error["message"]
    assert "no such row" in report.error["message"]


def test_without_the_training_packages_the_error_says_what_to_install(monkeypatch, write_notebook, tmp_path):
    monkeypatch.setattr(running.importlib.util, "find_spec", {}.get)
    with pytest.raises(Problem, match=r"pip install 'tunebook\[train\]'"):
        run_notebook(write_notebook(), tmp_path, Watch(10, quietly))


def test_a_kernel_sees_no_secret_and_no_network_in_a_dry_run(monkeypatch, write_notebook, tmp_path):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@localhost/x")
    show = "import json, os, pathlib; pathlib.Path('seen.json').write_text(json.dumps(dict(os.environ)))\n1 / 0"
    path = with_cell(write_notebook(), "install", show)
    assert dry_run(path, tmp_path / "run", Watch(240, quietly)).status == "failed"
    seen = json.loads((tmp_path / "run/seen.json").read_text())
    assert not {"HF_TOKEN", "DATABASE_URL"} & set(seen)
    assert (seen["HF_HUB_OFFLINE"], seen["OMP_NUM_THREADS"], seen["CUDA_VISIBLE_DEVICES"]) == ("1", "1", "")
