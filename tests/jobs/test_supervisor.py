"""The supervisor with real processes: each job to its end, through kills, cancels and shutdowns."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import psutil
import pytest

from tests.conftest import started_with, until
from tests.databases import on_sqlite
from tests.jobs.store import PROGRAM
from webapp.errors import Problem
from webapp.jobs import Limits, Machine, Needs, attempts, claim, limits, patience, process, request_cancel
from webapp.jobs.child import SUPERVISOR_PID
from webapp.jobs.hosts import worker_name
from webapp.jobs.supervisor import LEASE_SECONDS, POLL_SECONDS
from webapp.storage.tables import Job, utc_now

pytestmark = pytest.mark.timeout(60)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def cancel(store, job_id: str) -> None:
    with store.db.session() as session:
        request_cancel(session, job_id)


def test_a_job_runs_in_a_process_of_its_own(store, supervise):
    job_id = store.add(rows=3)
    supervise()
    job = store.ended(job_id)
    assert (job.status, job.result) == ("completed", {"attempt": 1, "params": {"rows": 3}})
    assert store.story(job_id) == ["queued", "running", "completed"]


@on_sqlite
def test_its_process_is_known_and_leads_its_own_group(store, supervise):
    job_id = store.add("slow")
    supervise()
    job = store.until(job_id, lambda job: job.progress == 0.5)
    assert alive(job.pid)
    assert os.getpgid(job.pid) == os.getsid(job.pid) == job.pid


@on_sqlite
def test_jobs_run_side_by_side_but_not_more_than_allowed(store, supervise):
    first, second, third = (store.add("slow") for _ in range(3))
    supervise(machine=Machine(jobs=2))
    store.until(first, lambda job: job.progress)
    store.until(second, lambda job: job.progress)
    assert store.job(third).status == "queued"
    cancel(store, first)
    store.until(third, lambda job: job.progress)


def test_a_killed_job_runs_once_more_and_completes(store, supervise):
    job_id = store.add("killed_once")
    supervise()
    job = store.ended(job_id)
    assert (job.status, job.result) == ("completed", {"attempt": 2})
    assert store.story(job_id) == ["queued", "running", "queued", "running", "completed"]


@on_sqlite
def test_a_child_that_is_killed_from_outside_is_replaced(store, supervise):
    job_id = store.add("slow")
    supervise()
    first = store.until(job_id, lambda job: job.progress)
    os.kill(first.pid, signal.SIGKILL)
    second = store.until(job_id, lambda job: job.attempt == 2 and job.progress)
    assert second.pid != first.pid


@on_sqlite
def test_two_deaths_fail_the_job_with_the_signal_in_words(store, supervise):
    job_id = store.add("killed")
    supervise()
    job = store.ended(job_id)
    assert (job.status, job.error["code"], job.attempt) == ("failed", "job_died", 2)
    assert "signal 9 (SIGKILL)" in job.error["message"]


@on_sqlite
def test_an_exit_without_a_result_is_told_with_its_last_words(store, supervise):
    job_id = store.add("exits")
    supervise()
    error = store.ended(job_id).error
    assert "exit status 7" in error["message"]
    assert (error["details"]["exit_status"], error["details"]["stderr"]) == (7, ["the last words"])


def test_a_running_job_is_cancelled(store, supervise):
    job_id = store.add("slow")
    supervise()
    pid = store.until(job_id, lambda job: job.progress).pid
    began = time.monotonic()
    cancel(store, job_id)
    job = store.ended(job_id)
    assert job.status == "cancelled"
    assert time.monotonic() - began < 2
    assert not alive(pid)


@on_sqlite
def test_a_deaf_job_is_killed_with_all_it_started(store, supervise, tmp_path):
    job_id = store.add("deaf")
    supervise()
    until(lambda: (tmp_path / "helper").exists() and (tmp_path / "helper").read_text())
    helper = int((tmp_path / "helper").read_text())
    cancel(store, job_id)
    assert store.ended(job_id).status == "cancelled"
    until(lambda: not alive(helper))


def limit(store, job_id: str, seconds: float) -> None:
    with store.db.session() as session:
        session.get(Job, job_id).timeout_seconds = seconds


@on_sqlite
@pytest.mark.parametrize("kind", ["slow", "deaf"])
def test_a_job_that_takes_too_long_is_stopped_and_fails(store, supervise, monkeypatch, kind):
    monkeypatch.setattr(limits, "TIMEOUT_MARGIN", 0.0)
    monkeypatch.setattr(process, "_VERDICT_GRACE", 0.3)
    job_id = store.add(kind)
    limit(store, job_id, 3)
    supervise()
    job = store.ended(job_id)
    assert (job.status, job.error["code"], job.attempt) == ("failed", "timed_out", 1)
    assert store.story(job_id) == ["queued", "running", "failed"]
    assert not started_with(job_id)


@on_sqlite
def test_a_job_within_its_time_is_left_alone(store, supervise):
    job_id = store.add()
    limit(store, job_id, 60)
    supervise()
    assert store.ended(job_id).status == "completed"


def test_a_deleted_job_is_stopped(store, supervise):
    job_id = store.add("slow")
    supervise()
    job = store.until(job_id, lambda job: job.progress)
    with store.db.session() as session:
        session.delete(session.merge(job))
    until(lambda: not alive(job.pid))


@on_sqlite
@pytest.mark.parametrize("kind", ["slow", "deaf"])
def test_a_shutdown_is_quick_and_gives_jobs_back(store, supervise, kind):
    job_id = store.add(kind)
    watch = supervise()
    pid = store.until(job_id, lambda job: job.pid).pid
    until(lambda: len(store.events(job_id)) > 2 or store.job(job_id).progress)
    assert watch.stop() < 2
    assert not alive(pid)
    job = store.job(job_id)
    assert (job.status, job.deaths, job.pid) == ("queued", 0, None)


@on_sqlite
def test_a_shutdown_waits_no_longer_for_a_job_that_was_cancelled_just_before(store, supervise):
    job_id = store.add("deaf")
    watch = supervise()
    store.until(job_id, lambda job: job.pid)
    until(lambda: len(store.events(job_id)) > 2)
    cancel(store, job_id)
    time.sleep(3 * POLL_SECONDS)
    assert watch.stop() < 2
    assert store.job(job_id).status == "cancelled"


@on_sqlite
def test_after_a_night_in_suspend_its_own_jobs_go_on(store, supervise):
    job_id = store.add("slow")
    supervise()
    pid = store.until(job_id, lambda job: job.progress).pid
    with store.db.session() as session:
        session.get(Job, job_id).lease_until = utc_now() - timedelta(hours=8)
    job = store.until(job_id, lambda job: job.lease_until > utc_now())
    assert (job.status, job.attempt, job.deaths, job.pid) == ("running", 1, 0, pid)
    assert alive(pid)


def test_a_child_writes_its_end_before_its_supervisor_would_end_it():
    assert patience.PATIENCE_SECONDS < LEASE_SECONDS * 2 / 3


def test_a_lease_is_held_while_the_job_runs(store, supervise):
    job_id = store.add("slow")
    supervise(lease_seconds=0.9)
    before = store.until(job_id, lambda job: job.progress)
    later = store.until(job_id, lambda job: (job.lease_until - before.lease_until).total_seconds() > 1)
    assert (later.status, later.attempt) == ("running", 1)


SUPERVISOR = """
import sys, threading
from webapp.jobs import Supervisor
from webapp.storage import Database
Supervisor(Database(sys.argv[1]), json.loads(sys.argv[2]), lease_seconds=600).run(threading.Event())
"""


def test_children_die_with_a_killed_supervisor_and_the_next_one_takes_over_at_once(store, supervise, tmp_path):
    job_id = store.add("slow")
    command = json.dumps([sys.executable, str(PROGRAM), store.url, str(tmp_path)])
    first = subprocess.Popen([sys.executable, "-c", "import json" + SUPERVISOR, store.url, command])
    try:
        pid = store.until(job_id, lambda job: job.progress).pid
    finally:
        first.kill()
        first.wait()
    until(lambda: not alive(pid), seconds=2)
    supervise()
    job = store.until(job_id, lambda job: job.attempt == 2 and job.progress)
    assert (job.status, job.deaths) == ("running", 1)


def test_what_outlived_its_supervisor_is_ended_before_its_job_runs_again(store, supervise, tmp_path):
    """A child in the place of one that the death of its supervisor did not reach."""
    job_id = store.add("quick")
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    claim(store.db, worker_name().replace(f":{os.getpid()}:", f":{ended.pid}:"), 600)
    orphan = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    attempts.start(store.db, job_id, 1, orphan.pid)
    supervise()
    job = store.ended(job_id)
    assert (job.status, job.attempt, alive(orphan.pid)) == ("completed", 2, False)
    orphan.wait()


@on_sqlite
def test_what_a_killed_child_leaves_in_another_session_is_ended_with_it(store, supervise, tmp_path):
    job_id = store.add("hungry")
    supervise()
    until(lambda: (tmp_path / "helper").exists() and (tmp_path / "helper").read_text())
    helper = int((tmp_path / "helper").read_text())
    os.kill(store.job(job_id).pid, signal.SIGKILL)
    until(lambda: not alive(helper))


@on_sqlite
def test_a_job_that_takes_too_much_memory_is_stopped_and_not_tried_again(store, supervise, monkeypatch, tmp_path):
    monkeypatch.setattr(process, "_VERDICT_GRACE", 0.3)
    job_id = store.add("hungry")
    supervise(limits=Limits(memory=90_000_000))
    job = store.ended(job_id)
    assert (job.status, job.error["code"], job.attempt) == ("failed", "memory_exceeded", 1)
    assert job.error["details"]["used_bytes"] > job.error["details"]["limit_bytes"] == 90_000_000
    until(lambda: not alive(int((tmp_path / "helper").read_text())))


@on_sqlite
def test_the_death_of_what_does_the_work_costs_one_more_try_too(store, supervise):
    job_id = store.add("dies_inside")
    supervise()
    job = store.ended(job_id)
    assert (job.status, job.error["code"], job.attempt, job.deaths) == ("failed", "kernel_died", 2, 2)


@on_sqlite
def test_the_error_of_a_job_that_died_is_explained(store, supervise):
    job_id = store.add("killed")
    supervise(explain=lambda job, error: {**error, "details": {"failure": f"{job.kind}: {error['code']}"}})
    assert store.ended(job_id).error["details"] == {"failure": "killed: job_died"}


def test_two_jobs_never_share_a_gpu(store, supervise):
    """Two supervisors on one machine with two cards, each of which would have room for all three jobs."""
    machine = Machine(gpus={"here:0": "GPU-a", "here:1": "GPU-b"}, needs={"slow": Needs(gpu=True)})
    jobs = [store.add("slow") for _ in range(3)]
    for _ in range(2):
        supervise(machine=machine)
    held = [store.until(job_id, lambda job: job.progress).device for job_id in jobs[:2]]
    assert sorted(held) == ["here:0", "here:1"]
    time.sleep(1)
    assert store.job(jobs[2]).status == "queued"
    cancel(store, jobs[0])
    assert store.until(jobs[2], lambda job: job.progress).device == held[0]


@on_sqlite
def test_a_run_sees_its_own_gpu_alone(store, supervise, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    job_id, other = store.add("environment"), store.add("quick")
    supervise(machine=Machine(gpus={"here:0": "GPU-a"}, needs={"environment": Needs(gpu=True)}))
    assert store.ended(job_id).result["CUDA_VISIBLE_DEVICES"] == "GPU-a"
    assert store.ended(other).status == "completed"


@on_sqlite
def test_a_supervisor_that_cannot_renew_ends_its_children_before_another_starts_them(store, supervise, monkeypatch):
    job_id = store.add("slow")
    supervise(lease_seconds=2)
    child = store.until(job_id, lambda job: job.progress).pid
    real = attempts.renew

    def away(*_arguments):
        raise Problem("storage_unavailable", "away", status=503)

    monkeypatch.setattr(attempts, "renew", away)
    until(lambda: not alive(child), seconds=5)
    monkeypatch.setattr(attempts, "renew", real)
    job = store.until(job_id, lambda job: job.attempt == 2 and job.progress)
    assert job.status == "running"


@on_sqlite
def test_a_child_that_starts_after_its_supervisor_died_does_nothing(store, tmp_path):
    job_id = store.add()
    late = subprocess.run(
        [sys.executable, str(PROGRAM), store.url, str(tmp_path), job_id, "1"],
        env=os.environ | {SUPERVISOR_PID: "1"},
        capture_output=True,
        check=False,
    )
    assert late.returncode == 1
    assert store.job(job_id).status == "queued"


@on_sqlite
def test_secrets_do_not_reach_a_job(store, supervise, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    monkeypatch.setenv("TUNEBOOK_HOME", "/home/of/tunebook")
    job_id = store.add("environment")
    supervise()
    seen = store.ended(job_id).result
    assert seen["TUNEBOOK_HOME"] == "/home/of/tunebook"
    assert "OPENAI_API_KEY" not in seen


@on_sqlite
def test_a_command_that_does_not_start_fails_the_job(store, supervise, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    job_id = store.add()
    supervise()
    error = store.ended(job_id).error
    assert (error["code"], "could not be started" in error["message"]) == ("job_died", True)


@on_sqlite
def test_it_waits_for_a_database_that_is_away_for_a_moment(store, supervise, monkeypatch):
    real, failures = attempts.glance, iter([True, True])

    def sometimes(*arguments):
        if next(failures, False):
            raise Problem("storage_unavailable", "away", status=503)
        return real(*arguments)

    monkeypatch.setattr(attempts, "glance", sometimes)
    job_id = store.add()
    supervise()
    assert store.ended(job_id).status == "completed"
    assert next(failures, None) is None
