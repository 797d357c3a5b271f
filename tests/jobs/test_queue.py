"""The queue: first come, first served, to one supervisor only; and how work is called off."""

from threading import Thread

import pytest
from sqlalchemy import update
from sqlalchemy.dialects import postgresql

from tests.databases import on_postgresql
from webapp.errors import Problem
from webapp.jobs import (
    add_job,
    attempts,
    claim,
    get_job,
    job_at_rest,
    queue,
    request_cancel,
    resume,
    submit,
)
from webapp.jobs.queue import waiting_lines
from webapp.storage.tables import Job

pytestmark = pytest.mark.timeout(60)


def test_the_oldest_job_is_taken_first_and_only_once(store):
    first, second = store.add(), store.add()
    taken = [claim(store.db, "w", 30) for _ in range(3)]
    assert [job and job.id for job in taken] == [first, second, None]


def test_whoever_has_the_fewest_running_is_next(store):
    orders = [store.add() for _ in range(6)]
    owners = ["ann", "ann", "ann", "ann", "ben", None]
    with store.db.session() as session:
        for job_id, owner in zip(orders, owners, strict=True):
            session.get_one(Job, job_id).owner = owner
    # Ann's first, then whoever has none, then by age; the local person's jobs wait for nobody.
    assert [claim(store.db, "w", 30).id for _ in orders] == [orders[place] for place in (0, 4, 5, 1, 2, 3)]


def test_a_claimed_job_runs_as_its_next_attempt_under_a_lease(store):
    job = claim(store.db, "worker", 30) if store.add(rows=3) else None
    assert (job.status, job.attempt, job.worker, job.params) == ("running", 1, "worker", {"rows": 3})
    assert 29 < (job.lease_until - job.started_at).total_seconds() < 31
    assert store.story(job.id) == ["queued", "running"]


def test_only_jobs_that_a_supervisor_runs_are_claimed(store):
    elsewhere = store.add(executor="elsewhere")
    assert claim(store.db, "w", 30) is None
    theirs = [store.add(executor=name) for name in ("colab", "ray")]
    assert [claim(store.db, "w", 30).id for _ in theirs] == theirs
    assert store.job(elsewhere).status == "queued"


def test_the_lines_that_wait_are_known_by_their_oldest(store):
    for kind, executor in (("dry_run", "local"), ("run", "colab"), ("run", "local"), ("dry_run", "local")):
        store.add(kind, executor=executor)
    with store.db.reading() as session:
        lines = waiting_lines(session)
    assert [line.name for line in lines] == ["dry_run", "colab", "run"]
    assert [line.since for line in lines] == sorted(line.since for line in lines)
    assert claim(store.db, "w", 30, line=lines[2]).kind == "run"


def test_a_device_is_held_by_one_job_at_a_time(store):
    store.add(), store.add()
    first = claim(store.db, "one", 30, device="here:0")
    assert claim(store.db, "two", 30, device="here:0") is None
    assert claim(store.db, "two", 30, device="there:0") is not None
    attempts.finish(store.db, first.id, 1, {})
    store.add()
    assert claim(store.db, "two", 30, device="here:0").device == "here:0"


def test_a_claim_is_one_statement_that_postgresql_skips_locked_rows_in(store, monkeypatch):
    seen = []
    monkeypatch.setattr(
        queue, "change", lambda _session, where, values: seen.append(update(Job).where(where).values(values))
    )
    claim(store.db, "w", 30)
    sql = str(seen[0].compile(dialect=postgresql.dialect()))
    assert sql.startswith("UPDATE jobs SET")
    assert "FOR UPDATE OF jobs SKIP LOCKED" in sql


def test_a_waiting_job_is_cancelled_at_once(store):
    job_id = store.add()
    with store.db.session() as session:
        assert request_cancel(session, job_id).status == "cancelled"
    assert claim(store.db, "w", 30) is None
    assert store.job(job_id).finished_at is not None
    assert store.story(job_id) == ["queued", "cancelled"]


def test_a_running_job_is_asked_to_stop(store):
    job_id = store.add()
    claim(store.db, "w", 30)
    for _ in range(2):
        with store.db.session() as session:
            job = request_cancel(session, job_id)
        assert (job.status, job.cancel_requested) == ("running", True)


@on_postgresql
def test_a_job_whose_supervisor_shuts_down_while_it_is_being_cancelled_is_cancelled(store, monkeypatch):
    """On SQLite nobody else writes between the two statements."""
    job_id = store.add()
    claim(store.db, "w", 30)
    release = Thread(target=attempts.release, args=(store.db, job_id, 1))

    def update_after_release(table):
        release.start()
        release.join(1)
        return update(table)

    monkeypatch.setattr(queue, "update", update_after_release)
    with store.db.session() as session:
        request_cancel(session, job_id)
    release.join()
    assert store.job(job_id).status == "cancelled"


def test_cancelling_twice_is_fine(store):
    job_id = store.add()
    for _ in range(2):
        with store.db.session() as session:
            assert request_cancel(session, job_id).status == "cancelled"


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_what_has_ended_cannot_be_cancelled(store, end):
    job_id = store.add()
    claim(store.db, "w", 30)
    if end == "completed":
        attempts.finish(store.db, job_id, 1, {})
    else:
        attempts.fail(store.db, job_id, 1, {"code": "x", "message": "y"})
    with pytest.raises(Problem) as caught, store.db.session() as session:
        request_cancel(session, job_id)
    assert (caught.value.code, caught.value.status) == ("job_finished", 409)
    assert store.job(job_id).status == end


@pytest.fixture
def created(store):
    """A job that nobody has started yet."""
    with store.db.session() as session:
        return add_job(session, Job(kind="quick", dataset_id=store.dataset_id, status="created")).id


def bring(store, job_id, status) -> None:
    """Takes a created job to a state."""
    if status == "created":
        return
    with store.db.session() as session:
        submit(session, job_id)
    if status in ("running", "completed", "failed"):
        claim(store.db, "w", 30)
    if status == "completed":
        attempts.finish(store.db, job_id, 1, {"loss": 1})
    if status == "failed":
        attempts.fail(store.db, job_id, 1, {"code": "x", "message": "y"})
    if status == "cancelled":
        with store.db.session() as session:
            request_cancel(session, job_id)


def test_a_created_job_waits_until_it_is_submitted(store, created):
    assert claim(store.db, "w", 30) is None
    with store.db.session() as session:
        assert submit(session, created).status == "queued"
    assert claim(store.db, "w", 30).id == created
    assert store.story(created) == ["created", "queued", "running"]


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_a_resumed_job_waits_again_and_nothing_is_left_of_its_end(store, created, end):
    bring(store, created, end)
    with store.db.session() as session:
        job = resume(session, created)
    assert (job.status, job.error, job.result, job.finished_at) == ("queued", None, None, None)
    assert (job.cancel_requested, job.deaths, job.progress) == (False, 0, 0)
    assert claim(store.db, "w", 30).attempt == (2 if end == "failed" else 1)
    assert store.story(created)[-3:] == [end, "queued", "running"]


@pytest.mark.parametrize(
    ("order", "states"),
    [
        (submit, ("queued", "running", "completed", "failed", "cancelled")),
        (resume, ("created", "queued", "running", "completed")),
    ],
)
def test_a_transition_that_makes_no_sense_is_refused_and_changes_nothing(store, order, states):
    for status in states:
        with store.db.session() as session:
            job_id = add_job(session, Job(kind="quick", dataset_id=store.dataset_id, status="created")).id
        bring(store, job_id, status)
        story = store.story(job_id)
        with pytest.raises(Problem) as caught, store.db.session() as session:
            order(session, job_id)
        assert (caught.value.code, caught.value.status) == ("invalid_transition", 409)
        assert caught.value.details["status"] == status
        assert store.story(job_id) == story
        if status in ("queued", "running"):  # the next round's claim must not find it
            with store.db.session() as session:
                session.delete(session.get(Job, job_id))


@pytest.mark.parametrize("status", ["created", "queued", "completed", "failed", "cancelled"])
def test_what_does_not_run_is_at_rest(store, created, status):
    bring(store, created, status)
    with store.db.session() as session:
        assert job_at_rest(session, created).status == status


def test_a_running_job_is_not_at_rest(store, created):
    bring(store, created, "running")
    with pytest.raises(Problem) as caught, store.db.session() as session:
        job_at_rest(session, created)
    assert (caught.value.code, caught.value.status) == ("job_running", 409)


def test_an_unknown_job_is_not_found(store):
    for ask in (get_job, request_cancel, submit, resume, job_at_rest):
        with pytest.raises(Problem) as caught, store.db.session() as session:
            ask(session, "nothing")
        assert (caught.value.code, caught.value.status) == ("job_not_found", 404)
