"""`tunebook notebook`: rows inside or beside, encrypted or not, as a notebook or a script, and its dry run."""

import gzip

import pytest
from click.testing import CliRunner

from webapp.cli import main
from webapp.datasets import sample_path
from webapp.notebooks import delivery
from webapp.notebooks.reading import read_notebook


def notebook(output, *options):
    arguments = ["notebook", str(sample_path()), "--model", "smollm2-360m", "-o", str(output), *options]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def small(monkeypatch):
    """Notebooks carry next to nothing."""
    monkeypatch.setattr(delivery, "MAX_EMBEDDED_BYTES", 1000)


def test_rows_that_fit_are_in_the_notebook(tmp_path):
    notebook(tmp_path / "a.ipynb")
    notebook(tmp_path / "b.ipynb", "--encrypt")
    assert names(tmp_path) == ["a.ipynb", "b.ipynb"]
    plain, hidden = (read_notebook(tmp_path / name) for name in ("a.ipynb", "b.ipynb"))
    assert plain.conversations() == hidden.conversations()
    assert "dataset_key" in hidden.data
    assert "dataset_key" not in plain.data


@pytest.mark.parametrize(("options", "name"), [([], "a.data.jsonl.gz"), (["--encrypt"], "a.data.jsonl.gz.aes")])
def test_rows_that_do_not_fit_are_beside_it(tmp_path, small, options, name):
    said = notebook(tmp_path / "a.ipynb", *options)
    assert names(tmp_path) == [name, "a.ipynb"]
    assert f"the rows are beside it: {tmp_path / name}" in said
    contents = read_notebook(tmp_path / "a.ipynb")
    assert (contents.data_file, contents.data["dataset_url"]) == (name, None)
    assert len(contents.conversations(tmp_path / name)) == 300
    assert ("dataset_key" in contents.data) == bool(options)


def test_a_script_is_the_same_run(tmp_path):
    notebook(tmp_path / "a.py", "--format", "py")
    script = (tmp_path / "a.py").read_text()
    compile(script, "a.py", "exec")
    assert '# %% tags=["parameters"]\n' in script
    assert names(tmp_path) == ["a.py"]


def test_a_script_with_rows_beside_it_is_tested_by_its_cells(tmp_path, small, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    few = [word for name in ("max_steps=2", "max_new_tokens=8", "sample_answers=1") for word in ("--set", name)]
    said = notebook(tmp_path / "a.py", "--format", "py", "--dry-run", *few)
    assert f"tested: {tmp_path / 'a.py'}" in said
    assert names(tmp_path) == ["a.data.jsonl.gz", "a.dryrun", "a.py"]
    assert (tmp_path / "a.dryrun/executed.ipynb").exists()


def test_rows_that_cannot_be_trained_on_leave_no_file(tmp_path, small):
    data, folder = tmp_path / "few.jsonl", tmp_path / "out"
    data.write_text("".join(sample_path().read_text().splitlines(keepends=True)[:9]))
    folder.mkdir()
    arguments = ["notebook", str(data), "--model", "smollm2-360m", "-o", str(folder / "a.ipynb")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert "at least 10" in done.output
    assert names(folder) == []


def test_the_rows_are_never_written_over_the_data(tmp_path, small):
    data = tmp_path / "a.data.jsonl.gz"
    data.write_bytes(content := gzip.compress(sample_path().read_bytes()))
    arguments = ["notebook", str(data), "--model", "smollm2-360m", "-o", str(tmp_path / "a.ipynb")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "another name with -o" in done.output
    assert data.read_bytes() == content
    assert names(tmp_path) == [data.name]
