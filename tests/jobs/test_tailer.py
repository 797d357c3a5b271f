"""Following a job: each event once, in order, from any number on, whatever happens meanwhile."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.conftest import until
from tests.databases import on_sqlite
from webapp.errors import Problem
from webapp.jobs import Tailer, attempts, claim, readers, resume, tailer
from webapp.storage.tables import Job


@pytest.fixture
def follow(store):
    """A tailer of the store; its readers are closed afterwards, and then its thread ends."""
    made = Tailer(store.db, places=50)
    yield made
    made.stop()
    until(lambda: made._thread is None)


@pytest.fixture
def running(store):
    """The id of a job that runs."""
    job_id = store.add()
    assert claim(store.db, "w", 60).id == job_id
    return job_id


def write(store, job_id, *numbers, progress=None):
    assert attempts.write(store.db, job_id, 1, [("log", {"n": number}) for number in numbers], progress)


def finish(store, job_id):
    assert attempts.finish(store.db, job_id, 1, {})


def read_to_the_end(reader):
    """All messages until the reader has ended."""
    messages, deadline = [], time.monotonic() + 20
    while (got := reader.read(0.2)) or not reader.ended:
        messages += got
        assert time.monotonic() < deadline
    return messages


def read(reader, count):
    """At least `count` messages."""
    messages, deadline = [], time.monotonic() + 10
    while len(messages) < count:
        messages += reader.read(0.2)
        assert time.monotonic() < deadline
    return messages


def numbers(messages):
    return [message.body["data"]["n"] for message in messages if message.body["type"] == "log"]


def test_what_is_there_is_told_first_and_then_what_comes(store, follow, running):
    write(store, running, 0, 1, 2)
    with follow.open(running) as reader:
        assert [message.body.get("status") for message in read(reader, 5)] == ["queued", "running", None, None, None]
        write(store, running, 3)
        (message,) = read(reader, 1)
    event = store.events(running)[-1]
    assert message.seq == event.seq
    assert message.body == {
        "type": "log", "seq": event.seq, "attempt": 1,
        "timestamp": event.at.isoformat().replace("+00:00", "Z"), "data": {"n": 3},
    }  # fmt: skip


def test_a_reader_goes_on_behind_the_last_event_it_saw(store, follow, running):
    write(store, running, *range(10))
    seen = store.events(running)[5].seq
    with follow.open(running, seen) as reader:
        assert numbers(read(reader, 6)) == [4, 5, 6, 7, 8, 9]


def test_readers_that_come_and_go_while_a_job_writes_miss_nothing_and_see_nothing_twice(store, follow, running):
    def write_all():
        for number in range(0, 400, 4):
            write(store, running, *range(number, number + 4))
        finish(store, running)

    def visit(pause):
        """Reads a little, leaves, and comes back behind what was seen, again and again."""
        got, seen = [], 0
        while True:
            time.sleep(pause)
            with follow.open(running, seen) as reader:
                for _ in range(3):
                    messages = reader.read(0.05)
                    got += messages
                    seen = max([seen, *(message.seq or 0 for message in messages)])
                if reader.ended:
                    return got

    def stay(pause):
        time.sleep(pause)
        with follow.open(running) as reader:
            return read_to_the_end(reader)

    with ThreadPoolExecutor(20) as pool:
        results = [pool.submit(way, pause / 100) for pause in range(9) for way in (visit, stay)]
        pool.submit(write_all).result()
        for result in results:
            assert numbers(result.result()) == list(range(400))


def test_a_reader_that_falls_behind_keeps_little_waiting_and_goes_on_from_the_log(store, follow, running, monkeypatch):
    monkeypatch.setattr(readers, "_WAITING", 10)
    monkeypatch.setattr(readers, "_PAGE", 7)
    with follow.open(running) as slow, follow.open(running) as quick:
        read(slow, 2)
        for number in range(100):
            write(store, running, number)
        finish(store, running)
        assert numbers(read_to_the_end(quick)) == list(range(100))
        assert len(slow._queue) <= 11
        assert numbers(read_to_the_end(slow)) == list(range(100))


def test_the_stream_of_a_finished_job_replays_it_and_ends(store, follow, running):
    write(store, running, 1, 2)
    finish(store, running)
    with follow.open(running) as reader:
        messages = read_to_the_end(reader)
        assert reader.ended == "completed"
    assert [message.body.get("status") for message in messages[:4]] == ["queued", "running", None, None]
    assert "completed" in [message.body.get("status") for message in messages]


def test_a_failure_is_told_with_its_error_and_a_job_that_is_taken_up_again_is_followed_anew(store, follow, running):
    with follow.open(running) as old:
        attempts.fail(store.db, running, 1, {"code": "cell_failed", "message": "It broke.", "details": {"path": "/x"}})
        last = read_to_the_end(old)[-1]
        assert (last.body["status"], last.body["error"]) == ("failed", {"code": "cell_failed", "message": "It broke."})
        with store.db.session() as session:
            resume(session, running)
        with follow.open(running, last.seq) as new:
            assert read(new, 1)[0].body["status"] == "queued"
            assert (old.ended, new.ended) == ("failed", None)


def test_the_stream_of_a_deleted_job_ends(store, follow, running):
    with follow.open(running) as reader:
        read(reader, 2)
        with store.db.session() as session:
            session.delete(session.get_one(Job, running))
        assert read_to_the_end(reader) == []
        assert reader.ended == "deleted"


def test_progress_is_told_when_it_changes_and_has_no_number(store, follow, running):
    with follow.open(running) as reader:
        read(reader, 2)
        write(store, running, progress=(0.25, "step 1/4"))
        (message,) = read(reader, 1)
        assert message.seq is None
        assert {**message.body, "timestamp": ""} == {
            "type": "progress", "timestamp": "", "progress": 0.25, "message": "step 1/4",
        }  # fmt: skip
        with follow.open(running) as later:
            assert read(later, 3)[-1].body["progress"] == 0.25


def test_printed_text_is_a_log_and_the_traceback_of_a_fault_of_ours_is_told_to_nobody(store, follow, running):
    printed = {"cell": 3, "name": "stdout", "text": "loss 1.5\n"}
    metrics = {"step": 2, "loss": 1.5, "learning_rate": 2e-4}
    news = [("traceback", {"text": "/a/server/path"}), ("stream", printed), ("metrics", metrics)]
    attempts.write(store.db, running, 1, news, None)
    finish(store, running)
    with follow.open(running) as reader:
        messages = read_to_the_end(reader)
    assert not any("/a/server/path" in message.text for message in messages)
    said = {message.body["type"]: message.body for message in messages}
    assert {said["log"][name] for name in ("message", "cell", "name")} == {"loss 1.5\n", 3, "stdout"}
    assert said["metrics"]["data"] == metrics


def test_there_are_so_many_places_and_no_more(store, running):
    follow = Tailer(store.db, places=2)
    first, second = follow.open(running), follow.open(running)
    with pytest.raises(Problem) as refused:
        follow.open(running)
    assert (refused.value.code, refused.value.status) == ("too_many_streams", 503)
    assert refused.value.details["retry_after"] > 0
    first.close()
    first.close()
    follow.open(running).close()
    second.close()
    until(lambda: follow._thread is None)


def test_stopping_ends_every_reader_at_once(store, follow, running):
    with follow.open(running) as reader:
        read(reader, 2)
        threading.Timer(0.1, follow.stop).start()
        began = time.monotonic()
        assert reader.read(30) == []
        assert (reader.ended, time.monotonic() - began < 5) == ("stopping", True)
    with follow.open(running) as late:
        assert len(read_to_the_end(late)) == 2
        assert late.ended == "stopping"


@on_sqlite  # what a reader began before the outage may still be answered by PostgreSQL
def test_streams_outlive_a_database_that_is_away(store, follow, running, monkeypatch):
    monkeypatch.setattr(readers, "_AWAY_SECONDS", 0.05)
    monkeypatch.setattr(tailer, "_AWAY_SECONDS", 0.05)

    @contextmanager
    def away():
        raise Problem("storage_unavailable", "The store cannot be used right now.", status=503)
        yield

    with follow.open(running) as following, follow.open(running) as catching_up:
        read(following, 2)
        with monkeypatch.context() as outage:
            outage.setattr(store.db, "reading", away)
            write(store, running, 1, 2, 3)
            assert following.read(0.2) == catching_up.read(0.2) == []
        finish(store, running)
        assert numbers(read_to_the_end(following)) == numbers(read_to_the_end(catching_up)) == [1, 2, 3]


def test_a_fault_of_ours_does_not_end_the_thread(store, follow, running, monkeypatch):
    monkeypatch.setattr(tailer, "_AWAY_SECONDS", 0.05)
    with follow.open(running) as reader:
        read(reader, 2)
        with monkeypatch.context() as broken:
            broken.setattr(tailer, "event_message", lambda _: 1 / 0)
            write(store, running, 1)
            time.sleep(0.2)
        assert numbers(read(reader, 1)) == [1]


def test_open_streams_hold_no_connection_and_the_thread_ends_with_the_last(store, running):
    follow = Tailer(store.db, places=50)
    open_readers = [follow.open(running) for _ in range(30)]
    for reader in open_readers:
        read(reader, 2)
    # The pool has 15; the thread has one at most, and only while it asks.
    assert store.db.engine.pool.checkedout() <= 1
    for reader in open_readers:
        reader.close()
    until(lambda: follow._thread is None)
    with follow.open(running) as again:
        assert len(read(again, 2)) == 2
    until(lambda: follow._thread is None)


def test_each_job_is_told_to_its_own_readers(store, follow):
    jobs = [store.add() for _ in range(3)]
    for _ in jobs:
        claim(store.db, "w", 60)
    opened = [follow.open(job_id) for job_id in jobs]
    for number, job_id in enumerate(jobs):
        write(store, job_id, number, number + 10)
        finish(store, job_id)
    assert [numbers(read_to_the_end(reader)) for reader in opened] == [[0, 10], [1, 11], [2, 12]]
    for reader in opened:
        reader.close()
