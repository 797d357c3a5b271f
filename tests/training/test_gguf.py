import os
import shutil
import subprocess

import pytest

from webapp.training import gguf
from webapp.training.gguf import SPARE_MEMORY, clone_converter, convert_to_gguf

WRITES = """
import argparse, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--outfile", type=pathlib.Path)
parser.add_argument("--outtype")
given = parser.parse_args()
assert "HF_TOKEN" not in os.environ
given.outfile.write_bytes(b"GGUF" + (given.model / "model.safetensors").read_bytes())
"""


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "merged"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def stand_in(source):
    """A converter with this source, in place of llama.cpp's."""

    def get(folder):
        folder.mkdir(parents=True)
        (folder / "convert.py").write_text(source)
        return folder / "convert.py"

    return get


def test_the_converter_runs_apart_and_without_a_token(monkeypatch, model, tmp_path):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    output = tmp_path / "gguf/model.gguf"
    assert convert_to_gguf(model, output, SPARE_MEMORY, stand_in(WRITES)) is None
    assert output.read_bytes() == b"GGUFweights"
    assert list(output.parent.iterdir()) == [output]  # the converter is no result
    assert os.environ["HF_TOKEN"] == "hf_secret"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise NotImplementedError('BPE pre-tokenizer was not recognized')", "BPE pre-tokenizer was not recognized"),
        ("import os; os._exit(3)", "ended with status 3: it said nothing"),
        ("", "wrote no file"),
        ("import sys; open(sys.argv[3], 'w').write('half'); 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_converter_that_fails_is_told_and_leaves_no_half_file(model, tmp_path, source, said):
    output = tmp_path / "gguf/model.gguf"
    assert said in convert_to_gguf(model, output, SPARE_MEMORY, stand_in(source))
    assert not output.exists()


def test_a_converter_that_takes_too_long_is_ended(monkeypatch, model, tmp_path):
    monkeypatch.setattr(gguf, "CONVERTER_SECONDS", 0.2)
    assert "timed out" in convert_to_gguf(
        model, tmp_path / "m.gguf", SPARE_MEMORY, stand_in("import time; time.sleep(60)")
    )


def never(folder):
    raise AssertionError("the converter was fetched before there was room for it")


def test_disk_and_memory_are_looked_at_first(monkeypatch, model, tmp_path):
    assert "memory" in convert_to_gguf(model, tmp_path / "m.gguf", SPARE_MEMORY - 1, never)
    full = shutil.disk_usage(tmp_path)._replace(free=7)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert "of disk" in convert_to_gguf(model, tmp_path / "m.gguf", SPARE_MEMORY, never)


def test_the_converter_comes_from_a_fixed_release(monkeypatch, tmp_path):
    source = tmp_path / "llama.cpp.git"
    git = ["git", "-C", source, "-c", "user.name=x", "-c", "user.email=x@example.org"]
    source.mkdir()
    subprocess.run([*git, "init", "--quiet"], check=True)
    (source / gguf.CONVERTER).write_text("print('first')")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "first"], check=True)
    subprocess.run([*git, "tag", gguf.LLAMA_CPP_TAG], check=True)
    (source / gguf.CONVERTER).write_text("print('second')")
    subprocess.run([*git, "commit", "--quiet", "-am", "second"], check=True)
    monkeypatch.setattr(gguf, "LLAMA_CPP", source.as_uri())
    assert "first" in clone_converter(tmp_path / "copy").read_text()


def test_without_a_network_the_clone_is_what_failed(monkeypatch, model, tmp_path):
    monkeypatch.setattr(gguf, "LLAMA_CPP", (tmp_path / "nowhere").as_uri())
    assert convert_to_gguf(model, tmp_path / "gguf/m.gguf", SPARE_MEMORY, clone_converter).startswith("git ended with")
