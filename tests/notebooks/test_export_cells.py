"""The cells that a dry run leaves out, run as they stand in a notebook against stand-ins for other people's servers."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from tests.notebooks.specs import SMALL
from webapp.notebooks import render
from webapp.training import gguf
from webapp.training.ollama import modelfile

CONVERTER = "import sys; open(sys.argv[3], 'w').write('GGUF')"


def run_cell(tag, **namespace):
    """What the rendered cell leaves behind, given what earlier cells would have defined."""
    cells = nbformat.reads(render(SMALL).decode(), as_version=4).cells
    (source,) = [cell.source for cell in cells if tag in cell.metadata.get("tags", [])]
    exec(compile(source, tag, "exec"), namespace)  # noqa: S102
    return namespace


def exporting(**settings):
    return SimpleNamespace(export_gguf=False, push_to_hub="", **settings)


@pytest.fixture
def llama_cpp(tmp_path, monkeypatch):
    """A repository that git takes for llama.cpp's."""
    source = tmp_path / "llama.cpp.git"
    source.mkdir()
    (source / gguf.CONVERTER).write_text(CONVERTER)
    git = ["git", "-C", source, "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "x"], ["tag", gguf.LLAMA_CPP_TAG]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{source.as_uri()}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", gguf.LLAMA_CPP)
    return source


def gguf_cell(tmp_path, **changes):
    written = []
    merged = tmp_path / "merged"
    merged.mkdir()
    (merged / "model.safetensors").write_bytes(b"weights")
    report = {"export": {}}
    names = {
        "config": exporting() if not changes else SimpleNamespace(export_gguf=True),
        "exported": True, "run_dir": tmp_path / "run", "merged_dir": merged, "report": report, "pieces": None,
        "stops": ["<|im_end|>"], "shared_system": None, "modelfile": modelfile, "available_memory": lambda: 10**12,
        "write_report": lambda *given: written.append(given), "report_html": str, "Path": Path,
        "remove_checkpoints": lambda _: None, "checkpoints": tmp_path, "settle_folder": lambda _: None,
        "reporter": SimpleNamespace(complete=lambda: None),
    }  # fmt: skip
    run_cell("gguf", **(names | changes))
    return report["export"], written


def test_a_gguf_file_is_made_with_its_modelfile(tmp_path, llama_cpp):
    export, written = gguf_cell(tmp_path, exported=True)
    assert export["gguf"]["done"], export
    assert (tmp_path / "run/gguf/model.gguf").read_text() == "GGUF"
    text = (tmp_path / "run/gguf/Modelfile").read_text()
    assert text == 'FROM ./model.gguf\nPARAMETER stop "<|im_end|>"\n'
    assert len(written) == 1


def test_a_gguf_file_that_fails_is_told_and_the_notebook_goes_on(tmp_path, llama_cpp):
    export, _ = gguf_cell(tmp_path, available_memory=lambda: 1000)
    assert not export["gguf"]["done"]
    assert "memory" in export["gguf"]["message"]
    assert not (tmp_path / "run/gguf/Modelfile").exists()


def test_without_a_merged_model_or_a_wish_there_is_no_gguf_file(tmp_path):
    assert gguf_cell(tmp_path)[0] == {}


def test_nothing_is_uploaded_unless_a_repository_is_named(tmp_path, monkeypatch, capsys):
    import httpx2
    import huggingface_hub

    asked = []

    class Hub:
        def __init__(self, token):
            asked.append(token)

        def create_repo(self, repository, *, private, exist_ok):
            assert private
            assert exist_ok
            if repository == "me/far":
                raise httpx2.ConnectError("no route to host")
            return f"https://hub.test/{repository}"

        def repo_info(self, repository):
            return SimpleNamespace(private=repository == "me/mine")

        def upload_folder(self, **options):
            asked.append(options["folder_path"])

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    earlier = {"shared_secret": {"HF_TOKEN": "hf_x"}.get, "model_dir": tmp_path}
    run_cell("push", config=exporting(), **earlier)
    assert asked == []
    run_cell("push", config=SimpleNamespace(push_to_hub="me/mine"), **earlier)
    assert asked == ["hf_x", tmp_path]
    assert "uploaded to https://hub.test/me/mine" in capsys.readouterr().out
    run_cell("push", config=SimpleNamespace(push_to_hub="me/theirs"), **earlier)
    assert "NOT uploaded: me/theirs is public" in capsys.readouterr().out
    run_cell("push", config=SimpleNamespace(push_to_hub="me/far"), **earlier)
    assert "NOT uploaded: no route to host" in capsys.readouterr().out
