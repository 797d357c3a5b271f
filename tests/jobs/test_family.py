"""The processes of an attempt are found wherever they went, and those of others are left alone."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from webapp.jobs.family import end_family, mark, started

# Starts a process in a session of its own, as a kernel is, which starts one more; then ends.
ANCESTOR = """
import subprocess, sys
middle = "import subprocess, time; print(subprocess.Popen(['/bin/sleep', '60']).pid, flush=True); time.sleep(60)"
found = subprocess.Popen([sys.executable, "-c", middle], start_new_session=True, stdout=subprocess.PIPE, text=True)
print(found.pid, found.stdout.readline().strip())
"""


def alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def sleeper():
    """Starts a process with these variables, in a group of its own."""
    started_here = []

    def start(variables):
        sleep = ["/bin/sleep", "60"]
        started_here.append(subprocess.Popen(sleep, env=os.environ | variables, start_new_session=True))
        return started_here[-1]

    yield start
    for process in started_here:
        process.kill()
        process.wait()


def test_what_outlived_its_parents_in_another_session_is_ended():
    done = subprocess.run(
        [sys.executable, "-c", ANCESTOR], env=os.environ | mark("job", 1), stdout=subprocess.PIPE, text=True, check=True
    )
    pids = [int(pid) for pid in done.stdout.split()]
    assert all(map(alive, pids))
    assert end_family("job", 1) >= 1
    assert not any(map(alive, pids))
    assert end_family("job", 1) == 0


def test_another_attempt_and_another_job_are_left_alone(sleeper):
    others = [sleeper(mark("job", 2)), sleeper(mark("other", 1)), sleeper({})]
    end_family("job", 1)
    assert [other.poll() for other in others] == [None, None, None]


def test_a_child_is_known_by_its_number_and_its_start(sleeper):
    child = sleeper({})
    when = started(child.pid)
    assert when == pytest.approx(time.time(), abs=5)
    end_family("job", 1, child.pid, when - 60)  # the number is another process's by now
    assert child.poll() is None
    end_family("job", 1, child.pid, when)
    assert not alive(child.pid)


def test_what_is_no_process_has_no_start():
    assert started(2**22 + 1) is None
