"""Three supervisors, each on a machine of its own as far as it can tell, share one PostgreSQL."""

import subprocess
import sys
import time

import pytest

from tests.databases import on_postgresql
from tests.jobs.store import PROGRAM, Store
from webapp.jobs.states import FINAL

pytestmark = pytest.mark.timeout(120)

JOBS, LEASE_SECONDS = 18, 3
SUPERVISOR = """
import json, sys, threading
from webapp.jobs import Supervisor, hosts
from webapp.storage import Database
hosts._place = lambda: sys.argv[2]
Supervisor(Database(sys.argv[1]), json.loads(sys.argv[3]), lease_seconds=float(sys.argv[4])).run(threading.Event())
"""


@pytest.fixture
def three(database_url, tmp_path):
    command = f'["{sys.executable}", "{PROGRAM}", "{database_url}", "{tmp_path}"]'
    started = [
        subprocess.Popen([sys.executable, "-c", SUPERVISOR, database_url, place, command, str(LEASE_SECONDS)])
        for place in ("first", "second", "third")
    ]
    yield started
    for supervisor in started:
        supervisor.kill()
        supervisor.wait()


@on_postgresql
def test_when_one_is_killed_its_jobs_go_on_elsewhere_and_none_runs_twice_at_once(database_url, three, tmp_path):
    store = Store(database_url)
    jobs = [store.add("exclusive") for _ in range(JOBS)]

    def under_way():
        return [job for job in map(store.job, jobs) if job.status == "running" and job.worker.endswith(":first")]

    deadline = time.monotonic() + 100
    while not under_way():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    three[0].kill()
    lost = [job.id for job in under_way()]
    while not all((job := store.job(job_id)).status in FINAL for job_id in jobs):
        assert time.monotonic() < deadline, job.status
        time.sleep(0.1)

    ended = {job.id: job for job in map(store.job, jobs)}
    store.db.close()
    assert {job.status for job in ended.values()} == {"completed"}
    assert {job.worker.rpartition(":")[2] for job in ended.values()} >= {"second", "third"}
    assert lost
    assert {(ended[job_id].attempt, ended[job_id].deaths) for job_id in lost} == {(2, 1)}
    assert {ended[job_id].worker.rpartition(":")[2] for job_id in lost} <= {"second", "third"}
    assert not (tmp_path / "twice").exists()
