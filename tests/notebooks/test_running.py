"""Real runs of real notebooks, on miniatures, in kernels of their own."""

import json
import random
import re
import signal
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import nbformat
import pytest

from tests.conftest import started_with
from webapp.catalog import find_model, models
from webapp.datasets import Examples, ExampleWriter, analyze
from webapp.errors import Problem
from webapp.jobs import add_job
from webapp.notebooks import Secret, assemble, here, render, running
from webapp.notebooks.delivery import describe_file, encrypt, payload_name
from webapp.notebooks.progress import Progress
from webapp.notebooks.running import Watch, dry_run, run_notebook
from webapp.settings import Settings
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, Notebook
from webapp.training.families import families

# With their formats, and by the other methods, all models are among the slow tests.
CLASSES = {model.shape.class_name: model for model in models()}.values()


# Below which shares of the miniature's loss, untrained and before the run, a run has to end: four bits take much from
# layers that are 64 wide.
BELOW = {"lora": (0.7, 0.9), "full": (0.7, 0.9), "qlora": (0.8, 0.97)}


def quietly(event):
    pass


def check(report, rows=300, method="lora"):
    assert report.error is None
    assert report.status == "completed"
    assert report.cells["executed"] == report.cells["total"] >= 12
    assert report.steps == running.DRY_RUN_STEPS
    assert report.rows["train"] + report.rows["eval"] >= rows
    before, after = report.loss["eval_before"], report.loss["eval_after"]
    of_untrained, of_before = BELOW[method]
    assert after < of_untrained * report.miniature["untrained_loss"]
    assert after < of_before * before
    assert len(report.samples) == 5
    assert report.perplexity["after"] < report.perplexity["before"]
    low, high = report.interval["loss"]["change"]
    assert low <= after - before <= high < 0
    assert report.metrics["answers"] == 8
    assert [figure["name"] for figure in report.metrics["figures"]] == ["rouge_l"]
    assert any(sample["before"] != sample["after"] for sample in report.samples)


@pytest.mark.parametrize("model", CLASSES, ids=lambda model: model.id)
def test_every_class_of_models_learns_in_its_dry_run(write_notebook, tmp_path, model):
    report = dry_run(write_notebook(model_id=model.id, method="lora"), tmp_path / "run", Watch(240, quietly))
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


def test_a_model_in_four_bits_learns_too(write_notebook, tmp_path):
    path = write_notebook(model_id="llama-3.2-1b", method="qlora")
    check(dry_run(path, tmp_path / "run", Watch(240, quietly)), method="qlora")


@pytest.mark.slow
@pytest.mark.parametrize("model", models(), ids=lambda model: model.id)
@pytest.mark.parametrize("method", ["lora", "qlora", "full"])
def test_every_model_of_the_catalogue_learns_in_its_dry_run(write_notebook, tmp_path, model, method):
    report = dry_run(write_notebook(model_id=model.id, method=method), tmp_path / "run", Watch(240, quietly))
    check(report, method=method)


def test_full_fine_tuning_saves_a_whole_model_and_tells_its_numbers(write_notebook, tmp_path):
    seen, pictures = [], []
    progress = Progress()

    def listen(event):
        progress.follow(event)
        seen.append(progress.share)
        if event.type == "display" and event.data["display_id"]:
            pictures.append(event.data)

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
    assert [picture["update"] for picture in pictures] == [False] + [True] * (len(pictures) - 1)
    assert len({picture["display_id"] for picture in pictures}) == 1
    assert pictures[-1]["data"]["text/plain"].startswith(f"step {report.steps} of {report.steps}")
    training = json.loads((tmp_path / "run/tunebook-run/report.json").read_text())["training"]
    # Measured again after the weights were rounded to the 16 bits they are saved in.
    assert dict(training["evaluations"])[training["best_step"]] == pytest.approx(report.loss["eval_after"], abs=0.02)
    config = json.loads((tmp_path / "run/tunebook-run/model/config.json").read_text())
    assert config["dtype"] == "bfloat16"
    executed = nbformat.read(tmp_path / "run/executed.ipynb", as_version=4)
    injected = [cell for cell in executed.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    assert len(injected) == 1
    json.dumps(report.to_dict())


def test_short_closed_answers_are_measured_as_labels(tmp_path):
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


def handed_over(server):
    """A run on the server that was handed over to a notebook: its path, and what the notebook is given."""
    db = Database(Settings(home=server.home).database)
    with db.session() as session:
        session.add(dataset := Dataset(filename="f", size=1, sha256="", blob=""))
        session.flush()
        config = {"method": "lora"}
        session.add(
            notebook := Notebook(dataset_id=dataset.id, model_id="m", config=config, blob="", filename="", sha256="")
        )
        session.flush()
        job = add_job(session, Job(kind="run", dataset_id=dataset.id, notebook_id=notebook.id, status="created"))
    db.close()
    return f"/jobs/{job.id}", server.post(f"/jobs/{job.id}/progress-token").json()


def test_a_run_without_a_dry_run_trains_the_model_it_names_and_is_followed_elsewhere(write_notebook, tmp_path, server):
    url, given = handed_over(server)
    path = write_notebook(max_steps=2, max_new_tokens=8, max_seq_length=128)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            values = {"base_model": str(tmp_path / "dry/miniature")} | given
            cell.source += "".join(f"\n{name} = {value!r}" for name, value in values.items())
    nbformat.write(notebook, path)
    assert dry_run(path, tmp_path / "dry", Watch(240, quietly)).status == "completed"
    assert server.get(url).json()["status"] == "created"  # a dry run is told to nobody
    here = []
    report = run_notebook(path, tmp_path / "real", Watch(240, here.append))
    assert (report.status, report.steps, report.miniature) == ("completed", 2, None)
    executed = nbformat.read(tmp_path / "real/executed.ipynb", as_version=4)
    assert not any("injected-parameters" in cell.metadata.get("tags", []) for cell in executed.cells)
    job = server.get(url).json()
    assert (job["status"], job["attempt"], job["progress"]) == ("completed", 1, 1.0)
    there = [event["data"] for event in server.get(f"{url}/events").json() if event["type"] == "metrics"]
    assert there == [event.data for event in here if event.type == "metrics"]
    assert [row["step"] for row in there] == [0, 1, 2]
    assert there[-1]["eval_loss"] > 0
    said = json.dumps([event.data for event in here])
    for file in (tmp_path / "real").rglob("*"):
        said += file.read_text(errors="replace") if file.is_file() else ""
    assert given["progress_token"] not in said


def kill_kernel_after(step):
    """A listener that ends the kernel with SIGKILL once training has done `step` steps."""

    def listen(event):
        done = re.search(r"^step (\d+)/", event.data.get("text", ""), re.MULTILINE)
        if done and int(done[1]) >= step:
            for child in started_with("ipykernel_launcher"):
                child.send_signal(signal.SIGKILL)

    return listen


def test_a_killed_run_goes_on_from_its_checkpoint_to_the_same_loss(write_notebook, tmp_path):
    notebook = write_notebook(checkpoint_minutes=0.0)
    whole = dry_run(notebook, tmp_path / "whole", Watch(240, quietly))
    killed = dry_run(notebook, tmp_path / "cut", Watch(240, kill_kernel_after(40)))
    assert (killed.status, killed.error["code"]) == ("failed", "kernel_died")
    assert any("checkpoints/" in name for name in killed.artifacts)
    said = []
    resumed = dry_run(notebook, tmp_path / "cut", Watch(240, lambda event: said.append(event.data.get("text", ""))))
    assert any("resuming after step" in text for text in said)
    assert resumed.steps == whole.steps
    assert resumed.loss["eval_after"] == pytest.approx(whole.loss["eval_after"], abs=5e-5)
    assert not any("checkpoints/" in name for name in resumed.artifacts)


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
    assert report.error["tag"] == "mask"
    assert report.error["failure"]["sentence"] == "LookupError: no such row"


def test_a_dry_run_that_fails_says_why_and_offers_only_what_reaches_it(tmp_path, write_notebook):
    source = "raise RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB.')"
    notebook = with_cell(write_notebook(gradient_checkpointing=False, batch_size=8), "install", source)
    failure = dry_run(notebook, tmp_path / "run", Watch(240, quietly)).error["failure"]
    assert failure["code"] == "gpu_out_of_memory"
    assert failure["change"] == {"gradient_checkpointing": True}


def test_without_the_training_packages_the_error_says_what_to_install(monkeypatch, write_notebook, tmp_path):
    monkeypatch.setattr(here.importlib.util, "find_spec", {}.get)
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


def test_a_run_fetches_its_rows_and_goes_on_with_its_part(make_spec, sample, tmp_path, monkeypatch):
    served = tmp_path / "served"
    served.mkdir()
    rows = served / "notebook.data.jsonl.gz"
    rows.write_bytes(sample[1].payload().read_bytes())
    handler = partial(SimpleHTTPRequestHandler, directory=served)
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        link = f"http://127.0.0.1:{server.server_port}/{rows.name}"
        spec = make_spec(max_steps=2, max_new_tokens=8, max_seq_length=128)
        spec = replace(spec, delivery=describe_file(rows, rows.name, url=link))
        path = tmp_path / "notebook.ipynb"
        path.write_bytes(render(spec))
        tried = dry_run(path, tmp_path / "dry", Watch(240, quietly), rows)
        assert tried.status == "completed"
        miniature = msgspec.structs.replace(spec.model, hub_id=str(tmp_path / "dry/miniature"))
        path.write_bytes(render(replace(spec, model=miniature)))
        (tmp_path / "real").mkdir()
        (tmp_path / f"real/{rows.name}.part").write_bytes(rows.read_bytes()[:1000])
        report = run_notebook(path, tmp_path / "real", Watch(240, quietly))
        server.shutdown()
    assert (report.status, report.steps) == ("completed", 2)
    assert (tmp_path / "real" / rows.name).read_bytes() == rows.read_bytes()


def test_encrypted_rows_beside_the_notebook_need_no_network_in_a_dry_run(make_spec, sample, tmp_path):
    secret = Secret.new()
    rows = tmp_path / payload_name("notebook.ipynb", encrypted=True)
    with sample[1].payload().open("rb") as source, rows.open("wb") as target:
        encrypt(source, secret, target)
    delivery = describe_file(rows, rows.name, url=f"https://tunebook.invalid/data/token/{rows.name}", key=secret.text)
    path = tmp_path / "notebook.ipynb"
    path.write_bytes(render(replace(make_spec(), delivery=delivery)))
    check(dry_run(path, tmp_path / "run", Watch(240, quietly)))
    rows.unlink()
    with pytest.raises(Problem, match=r"put notebook\.data\.jsonl\.gz"):
        dry_run(path, tmp_path / "again", Watch(240, quietly))
