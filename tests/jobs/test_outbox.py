"""The outbox: nothing is lost when the database is away for a moment."""

import threading

import pytest

from webapp.errors import Problem
from webapp.jobs import attempts, claim, patience
from webapp.jobs.outbox import Outbox

pytestmark = pytest.mark.timeout(60)


def test_what_could_not_be_written_is_written_later_once_and_in_order(store, monkeypatch):
    job_id = store.add()
    claim(store.db, "w", 30)
    real, failures, failed = attempts.write, iter([True]), threading.Event()

    def sometimes(*arguments):
        if next(failures, False):
            failed.set()
            raise Problem("storage_unavailable", "away", status=503)
        return real(*arguments)

    monkeypatch.setattr(attempts, "write", sometimes)
    with Outbox(store.db, job_id, 1, on_lost=lambda: None) as outbox:
        outbox.event("log", {"n": 1})
        assert failed.wait(5)
        outbox.event("log", {"n": 2})
    assert [event.data["n"] for event in store.events(job_id) if event.type == "log"] == [1, 2]


def test_a_database_that_stays_away_is_not_passed_over(store, monkeypatch):
    def never(*_arguments):
        raise Problem("storage_unavailable", "away", status=503)

    monkeypatch.setattr(attempts, "write", never)
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.2)
    outbox = Outbox(store.db, "job", 1, on_lost=lambda: None)
    with pytest.raises(Problem), outbox:
        outbox.event("log", {})


def test_an_attempt_that_was_lost_is_told(store):
    job_id, lost = store.add(), threading.Event()
    with Outbox(store.db, job_id, 1, on_lost=lost.set) as outbox:
        outbox.event("log", {"n": 1})
        assert lost.wait(5)
    assert [event.type for event in store.events(job_id)] == ["status"]


def test_a_share_beyond_its_bounds_is_cut(store):
    job_id = store.add()
    claim(store.db, "w", 30)
    with Outbox(store.db, job_id, 1, on_lost=lambda: None) as outbox:
        outbox.progress(1.7, "")
    assert store.job(job_id).progress == 1.0


def test_an_event_with_a_key_is_written_once(store):
    job_id = store.add()
    claim(store.db, "w", 30)
    with Outbox(store.db, job_id, 1, on_lost=lambda: None) as outbox:
        for loss in (0.5, 0.7):
            outbox.event("metrics", {"step": 1, "loss": loss}, "metrics:1:1")
    assert [event.data["loss"] for event in store.events(job_id) if event.type == "metrics"] == [0.5]


def test_printed_text_that_waits_together_is_one_event(store):
    job_id = store.add()
    claim(store.db, "w", 30)
    with Outbox(store.db, job_id, 1, on_lost=lambda: None) as outbox:
        for number in range(10_000):
            outbox.event("stream", {"cell": 0, "name": "stdout", "text": f"{number}\n"})
    told = [event.data["text"] for event in store.events(job_id) if event.type == "stream"]
    assert "".join(told) == "".join(f"{number}\n" for number in range(10_000))
    assert len(told) < 100
