"""`--tokenizer` and `--fetch-tokenizer`, as a person uses them."""

import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner, Result

from tests.datasets.made_tokenizers import llama3, qwen, save
from webapp.catalog import find_model
from webapp.cli import main
from webapp.datasets import sample_path

MODEL = find_model("qwen3-0.6b")
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the sample, with no hub cache and no hub."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("TUNEBOOK_HOME", str(tmp_path / "home"))
    return lambda command, *options: CliRunner().invoke(main, [command, str(sample_path()), *map(str, options)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(qwen(), tmp_path_factory.mktemp("model"), rows=MODEL.shape.vocab)


def test_the_models_own_tokenizer_counts_exactly(run: Run, folder: Path) -> None:
    report = json.loads(run("analyze", "--model", MODEL.id, "--tokenizer", folder, "--json").stdout)
    tokens = report["tokens"]
    assert (tokens["exact"], tokens["tokenizer"], tokens["expected_error"]) == (True, MODEL.hub_id, None)
    assert tokens["spot_check"] == {"checked": 500, "differing": 0}


def test_another_is_called_an_estimate_and_the_way_to_exactness_is_named(run: Run) -> None:
    done = run("analyze", "--model", MODEL.id, "--tokenizer", "cl100k_base")
    assert "(cl100k_base, an estimate)" in done.stdout
    assert "--fetch-tokenizer" in done.stdout
    tokens = json.loads(run("analyze", "--json").stdout)["tokens"]
    assert (tokens["exact"], tokens["tokenizer"]) == (False, "o200k_base")
    assert tokens["expected_error"] == {"total": 0.22, "example_p95": 0.43}


def test_nothing_is_said_of_it_where_the_count_is_exact(run: Run, folder: Path) -> None:
    assert "--fetch-tokenizer" not in run("analyze", "--model", MODEL.id, "--tokenizer", folder).stdout


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--tokenizer", "o201k_base"), 2, "o201k_base"),
        (("--fetch-tokenizer",), 2, "--model ID"),
        (("--fetch-tokenizer", "--model", MODEL.id), 3, "127.0.0.1 did not answer"),
        (("--model", "qwen3-17b"), 2, "qwen3-1.7b"),
    ],
    ids=["no such file", "no model", "no hub", "no such model"],
)
def test_what_cannot_be_counted_with_is_said_before_the_work(
    run: Run, options: tuple[str, ...], status: int, said: str
) -> None:
    done = run("analyze", *options)
    assert done.exit_code == status
    assert said in done.stderr
    assert "analysing" not in done.stderr


def test_a_notebook_is_made_with_it(run: Run, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.ipynb"
    assert run("notebook", "--model", MODEL.id, "-o", output, "--tokenizer", folder).exit_code == 0
    assert nbformat.read(output, as_version=4).metadata["tunebook"]["model_id"] == MODEL.id


def test_a_tokenizer_of_another_model_is_refused(run: Run, tmp_path: Path) -> None:
    done = run("notebook", "--model", MODEL.id, "-o", tmp_path / "o.ipynb", "--tokenizer", save(llama3(), tmp_path))
    assert done.exit_code == 2
    assert "it is not that model's own" in done.stderr
    assert not (tmp_path / "o.ipynb").exists()
