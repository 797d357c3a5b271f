"""The limits of an attempt: measured on real processes and real files."""

import os
import subprocess
import sys
import time
from math import inf

import pytest

from webapp.jobs import limits
from webapp.jobs.limits import Limits, Watch
from webapp.storage.tables import Job

MIB = 1024**2
# Holds 60 MB, of which a child of its own holds half.
HOLDER = """
import subprocess, sys, time
held = b"x" * 30_000_000
if len(sys.argv) == 1:
    subprocess.Popen([sys.executable, __file__, "again"])
print("holding", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    program = tmp_path / "holder.py"
    program.write_text(HOLDER)
    process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, start_new_session=True)
    for _ in range(2):
        process.stdout.readline()
    yield process
    os.killpg(process.pid, 9)
    process.wait()
    process.stdout.close()


def test_the_memory_of_all_its_processes_counts_together(holder):
    assert Watch(Job(), holder.pid, Limits(memory=500 * MIB)).verdict() is None
    problem = Watch(Job(), holder.pid, Limits(memory=50 * MIB)).verdict()
    assert (problem.code, problem.details["limit_bytes"]) == ("memory_exceeded", 50 * MIB)
    assert 60_000_000 < problem.details["used_bytes"] < 200 * MIB
    assert "0.05 GiB" in problem.message


def test_files_count_by_what_they_take_in_all_folders(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "a").write_bytes(os.urandom(2 * MIB))
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(100 * MIB)
    (tmp_path / "loop").symlink_to(tmp_path)

    def verdict(limit):
        return Watch(Job(), os.getpid(), Limits(disk=limit, folder=lambda _: tmp_path)).verdict()

    assert verdict(3 * MIB) is None
    assert verdict(MIB).code == "disk_exceeded"
    assert 2 * MIB <= verdict(MIB).details["used_bytes"] < 3 * MIB


def test_a_folder_that_is_not_there_yet_takes_nothing(tmp_path):
    assert Watch(Job(), os.getpid(), Limits(disk=1, folder=lambda _: tmp_path / "later")).verdict() is None


@pytest.mark.parametrize(("executor", "margin"), [("local", limits.TIMEOUT_MARGIN), ("colab", limits.ELSEWHERE_MARGIN)])
def test_the_time_of_an_attempt_ends_with_a_margin(monkeypatch, executor, margin):
    watch = Watch(Job(timeout_seconds=5.0, executor=executor), os.getpid(), Limits())
    ends = time.monotonic() + 5 + margin
    monkeypatch.setattr(limits, "monotonic", lambda: ends - 1)
    assert watch.verdict() is None
    monkeypatch.setattr(limits, "monotonic", lambda: ends + 1)
    assert watch.verdict().code == "timed_out"


def test_without_limits_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(limits, "memory_bytes", lambda *_: pytest.fail("measured"))
    assert Watch(Job(), os.getpid(), Limits(memory=inf, disk=inf)).verdict() is None
