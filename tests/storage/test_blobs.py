"""The blob store: whole files or none, and no way out of its folder."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.errors import Problem
from webapp.storage import Blobs
from webapp.storage.files import write_file


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "files")


def write(blobs: Blobs, key: str, text: bytes, error: Exception | None = None) -> None:
    with blobs.new_file(key) as file:
        file.write(text)
        if error is not None:
            raise error


def write_folder(blobs: Blobs, key: str, text: bytes, error: Exception | None = None) -> None:
    with blobs.new_folder(key) as folder:
        (folder / "examples.jsonl").write_bytes(text)
        if error is not None:
            raise error


def everything(blobs: Blobs) -> list[str]:
    return sorted(str(path.relative_to(blobs.root)) for path in blobs.root.rglob("*") if path.is_file())


def test_a_file_is_there_once_its_block_has_ended(blobs):
    with blobs.new_file("datasets/1/upload.jsonl") as file:
        file.write(b"line\n")
        assert not blobs.exists("datasets/1/upload.jsonl")
    assert blobs.path("datasets/1/upload.jsonl").read_bytes() == b"line\n"


def test_a_new_file_replaces_the_old_one_whole(blobs):
    write(blobs, "notebooks/1.ipynb", b"a longer text")
    write(blobs, "notebooks/1.ipynb", b"short")
    assert blobs.path("notebooks/1.ipynb").read_bytes() == b"short"


def test_nothing_is_left_of_a_file_that_failed(blobs):
    with pytest.raises(ConnectionResetError):
        write(blobs, "datasets/1/upload.jsonl", b"half", ConnectionResetError())
    assert everything(blobs) == []


def test_a_failed_replacement_leaves_the_old_file(blobs):
    write(blobs, "a", b"old")
    with pytest.raises(KeyError):
        write(blobs, "a", b"new", KeyError())
    assert blobs.path("a").read_bytes() == b"old"
    assert everything(blobs) == ["a"]


def test_a_kill_in_the_middle_of_a_file_leaves_no_file_under_its_name(blobs):
    script = """
import os, signal, sys
from pathlib import Path
from webapp.storage import Blobs
with Blobs(Path(sys.argv[1])).new_file("upload.jsonl") as file:
    file.write(b"half"); file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, str(blobs.root)], check=False)
    assert not blobs.exists("upload.jsonl")


def test_a_folder_appears_whole_or_not_at_all(blobs):
    key = "datasets/1/examples/"
    with pytest.raises(KeyError):
        write_folder(blobs, key, b"half", KeyError())
    assert not blobs.exists(key)
    write_folder(blobs, key, b"first")
    write_folder(blobs, key, b"second")
    with pytest.raises(KeyError):
        write_folder(blobs, key, b"half", KeyError())
    assert everything(blobs) == ["datasets/1/examples/examples.jsonl"]
    assert blobs.path("datasets/1/examples/examples.jsonl").read_bytes() == b"second"


def test_a_working_folder_is_kept_from_one_run_to_the_next(blobs):
    (blobs.folder("runs/1/") / "checkpoint").write_bytes(b"x")
    assert (blobs.folder("runs/1/") / "checkpoint").exists()


def test_deleting_takes_a_file_or_a_folder_and_nothing_else(blobs):
    for key in ("datasets/1/a", "datasets/1/b/c", "datasets/12/a"):
        write(blobs, key, b"x")
    blobs.delete("datasets/1/a")
    assert everything(blobs) == ["datasets/1/b/c", "datasets/12/a"]
    blobs.delete("datasets/1/")
    blobs.delete("datasets/1/")
    assert everything(blobs) == ["datasets/12/a"]


def test_a_folder_goes_whatever_others_remove_and_write_there_meanwhile(blobs, monkeypatch):
    for key in ("uploads/1/a", "uploads/1/b", "uploads/1/c", "uploads/2/a"):
        write(blobs, key, b"x")
    folder, unlink, rmdir = blobs.path("uploads/1"), os.unlink, os.rmdir

    def after_another_did(*entry, **where):
        monkeypatch.setattr(os, "unlink", unlink)
        unlink(*entry, **where)
        unlink(*entry, **where)

    def after_another_came(*entry, **where):
        monkeypatch.setattr(os, "rmdir", rmdir)
        (folder / "late").write_bytes(b"x")
        rmdir(*entry, **where)

    monkeypatch.setattr(os, "unlink", after_another_did)
    monkeypatch.setattr(os, "rmdir", after_another_came)
    blobs.delete("uploads/1/")
    assert (os.unlink, os.rmdir) == (unlink, rmdir)  # both have happened
    assert not folder.exists()
    assert everything(blobs) == ["uploads/2/a"]


def test_a_folder_that_cannot_go_is_named(blobs, monkeypatch):
    write(blobs, "uploads/1/a", b"x")

    def refuse(*_entry, **_where):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(Problem) as caught:
        blobs.delete("uploads/1/")
    assert caught.value.code == "read_only"
    assert everything(blobs) == ["uploads/1/a"]


def test_a_part_whose_folder_goes_at_the_same_time_is_deleted_all_the_same(blobs, monkeypatch):
    write(blobs, "uploads/1/a", b"x")
    unlink = Path.unlink

    def with_its_folder(path, **how):
        unlink(path, **how)
        path.parent.rmdir()

    monkeypatch.setattr(Path, "unlink", with_its_folder)
    blobs.delete("uploads/1/a")
    assert everything(blobs) == []


HOSTILE = [
    "../secret",
    "datasets/../../secret",
    "/etc/passwd",
    "datasets//upload.jsonl",
    "datasets/./upload.jsonl",
    ".hidden",
    "datasets/.upload.part",
    "..",
    "",
    "/",
    "datasets\\..\\x",
    "a\0b",
    "a\nb",
    "a\n",
    "~root/x",
    "datasets/%2e%2e/x",
    "dätasets/x",
]


@pytest.mark.parametrize("key", HOSTILE)
@pytest.mark.parametrize("method", ["path", "exists", "delete", "new_file", "folder"])
def test_a_key_that_could_leave_the_store_is_refused(blobs, key, method):
    with pytest.raises(Problem) as caught:
        getattr(blobs, method)(key)
    assert (caught.value.code, caught.value.status) == ("invalid_path", 404)
    assert not blobs.root.exists()


@pytest.mark.parametrize(
    ("number", "code", "status"),
    [
        (errno.ENOSPC, "disk_full", 503),
        (errno.EDQUOT, "disk_full", 503),
        (errno.EROFS, "read_only", 500),
        (errno.EACCES, "read_only", 500),
        (errno.EIO, "storage_unavailable", 503),
    ],
)
def test_a_disk_that_fails_is_named_and_leaves_nothing(blobs, monkeypatch, number, code, status):
    def fail(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    blobs.folder("datasets")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Problem) as caught:
        write(blobs, "datasets/x", b"x")
    assert (caught.value.code, caught.value.status) == (code, status)
    assert everything(blobs) == []


def test_a_write_that_finds_the_disk_full_is_named_too(tmp_path):
    blobs = Blobs(tmp_path)
    with pytest.raises(Problem) as caught, blobs.new_file("x"), Path("/dev/full").open("wb") as full:
        full.write(b"x")
    assert caught.value.code == "disk_full"
    assert everything(blobs) == []


def test_write_file_puts_all_of_it_in_place(tmp_path):
    write_file(tmp_path / "new" / "x", b"one")
    write_file(tmp_path / "new" / "x", b"two")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x"]
    assert (tmp_path / "new" / "x").read_bytes() == b"two"


@pytest.mark.parametrize("linking", [True, False], ids=["a hard link", "a copy"])
def test_what_is_kept_stays_when_its_source_is_replaced(blobs, monkeypatch, linking):
    def refuse(*_):
        raise OSError(errno.EPERM, "no hard links here")

    if not linking:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    write(blobs, "a/rows", b"old")
    blobs.keep(blobs.path("a/rows"), "b/rows")
    assert blobs.path("b/rows").samefile(blobs.path("a/rows")) is linking
    write(blobs, "a/rows", b"new")
    blobs.delete("a/")
    assert blobs.path("b/rows").read_bytes() == b"old"


def test_the_files_of_a_folder_are_told_with_their_bytes_and_without_links(blobs, tmp_path):
    folder = blobs.folder("runs/1")
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"abc")
    (folder / "deep" / "er" / "b ü.bin").write_bytes(b"12345")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    (folder / "link.txt").symlink_to(tmp_path / "outside" / "secret")
    (folder / "folder").symlink_to(tmp_path / "outside")
    assert blobs.files("runs/1") == {"a.txt": 3, "deep/er/b ü.bin": 5}
    assert blobs.files("runs/2") == {}


def test_a_file_can_be_named_by_what_is_in_it(blobs):
    stored = blobs.add("datasets/1", iter([b"one ", b"two"]), ".jsonl")
    assert stored.sha256 == hashlib.sha256(b"one two").hexdigest()
    assert (stored.key, stored.size) == (f"datasets/1/{stored.sha256}.jsonl", 7)
    assert blobs.path(stored.key).read_bytes() == b"one two"
    assert blobs.path(stored.key).stat().st_mode & 0o777 == 0o600
    assert blobs.add("datasets/1", [b"one two"], ".jsonl") == stored
    assert everything(blobs) == [stored.key]


def test_nothing_is_left_of_bytes_that_broke_off(blobs):
    def chunks():
        yield b"one"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        blobs.add("datasets/1", chunks())
    assert everything(blobs) == []
