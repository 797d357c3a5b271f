"""Attempts: only the current one may write; a death costs one more try, then the job."""

import os

import psutil
import pytest

from webapp.jobs import attempts, claim, request_cancel, resume

ERROR = {"code": "job_died", "message": "gone", "status": 500, "param": None, "details": {}}


@pytest.fixture
def old(store):
    """A job whose first attempt was lost and whose second one runs."""
    job_id = store.add()
    claim(store.db, "first", 30)
    attempts.release(store.db, job_id, 1)
    assert claim(store.db, "second", 30).attempt == 2
    return job_id


WRITES = {
    "start": lambda db, job_id: attempts.start(db, job_id, 1, 4242),
    "renew": lambda db, job_id: attempts.renew(db, [(job_id, 1)], 9000),
    "write": lambda db, job_id: attempts.write(db, job_id, 1, [("log", {"text": "late"})], (0.9, "late")),
    "finish": lambda db, job_id: attempts.finish(db, job_id, 1, {"late": True}),
    "fail": lambda db, job_id: attempts.fail(db, job_id, 1, ERROR),
    "confess": lambda db, job_id: attempts.confess(db, job_id, 1, ERROR),
    "release": lambda db, job_id: attempts.release(db, job_id, 1),
    "bury": lambda db, job_id: attempts.bury(db, job_id, 1, ERROR),
}


@pytest.fixture
def resumed(store):
    """A job that failed in its first attempt and waits for its second one."""
    job_id = store.add()
    claim(store.db, "first", 30)
    attempts.fail(store.db, job_id, 1, ERROR)
    with store.db.session() as session:
        resume(session, job_id)
    return job_id


def columns(job) -> dict:
    return {column.name: getattr(job, column.name) for column in job.__table__.columns}


@pytest.mark.parametrize("write", WRITES)
def test_a_write_of_an_old_attempt_changes_nothing(store, old, write):
    before, events = columns(store.job(old)), len(store.events(old))
    assert not WRITES[write](store.db, old)
    assert (columns(store.job(old)), len(store.events(old))) == (before, events)


@pytest.mark.parametrize("write", WRITES)
def test_the_attempt_that_failed_changes_nothing_of_a_resumed_job(store, resumed, write):
    before, events = columns(store.job(resumed)), len(store.events(resumed))
    assert not WRITES[write](store.db, resumed)
    assert (columns(store.job(resumed)), len(store.events(resumed))) == (before, events)


@pytest.mark.parametrize("write", WRITES)
def test_nothing_changes_a_job_that_has_ended(store, write):
    job_id = store.add()
    claim(store.db, "w", 30)
    assert attempts.finish(store.db, job_id, 1, {"answer": 42})
    before, events = columns(store.job(job_id)), len(store.events(job_id))
    assert not WRITES[write](store.db, job_id)
    assert (columns(store.job(job_id)), len(store.events(job_id))) == (before, events)


def test_a_result_completes_the_job(store):
    job_id = store.add()
    claim(store.db, "w", 30)
    attempts.finish(store.db, job_id, 1, {"loss": 0.5, "worst": float("nan")})
    job = store.job(job_id)
    assert (job.status, job.progress, job.result) == ("completed", 1.0, {"loss": 0.5, "worst": None})
    assert job.finished_at >= job.started_at
    assert store.story(job_id) == ["queued", "running", "completed"]


def test_progress_and_events_are_written_together(store):
    job_id = store.add()
    claim(store.db, "w", 30)
    assert attempts.write(store.db, job_id, 1, [("log", {"text": "one"}), ("log", {"text": "two"})], (0.25, "reading"))
    job = store.job(job_id)
    assert (job.progress, job.message) == (0.25, "reading")
    assert [event.data["text"] for event in store.events(job_id) if event.type == "log"] == ["one", "two"]


def test_a_lease_is_renewed(store):
    job_id = store.add()
    before = claim(store.db, "w", 5).lease_until
    attempts.renew(store.db, [(job_id, 1)], 60)
    assert (store.job(job_id).lease_until - before).total_seconds() > 50


def test_one_death_is_forgiven_the_second_is_not(store):
    job_id = store.add()
    claim(store.db, "w", 30)
    attempts.bury(store.db, job_id, 1, ERROR)
    assert store.job(job_id).status == "queued"
    claim(store.db, "w", 30)
    attempts.bury(store.db, job_id, 2, ERROR)
    job = store.job(job_id)
    assert (job.status, job.error, job.deaths) == ("failed", ERROR, 2)
    assert store.story(job_id) == ["queued", "running", "queued", "running", "failed"]
    died = [(event.attempt, event.data) for event in store.events(job_id) if event.type == "died"]
    assert died == [(1, ERROR), (2, ERROR)]


def test_what_an_attempt_confessed_is_why_it_died_and_it_runs_until_it_is_buried(store):
    said = ERROR | {"code": "kernel_died"}
    job_id = store.add()
    for attempt in (1, 2):
        claim(store.db, "w", 30)
        assert attempts.confess(store.db, job_id, attempt, said)
        assert store.job(job_id).status == "running"
        attempts.bury(store.db, job_id, attempt, ERROR)
    assert (store.job(job_id).status, store.job(job_id).error) == ("failed", said)
    queued_again = [event for event in store.events(job_id) if event.data.get("status") == "queued"][1]
    assert "error" not in queued_again.data


@pytest.mark.parametrize("end", ["release", "finish"])
def test_what_was_confessed_is_forgotten_when_the_attempt_ends_otherwise(store, end):
    job_id = store.add()
    claim(store.db, "w", 30)
    attempts.confess(store.db, job_id, 1, ERROR)
    WRITES[end](store.db, job_id)
    assert store.job(job_id).error is None


def test_giving_a_job_back_costs_it_nothing(store):
    job_id = store.add()
    for attempt in range(1, 6):
        assert claim(store.db, "w", 30).attempt == attempt
        attempts.release(store.db, job_id, attempt)
    assert (store.job(job_id).status, store.job(job_id).deaths) == ("queued", 0)


@pytest.mark.parametrize("end", [attempts.release, lambda *where: attempts.bury(*where, ERROR)])
def test_what_was_to_be_cancelled_is_not_tried_again(store, end):
    job_id = store.add()
    claim(store.db, "w", 30)
    with store.db.session() as session:
        request_cancel(session, job_id)
    end(store.db, job_id, 1)
    assert store.job(job_id).status == "cancelled"


def test_a_lease_that_ran_out_counts_as_a_death(store):
    job_id, other = store.add(), store.add()
    claim(store.db, "vanished", -1)
    claim(store.db, "alive", 30)
    attempts.bury_expired(store.db)
    assert (store.job(job_id).status, store.job(job_id).deaths) == ("queued", 1)
    assert store.job(other).status == "running"
    claim(store.db, "vanished", -1)
    attempts.bury_expired(store.db)
    assert store.job(job_id).error["code"] == "job_died"


def test_the_jobs_of_a_supervisor_that_is_gone_are_not_left_to_their_lease(store):
    gone, other = store.add(), store.add()
    claim(store.db, "gone", 30)
    claim(store.db, "alive", 30)
    assert attempts.lost(store.db, ()) == []
    assert [job.id for job in attempts.lost(store.db, {"gone"})] == [gone]
    attempts.bury_expired(store.db, {"gone"}, [gone])
    assert (store.job(gone).status, store.job(other).status) == ("queued", "running")


def test_only_the_jobs_that_were_looked_after_are_buried(store):
    first, second = store.add(), store.add()
    for _ in range(2):
        claim(store.db, "vanished", -1)
    attempts.bury_expired(store.db, (), [first])
    assert (store.job(first).status, store.job(second).status) == ("queued", "running")


@pytest.mark.parametrize("end", ["finish", "fail", "release", "bury"])
def test_what_an_attempt_held_is_free_when_it_ends(store, end):
    job_id = store.add()
    claim(store.db, "w", 30, device="here:0")
    attempts.start(store.db, job_id, 1, os.getpid())
    held = store.job(job_id)
    assert (held.device, held.pid) == ("here:0", os.getpid())
    assert held.pid_started == pytest.approx(psutil.Process().create_time(), abs=0.01)
    WRITES[end](store.db, job_id)
    job = store.job(job_id)
    assert (job.device, job.pid, job.pid_started) == (None, None, None)


def test_a_glance_tells_what_there_is_to_do(store):
    assert attempts.glance(store.db, []).lines == []
    job_id = store.add()
    assert [(line.name, line.since) for line in attempts.glance(store.db, []).lines] == [
        ("quick", store.job(job_id).created_at)
    ]
    claim(store.db, "w", -1, device="here:0")
    seen = attempts.glance(store.db, [job_id, "deleted"])
    assert (seen.lines, seen.expired, seen.own) == ([], True, {job_id: ("running", 1, False)})
    assert (seen.devices, seen.workers) == ({"here:0"}, {"w"})
