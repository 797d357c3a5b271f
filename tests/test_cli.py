"""The command line as a person uses it: documents on stdout, progress on stderr, exit status by whose fault it is."""

import errno
import fcntl
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from webapp.catalog import models
from webapp.cli import COMMANDS, main
from webapp.datasets import sample_path

SAMPLE = str(sample_path())


def tunebook(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


GOOD = '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "answer"}]}'


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(command):
    done = tunebook(command, "--help")
    assert done.exit_code == 0
    assert "Usage:" in done.stdout


def test_analyze_prints_one_json_document_with_the_reports_fields():
    done = tunebook("analyze", SAMPLE, "--json")
    report = json.loads(done.stdout)
    assert report["total_examples"] == 300
    assert report["session_id"] is None
    assert {"total_tokens", "avg_tokens_per_example", "quality_score", "quality_issues", "format_valid"} <= set(report)


def test_analyze_names_bad_lines_and_still_exits_with_zero(tmp_path):
    done = tunebook("analyze", write(tmp_path / "d.jsonl", GOOD, "{", GOOD))
    assert done.exit_code == 0
    assert "line 2, column 2: invalid_json: " in done.stdout


def test_a_file_without_a_valid_line_is_exit_status_one(tmp_path):
    done = tunebook("analyze", write(tmp_path / "d.jsonl", "{", "[]"), "--json")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "line 1, column 2: invalid_json: " in done.stderr


def test_a_column_that_names_do_not_tell_is_asked_for_and_mapped(tmp_path):
    table = write(tmp_path / "d.csv", "frage,antwort", *(f"Was ist {n}?,Das ist {n}." for n in range(20)))
    asked = tunebook("analyze", table)
    assert (asked.exit_code, asked.stdout) == (1, "")
    assert "--map frage=prompt --map antwort=completion" in asked.stderr
    options = ("--map", "frage=prompt", "--map", "antwort=completion")
    done = tunebook("analyze", table, *options)
    assert done.exit_code == 0
    assert "20 valid examples, 0 invalid rows" in done.stdout
    assert (
        "format prompt_completion (csv), 100% of the first 20 rows: frage = prompt, antwort = completion" in done.stdout
    )
    assert tunebook("recommend", table, *options, "--task", "qa", "--target", "server").exit_code == 0
    output = tmp_path / "out.ipynb"
    assert tunebook("notebook", table, *options, "--model", "qwen3-0.6b", "-o", output).exit_code == 0
    assert output.exists()


def test_a_compressed_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "d.jsonl.gz"
    path.write_bytes(gzip.compress((GOOD + "\n").encode() * 3))
    report = json.loads(tunebook("analyze", path, "--json").stdout)
    assert (report["total_examples"], report["source"]["compression"]) == (3, "gzip")


def test_recommend_prints_the_body_of_the_route():
    done = tunebook("recommend", SAMPLE, "--task", "qa", "--target", "server", "--json")
    body = json.loads(done.stdout)
    assert body["task_type"] == "question_answering"
    assert body["recommendations"][0]["reasons"]
    assert body["gate"]["verdict"] == "worth_trying"


def test_recommend_says_first_whether_to_fine_tune_at_all(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_text((GOOD + "\n") * 12)
    done = tunebook("recommend", path, "--task", "qa", "--target", "server")
    assert done.stdout.startswith("too few rows: 12 rows are few")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("recommend", SAMPLE, "--task", "poetry", "--target", "cloud"), "poetry"),
        (("recommend", SAMPLE, "--task", "qa", "--target", "moon"), "moon"),
        (("recommend", SAMPLE, "--task", "qa", "--target", "cloud", "--gpu", "abacus"), "abacus"),
        (("recommend", SAMPLE, "--task", "qa", "--target", "cloud", "--language", "English"), "such as en"),
        (("notebook", SAMPLE, "--model", "qwen3-17b", "-o", "x.ipynb"), "qwen3-1.7b"),
        (("notebook", SAMPLE, "--model", "qwen3-0.6b", "-o", "x.ipynb", "--set", "lora_rank"), "NAME=VALUE"),
        (("notebook", SAMPLE, "--model", "qwen3-0.6b", "-o", "x.ipynb", "--set", "lora_rank=true"), "lora_rank"),
        (("notebook", SAMPLE, "--model", "qwen3-0.6b", "-o", "x.ipynb", "--set", "epochs=1"), "num_epochs"),
        (("analyze", SAMPLE, "--map", "question"), "COLUMN=PART"),
        (("analyze", SAMPLE, "--map", "a=prompt", "--map", "a=text"), "twice"),
        (("analyze", SAMPLE, "--map", "question=reply"), "'reply'"),
        (("analyze", SAMPLE, "--map", "message=messages"), "Did you mean 'messages'?"),
        (("analyze", "no-such-file"), "does not exist"),
        (("run",), "Missing argument"),
    ],
)
def test_a_wrong_argument_is_exit_status_two_and_named(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    done = tunebook(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_notebook_writes_a_notebook_with_the_settings(tmp_path):
    output = tmp_path / "out.ipynb"
    done = tunebook(
        "notebook", SAMPLE, "--model", "qwen3-0.6b", "-o", output, "--set", "lora_rank=8", "--set", "method=lora"
    )
    assert done.exit_code == 0
    assert "not run yet" in done.stdout
    text = nbformat.writes(nbformat.read(output, as_version=4))
    assert "lora_rank = 8" in text


def test_too_few_rows_are_the_datas_fault_and_leave_no_file(tmp_path):
    output = tmp_path / "out.ipynb"
    done = tunebook("notebook", write(tmp_path / "d.jsonl", GOOD), "--model", "qwen3-0.6b", "-o", output)
    assert done.exit_code == 1
    assert "at least 10" in done.stderr
    assert not output.exists()


def test_an_output_that_cannot_be_written_is_this_machines_fault(tmp_path):
    (tmp_path / "file").write_text("")
    done = tunebook("notebook", SAMPLE, "--model", "qwen3-0.6b", "-o", tmp_path / "file" / "out.ipynb")
    assert done.exit_code == 3


def test_a_full_disk_is_this_machines_fault_and_one_line(monkeypatch):
    def fill(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("webapp.commands.analyzing.analyze_file", lambda *_, **__: fill())
    done = tunebook("analyze", SAMPLE)
    assert done.exit_code == 3
    assert "No space left on device: the output, or the temporary files in " in done.stderr
    monkeypatch.setattr("webapp.commands.analyzing.analyze_file", lambda *_, **__: Path("/no such file").stat())
    assert isinstance(tunebook("analyze", SAMPLE).exception, FileNotFoundError)


def test_where_no_model_fits_each_is_named_with_its_reason(tmp_path):
    rows = [GOOD.replace('"q"', json.dumps(f"{number} " + "many words " * 70_000)) for number in range(3)]
    data = write(tmp_path / "d.jsonl", *rows)
    done = tunebook("recommend", data, "--task", "qa", "--target", "server")
    assert done.exit_code == 1
    assert "  tinyllama-1.1b: Your longest 1 % of conversations need about" in done.stderr


def test_a_run_does_not_write_its_copy_over_the_notebook(tmp_path):
    path = write(tmp_path / "a.ipynb", "{}")
    done = tunebook("run", path, "--dry-run", "-o", tmp_path / "." / "a.ipynb")
    assert done.exit_code == 2
    assert "itself would be written over" in done.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["a.ipynb"]


def test_a_notebook_is_run_once_at_a_time_in_a_folder(tmp_path):
    path, folder = write(tmp_path / "a.ipynb", "{}"), tmp_path / "a.dryrun"
    folder.mkdir()
    held = os.open(folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    done = tunebook("run", path, "--dry-run")
    assert (done.exit_code, folder.exists()) == (2, True)
    assert f"is being run in {folder}" in done.stderr
    os.close(held)
    done = tunebook("run", path, "--dry-run")
    assert "not a notebook made by Tunebook" in done.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["a.ipynb"]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-8"])
def test_what_a_terminal_cannot_show_is_escaped(tmp_path, encoding):
    data = write(tmp_path / "d.jsonl", GOOD.replace("answer", "  \U0001f600 \u00fc"))
    odd = os.fsdecode(bytes(tmp_path) + b"/\xff.jsonl")
    runner = CliRunner(charset=encoding)
    shown = runner.invoke(main, ["fix", str(data), "--trim", "--preview"])
    assert shown.exit_code == 0
    assert ("\U0001f600" if encoding == "utf-8" else r"\U0001f600") in shown.stdout_bytes.decode(encoding)
    told = runner.invoke(main, ["fix", str(data), "--trim", "-o", odd, "--json"])
    assert told.exit_code == 0
    assert json.loads(told.stdout_bytes.decode(encoding))["output"] == odd


@pytest.mark.parametrize("options", [("--executor", "colab"), ("--executor", "ray"), ("--model-path", "/")])
def test_a_dry_run_is_for_this_machine_and_its_miniature_only(tmp_path, options):
    notebook = tmp_path / "n.ipynb"
    notebook.write_text("{}")
    done = tunebook("run", notebook, "--dry-run", *options)
    assert done.exit_code == 2


def test_without_the_colab_tool_run_shows_what_to_type_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TUNEBOOK_COLAB_COMMAND", "no-such-colab")
    notebook = tmp_path / "n.ipynb"
    assert tunebook("notebook", SAMPLE, "--model", "smollm2-360m", "-o", notebook).exit_code == 0
    done = tunebook("run", notebook, "--executor", "colab")
    assert done.exit_code == 3
    assert "not installed" in done.stderr
    assert done.stderr.splitlines().count("  colab exec -f n.ipynb --timeout 86400") == 1


def test_run_refuses_what_tunebook_did_not_make(tmp_path):
    path = tmp_path / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    done = tunebook("run", path, "--dry-run", "--json")
    assert done.exit_code == 2
    assert "not a notebook made by Tunebook" in done.stderr


def test_run_prints_the_report_and_puts_the_executed_notebook_where_asked(tmp_path):
    notebook, executed = tmp_path / "n.ipynb", tmp_path / "executed.ipynb"
    assert tunebook("notebook", SAMPLE, "--model", "smollm2-360m", "-o", notebook).exit_code == 0
    command = [Path(sys.executable).with_name("tunebook"), "run", notebook, "--dry-run", "--json", "-o", executed]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    report = json.loads(done.stdout)
    assert report["status"] == "completed"
    assert {"eval_before", "eval_after"} <= set(report["loss"])
    assert {"seconds", "steps", "cells", "rows", "samples", "artifacts", "error"} <= set(report)
    assert {"prompt", "before", "after", "reference", "verdict", "ended"} <= set(report["samples"][0])
    assert {"perplexity", "interval", "metrics", "alarms", "export"} <= set(report)
    outputs = [output for cell in nbformat.read(executed, as_version=4).cells for output in cell.get("outputs", [])]
    assert any("held-out loss" in output.get("text", "") for output in outputs)
    assert (tmp_path / "n.dryrun/tunebook-run/model/adapter_model.safetensors").exists()


def test_run_says_why_it_failed_and_what_to_set(tmp_path):
    path = tmp_path / "n.ipynb"
    assert tunebook("notebook", SAMPLE, "--model", "smollm2-360m", "--set", "method=qlora", "-o", path).exit_code == 0
    notebook = nbformat.read(path, as_version=4)
    (cell,) = [cell for cell in notebook.cells if "install" in cell.metadata.get("tags", [])]
    cell.source = "raise RuntimeError('No compatible CUDA binary found at libbitsandbytes_cuda131.so')"
    nbformat.write(notebook, path)
    command = [Path(sys.executable).with_name("tunebook"), "run", path, "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    error, why, hint, again = done.stdout.splitlines()[1:5]
    assert error.startswith("error: RuntimeError in cell 4 of ")
    assert why.startswith("why: bitsandbytes does not work with this machine's CUDA. QLoRA needs it")
    assert hint.strip() == "pip install --upgrade bitsandbytes"
    assert again == "make the notebook again with --set method=lora"


def test_models_lists_the_catalogue():
    listed = json.loads(tunebook("models", "--json").stdout)
    assert [entry["id"] for entry in listed] == [model.id for model in models()]
    assert all(model.id in tunebook("models").stdout for model in models())
