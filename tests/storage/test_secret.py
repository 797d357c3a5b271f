"""The installation's secret: one for all processes, for good, for its owner's eyes."""

import stat
import threading

import pytest

from webapp.errors import Problem
from webapp.storage import secret_key


def test_it_is_made_once_and_kept(tmp_path):
    key = secret_key(tmp_path / "home")
    assert len(bytes.fromhex(key)) == 32
    assert secret_key(tmp_path / "home") == key
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret_key"]


def test_only_its_owner_may_read_it(tmp_path):
    secret_key(tmp_path)
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_two_stores_have_two_secrets(tmp_path):
    assert secret_key(tmp_path / "a") != secret_key(tmp_path / "b")


def test_all_who_start_at_once_get_the_same(tmp_path):
    keys, barrier = [], threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        keys.append(secret_key(tmp_path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_damaged_file_is_named_and_not_replaced(tmp_path):
    (tmp_path / "secret_key").write_text("")
    with pytest.raises(Problem) as caught:
        secret_key(tmp_path)
    assert caught.value.code == "storage_unavailable"
    assert (tmp_path / "secret_key").read_text() == ""
