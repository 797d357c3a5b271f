"""The executor `colab`: a notebook of Tunebook's, through a stand-in for Google's tool."""

import json

import pytest

from tests.jobs.executors.installing import install_stand_in
from tests.notebooks.trivial import REPORT, write_trivial
from webapp.errors import Problem
from webapp.jobs.executors import colab
from webapp.notebooks.colab import Colab
from webapp.notebooks.results import RESULTS
from webapp.notebooks.running import Watch
from webapp.settings import Settings

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def settings(tmp_path):
    program = install_stand_in(tmp_path, tmp_path / "machines")
    return Settings(home=tmp_path / "home", colab_command=str(program))


def test_the_report_is_that_of_a_run_on_this_machine(settings, tmp_path):
    notebook = write_trivial(tmp_path / "n.ipynb", REPORT, rows="n.data.gz")
    (tmp_path / "n.data.gz").write_bytes(b"rows")
    report = Colab(settings).run(notebook, tmp_path / "work", Watch(60, lambda _: None))
    assert (report.status, report.error, report.steps) == ("completed", None, 7)
    assert report.cells == {"total": 3, "executed": 3}
    assert report.artifacts == [f"{RESULTS}/model/adapter", f"{RESULTS}/report.json"]
    calls = [json.loads(line)["arguments"] for line in (tmp_path / "machines" / "calls.jsonl").read_text().splitlines()]
    assert calls[0] == [
        "--config",
        str(settings.root / "colab" / "sessions.json"),
        "new",
        "-s",
        "tunebook",
        "--gpu",
        "L4",
    ]
    assert calls[1][-2:] == [str(tmp_path / "n.data.gz"), "content/n.data.gz"]


def test_without_the_tool_the_commands_to_paste_are_told(tmp_path):
    notebook = write_trivial(tmp_path / "n.ipynb", REPORT)
    with pytest.raises(Problem) as caught:
        Colab(Settings(home=tmp_path, colab_command="no-such-tool")).run(
            notebook, tmp_path / "work", Watch(60, lambda _: None)
        )
    assert caught.value.code == "colab_not_installed"
    assert caught.value.details["commands"][:2] == ["colab new --gpu L4", "colab exec -f n.ipynb --timeout 86400"]


def test_rows_that_nobody_could_upload_there_are_missed_here(settings, tmp_path):
    notebook = write_trivial(tmp_path / "n.ipynb", REPORT, rows="n.data.gz")
    with pytest.raises(Problem) as caught:
        Colab(settings).run(notebook, tmp_path / "work", Watch(60, lambda _: None))
    assert caught.value.code == "rows_missing"


def test_the_tool_signs_in_with_the_credentials_that_are_set_and_sees_no_other_secret(settings, tmp_path, monkeypatch):
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "RAY_AUTH_TOKEN", "HF_TOKEN"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setattr(colab, "_PAUSES", (0.0,))
    assert not Colab(settings).end("nothing")
    seen = json.loads((tmp_path / "machines" / "calls.jsonl").read_text())["environment"]
    assert "GOOGLE_APPLICATION_CREDENTIALS" in seen
    assert not {"RAY_AUTH_TOKEN", "HF_TOKEN"} & set(seen)
