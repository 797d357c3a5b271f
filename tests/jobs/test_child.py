"""One job in a process: how each ending is written down."""

import os
import signal
import threading
import time

import pytest
from sqlalchemy import event

from tests.databases import on_sqlite
from webapp.errors import Problem
from webapp.jobs import claim, run_child
from webapp.storage.tables import Job

pytestmark = [pytest.mark.timeout(60), on_sqlite]


def run(store, function) -> Job:
    job_id = store.add("work")
    claim(store.db, "w", 30)
    run_child(store.db, job_id, 1, {"work": function})
    return store.job(job_id)


def test_what_it_returns_is_the_result(store):
    job = run(store, lambda context: {"rows": 3, "kind": context.job.kind})
    assert (job.status, job.result, job.pid) == ("completed", {"rows": 3, "kind": "work"}, None)


def test_a_problem_fails_it_with_all_the_problem_says(store):
    def refuse(context):
        raise Problem("no_valid_examples", "No line is valid.", status=400, param="file", details={"lines": [1]})

    job = run(store, refuse)
    assert job.status == "failed"
    assert job.error == {
        "code": "no_valid_examples",
        "message": "No line is valid.",
        "status": 400,
        "param": "file",
        "details": {"lines": [1]},
    }


def test_a_bug_fails_it_without_telling_people_the_code(store):
    def stumble(context):
        raise ValueError("/a/server/path")

    job = run(store, stumble)
    assert (job.status, job.error["code"]) == ("failed", "internal_error")
    assert "/a/server/path" not in str(job.error)
    traceback = next(event for event in store.events(job.id) if event.type == "traceback")
    assert "ValueError: /a/server/path" in traceback.data["text"]


def test_an_unknown_kind_is_a_bug_too(store):
    job_id = store.add("unheard of")
    claim(store.db, "w", 30)
    run_child(store.db, job_id, 1, {})
    assert store.job(job_id).error["code"] == "internal_error"


def test_events_come_in_order_before_the_end(store):
    def talk(context):
        for number in range(5):
            context.event("log", {"n": number})
        return {}

    job = run(store, talk)
    types = [event.type for event in store.events(job.id)]
    assert types == ["status", "status", "log", "log", "log", "log", "log", "status"]


def test_it_does_nothing_for_an_attempt_that_is_not_current(store):
    job_id = store.add("work")
    claim(store.db, "w", 30)
    run_child(store.db, job_id, 7, {"work": lambda _context: pytest.fail("it ran")})
    assert store.job(job_id).status == "running"


@pytest.mark.parametrize("returns", [True, False])
def test_when_told_to_stop_it_leaves_the_ending_to_the_supervisor(store, returns):
    def work(context):
        os.kill(os.getpid(), signal.SIGTERM)
        assert context.cancelled()
        return {} if returns else context.report(0.5)

    before = signal.getsignal(signal.SIGTERM)
    assert run(store, work).status == "running"
    assert signal.getsignal(signal.SIGTERM) is before


def test_it_stops_when_its_job_is_gone(store):
    def work(context):
        with store.db.session() as session:
            session.delete(session.get(Job, context.job.id))
        while True:
            context.report(0.5)
            time.sleep(0.01)

    assert run(store, work) is None


def test_reporting_is_cheap_and_the_last_word_is_kept(store):
    writes = []

    def count(_connection, _cursor, statement, *_):
        writes.extend([statement] if statement.startswith("UPDATE jobs SET progress") else [])

    def work(context):
        deadline = time.monotonic() + 0.55
        while time.monotonic() < deadline:
            context.report(0.3, "again")
        context.report(0.9, "nearly")
        return context.check() or {}

    event.listen(store.db.engine, "before_cursor_execute", count)
    began = time.monotonic()
    job = run(store, work)
    assert len(writes) <= 10 * (time.monotonic() - began) + 2
    assert job.message == "nearly"


def test_events_arrive_while_the_job_runs(store):
    seen = threading.Event()

    def work(context):
        context.event("log", {"text": "hello"})
        until = time.monotonic() + 5
        while time.monotonic() < until and not seen.is_set():
            if any(entry.type == "log" for entry in store.events(context.job.id)):
                seen.set()
            time.sleep(0.01)
        return {}

    run(store, work)
    assert seen.is_set()
