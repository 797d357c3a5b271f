"""The file that `-o` names: whole or not at all, and nothing else is harmed."""

import errno
import os

import pytest

from webapp.commands.arguments import output_file, same_file, write_output
from webapp.errors import Problem
from webapp.storage import files


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "out"
    write_output(path, b"first")
    with pytest.raises(TypeError), output_file(path) as file:
        file.writelines([b"half", None])
    assert path.read_bytes() == b"first"
    assert [item.name for item in tmp_path.iterdir()] == ["out"]


def test_of_a_link_the_file_that_it_names_is_written(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("there")
    write_output(link, b"rows")
    assert link.is_symlink()
    assert (tmp_path / "there").read_bytes() == b"rows"


def test_what_is_no_ordinary_file_is_refused_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(Problem) as caught:
        write_output(pipe, b"rows")
    assert (caught.value.code, caught.value.exit_code) == ("output_not_writable", 2)
    assert pipe.is_fifo()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EFBIG])
def test_a_place_that_takes_nothing_is_named_and_not_the_store(tmp_path, monkeypatch, number):
    def refuse(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", refuse)
    with pytest.raises(Problem, match="out cannot be written") as caught:
        write_output(tmp_path / "out", b"rows")
    assert (caught.value.code, caught.value.exit_code) == ("output_not_writable", 3)
    assert os.strerror(number) in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_problem_of_what_is_written_stays_what_it_is(tmp_path):
    with pytest.raises(Problem, match="cannot hold"), output_file(tmp_path / "out"):
        raise Problem("not_expressible", "The format cannot hold it.")


def test_two_names_of_one_file_are_known(tmp_path):
    (tmp_path / "link").symlink_to("there")
    assert same_file(tmp_path / "link", tmp_path / "." / "there")
    assert not same_file(tmp_path / "here", tmp_path / "there")
