"""Supervisors by name: whose processes are seen from here, and which are known to have ended."""

import os
import subprocess

from webapp.jobs import host_name
from webapp.jobs.hosts import is_gone, is_here, worker_name


def test_a_name_says_where_and_which():
    host, pid, _ = worker_name().rsplit(":", 2)
    assert (host, pid.isdigit()) == (host_name(), True)


def test_one_that_works_here_is_not_gone():
    assert is_here(worker_name())
    assert not is_gone(worker_name())


def test_one_that_ended_here_is_gone_whether_its_parent_has_noticed_or_not():
    ended = subprocess.Popen(["/bin/sleep", "60"])
    host, _, place = worker_name().rsplit(":", 2)
    name = f"{host}:{ended.pid}:{place}"
    assert not is_gone(name)
    ended.kill()
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(name)
    ended.wait()
    assert is_gone(name)


def test_of_one_elsewhere_nothing_is_known_even_if_it_has_the_same_host_name():
    host, _, _ = worker_name().rsplit(":", 2)
    for name in (f"{host}:4194305:another", f"{host}:4194305", "test"):
        assert not is_here(name)
        assert not is_gone(name)
