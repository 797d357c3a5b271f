"""The same run as a script: it compiles, lints, and runs."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import until
from tests.notebooks import specs
from webapp.catalog import find_model
from webapp.jobs import scrubbed_environment
from webapp.notebooks import Embedded, Fetched, TrainingConfig, render
from webapp.notebooks.miniatures import making_miniature
from webapp.notebooks.reading import read_notebook
from webapp.notebooks.running import NO_HUB, ONE_THREAD, QUIET
from webapp.notebooks.script import RELAXED, to_script

ROOT = Path(__file__).parents[2]
SMALL = replace(specs.SMALL, model=find_model("llama-3.2-1b"), delivery=Embedded(b"payload" * 500))
LINKED = replace(SMALL, delivery=Fetched("x.data.jsonl.gz.aes", 9, "1" * 64, "https://tunebook.example/data/t/x", "k"))


def scripted(spec):
    return to_script(render(spec)).decode()


def percent_cells(script):
    """The cells of a percent-format script: (header, source)."""
    _, *parts = re.split(r"^# %%(.*)\n", script, flags=re.MULTILINE)
    return list(zip(parts[::2], parts[1::2], strict=True))


def test_it_has_the_notebooks_cells_in_order_with_their_tags():
    notebook = nbformat.reads(render(SMALL).decode(), as_version=4)
    found = percent_cells(scripted(SMALL))
    assert len(found) == len(notebook.cells)
    for (header, source), cell in zip(found, notebook.cells, strict=True):
        if cell.cell_type == "markdown":
            assert header == " [markdown]"
            assert all(line.startswith("#") for line in source.strip().split("\n"))
        else:
            assert header == (f" tags={json.dumps(cell.metadata['tags'])}" if "tags" in cell.metadata else "")
            assert source.strip("\n") == cell.source


@pytest.mark.parametrize("method", ["lora", "qlora", "full"])
@pytest.mark.parametrize("spec", [SMALL, LINKED], ids=["embedded", "linked"])
def test_it_compiles_and_passes_the_projects_own_rules(spec, method, tmp_path):
    script = scripted(replace(spec, config=TrainingConfig(method=method)))
    compile(script, "script", "exec")
    (tmp_path / "script.py").write_text(script)
    command = ["ruff", "check", "--no-cache", "--config", ROOT / "pyproject.toml", tmp_path / "script.py"]
    done = subprocess.run([sys.executable, "-m", *map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_rules_it_cannot_keep_are_named_in_its_head():
    assert all(f"# ruff: noqa: {code}  # {why}\n" in scripted(SMALL) for code, why in RELAXED.items())


HOSTILE = ("'''", "\\", "\x00", "\f", "\r", "\u2028", "%% [markdown]", "# %%", "\nimport os\n", "{{ 7*7 }}", "\ud800")


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        dict.fromkeys(("hub_id", "license", "name", "filename"), st.sampled_from(HOSTILE) | st.text())
    )
)
def test_hostile_prose_stays_a_comment(values):
    named = {name: values[name] for name in ("hub_id", "license", "name")}
    spec = replace(SMALL, model=msgspec.structs.replace(SMALL.model, **named), filename=values["filename"])
    script = scripted(spec)
    compile(script, "script", "exec")
    assert len(percent_cells(script)) == len(percent_cells(scripted(SMALL)))


def test_it_runs_from_the_first_cell_to_the_report(make_spec, write_notebook, tmp_path):
    few = {"max_steps": 3, "max_new_tokens": 8, "max_seq_length": 128, "sample_answers": 1}
    notebook = write_notebook(**few)
    environment = scrubbed_environment(os.environ) | ONE_THREAD | NO_HUB | QUIET
    miniature = tmp_path / "miniature"
    with making_miniature(read_notebook(notebook), None, miniature, environment) as making:
        until(making.done, 120)
    script = to_script(notebook.read_bytes()).decode()
    script = re.sub(r"^base_model = .*$", f"base_model = {str(miniature)!r}", script, flags=re.MULTILINE)
    (tmp_path / "run.py").write_text(script)
    command = [sys.executable, "run.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "tunebook-run/report.json").read_text())
    assert report["steps"] == 3
    assert report["loss"]["eval_after"] > 0
