"""Miniatures in the making, in real processes."""

import os
import time
from dataclasses import replace

import msgspec
import pytest

from webapp.errors import Problem
from webapp.notebooks.miniatures import making_miniature
from webapp.notebooks.reading import read_notebook


def wait(making):
    until = time.monotonic() + 60
    while not making.done():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_it_is_made_once(write_notebook, tmp_path):
    contents, folder = read_notebook(write_notebook()), tmp_path / "miniature"
    with making_miniature(contents, None, folder, os.environ) as making:
        assert not making.done()
        wait(making)
    made = (folder / "model.safetensors").stat()
    assert making.described["warm_loss"] < making.described["untrained_loss"]
    with making_miniature(contents, None, folder, os.environ) as again:
        assert again.done()
    assert again.described == making.described
    assert (folder / "model.safetensors").stat() == made


def test_what_cannot_be_made_says_why(write_notebook, tmp_path):
    contents = read_notebook(write_notebook())
    shape = msgspec.structs.replace(contents.model.shape, model_type="nonesuch")
    contents = replace(contents, model=msgspec.structs.replace(contents.model, shape=shape))
    with (
        making_miniature(contents, None, tmp_path / "miniature", os.environ) as making,
        pytest.raises(Problem, match=r"could not be made: .*nonesuch") as refused,
    ):
        wait(making)
    assert refused.value.code == "miniature_failed"
    assert making.described is None


def test_an_unfinished_one_is_given_up(write_notebook, tmp_path):
    folder = tmp_path / "miniature"
    with making_miniature(read_notebook(write_notebook()), None, folder, os.environ) as making:
        process = making._process
    assert process.returncode is not None
    assert not (folder / "miniature.json").exists()
