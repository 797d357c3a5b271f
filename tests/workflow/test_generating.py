"""The notebook that is kept, its name, and the link to it."""

import hashlib
import json

import pytest

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.catalog import find_model
from webapp.errors import Problem
from webapp.notebooks import TrainingConfig, delivery
from webapp.workflow import generating
from webapp.workflow.generating import notebook_filename


@pytest.fixture
def notebook(services, sample):
    return workflow.generate(services, LOCAL, sample, "smollm2-360m", TrainingConfig(seed=7))


def test_what_is_kept_is_what_the_row_says(services, notebook, sample):
    content = services.blobs.path(notebook.blob).read_bytes()
    assert hashlib.sha256(content).hexdigest() == notebook.sha256
    assert notebook.config["seed"] == 7
    rows = workflow.analysis(services, LOCAL, sample).sha256
    assert json.loads(content)["metadata"]["tunebook"]["dataset_sha256"] == rows


def test_the_same_choices_give_the_same_notebook(services, notebook, sample):
    again = workflow.generate(services, LOCAL, sample, "smollm2-360m", TrainingConfig(seed=7))
    assert again.sha256 == notebook.sha256
    assert again.id != notebook.id


def test_nothing_of_this_machine_is_in_it(services, notebook, settings):
    text = services.blobs.path(notebook.blob).read_text()
    assert str(settings.root) not in text
    assert notebook.dataset_id not in text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.jsonl", "a-phi-4-mini.ipynb"),
        ("my data (1).jsonl", "my-data-1-phi-4-mini.ipynb"),
        ('"; rm -rf ~ #.jsonl', "rm--rf-phi-4-mini.ipynb"),
        ("数据.jsonl", "dataset-phi-4-mini.ipynb"),
        ("x" * 200, "x" * 80 + "-phi-4-mini.ipynb"),
    ],
)
def test_the_name_of_a_notebook_suits_every_file_system(given, kept):
    assert notebook_filename(given, find_model("phi-4-mini")) == kept


def test_a_link_to_a_notebook_that_is_gone_is_404(services, notebook):
    _, _, token, filename = workflow.download_path(services, notebook).split("/")
    assert workflow.notebook_file(services, token, filename).is_file()
    services.blobs.delete(notebook.blob)
    with pytest.raises(Problem) as caught:
        workflow.notebook_file(services, token, filename)
    assert caught.value.status == 404


@pytest.mark.parametrize("encrypted", [False, True])
def test_nothing_is_left_of_a_notebook_that_could_not_be_kept(services, sample, monkeypatch, encrypted):
    monkeypatch.setattr(delivery, "MAX_EMBEDDED_BYTES", 1000)
    before = set(services.blobs.root.rglob("*"))
    monkeypatch.setattr(generating, "render", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        workflow.generate(services, LOCAL, sample, "smollm2-360m", encrypted=encrypted)
    left = {path for path in set(services.blobs.root.rglob("*")) - before if path.is_file()}
    assert {path.name for path in left} <= {"examples.jsonl.gz"}


def test_rows_that_teach_nothing_are_refused_before_any_file_is_written(services, send, work, monkeypatch):
    lines = [{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " "}]}] * 20
    dataset = send("\n".join(map(json.dumps, lines)).encode()).json["session_id"]
    work()
    monkeypatch.setattr(generating, "deliver", None)
    with pytest.raises(Problem, match="no text to learn"):
        workflow.generate(services, LOCAL, dataset, "smollm2-360m", encrypted=True)
