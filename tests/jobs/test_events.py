"""The log: in order, from any number on, and storable whatever a notebook prints."""

import json
import threading

from hypothesis import given
from hypothesis import strategies as st

from webapp.jobs import attempts, claim, read_events
from webapp.jobs.events import News, append, joined, storable
from webapp.storage.tables import JobEvent


def test_a_reader_goes_on_where_it_stopped(store):
    job_id, other = store.add(), store.add()
    claim(store.db, "w", 30)
    for number in range(10):
        attempts.write(store.db, job_id, 1, [("log", {"n": number})], None)
        attempts.write(store.db, other, 1, [("log", {"n": -1})], None)
    read, after = [], 0
    with store.db.reading() as session:
        while events := read_events(session, job_id, after, limit=3):
            read += [event.data.get("n") for event in events]
            after = events[-1].seq
    assert read == [None, None, *range(10)]


def test_a_reader_that_follows_many_writers_misses_no_number(store):
    """A transaction that got a lower number and commits later would be lost to whoever reads on from the higher one."""
    job_id = store.add()
    claim(store.db, "w", 30)

    def write(writer):
        for number in range(20):
            attempts.write(store.db, job_id, 1, [("log", {"writer": writer, "n": number})] * 2, None)

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    followed, after = [], 0
    while any(writer.is_alive() for writer in writers) or store.events(job_id, after):
        for event in store.events(job_id, after):
            followed.append(event.seq)
            after = event.seq
    assert followed == [event.seq for event in store.events(job_id)]
    assert len(followed) == 2 + 4 * 20 * 2


def test_events_know_their_attempt_and_time(store):
    job_id = store.add()
    job = claim(store.db, "w", 30)
    last = store.events(job_id)[-1]
    assert (last.attempt, last.data) == (1, {"status": "running"})
    assert last.at >= job.created_at


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
)


@given(values)
def test_every_value_becomes_json_that_every_database_takes(value):
    text = json.dumps(storable(value), allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    assert "\\u0000" not in text


def test_what_is_storable_stays_as_it_is():
    value = {"text": "Grüße 👋\n", "list": [1, 2.5, None, True], "nested": {"a": []}}
    assert storable(value) == value


def test_what_is_not_is_replaced_one_for_one():
    assert storable({"t": "a\0b\ud800c", "x": float("inf")}) == {"t": "a\ufffdb\ufffdc", "x": None}


def test_only_events_that_meet_the_conditions_are_read(store):
    job_id = store.add()
    claim(store.db, "w", 30)
    attempts.write(store.db, job_id, 1, [("stream", {"text": "a"}), ("log", {}), ("stream", {"text": "b"})], None)
    with store.db.reading() as session:
        found = read_events(session, job_id, 0, 500, JobEvent.type == "stream")
    assert [event.data["text"] for event in found] == ["a", "b"]


def test_an_event_with_a_key_is_kept_once_for_each_job(store):
    job_id, other = store.add(), store.add()
    for each in (job_id, other, job_id):
        with store.db.session() as session:
            events = [News("metrics", {"step": 1}, "a"), News("log", {}), News("metrics", {"step": 2}, "b")]
            append(session, each, 1, [*events, News("metrics", {"step": 3}, "a")])
    kept = [(event.type, event.data.get("step")) for event in store.events(job_id) if event.type != "status"]
    assert kept == [("metrics", 1), ("log", None), ("metrics", 2), ("log", None)]
    assert [event.key for event in store.events(other) if event.type == "metrics"] == ["a", "b"]


def test_it_is_said_how_many_events_were_new(store):
    job_id = store.add()
    with store.db.session() as session:
        assert append(session, job_id, 1, [News("a", {}, "1"), ("b", {}), News("a", {}, "1")]) == 2
        assert append(session, job_id, 1, [News("a", {}, "1")]) == 0


def piece(text, cell=1, name="stdout", **more):
    return News("stream", {"cell": cell, "name": name, "text": text, **more})


def test_printed_text_is_joined_while_it_comes_from_one_place():
    log = News("log", {})
    told = [piece("a"), piece("b"), piece("c", name="stderr"), piece("d"), log, piece("e"), piece("f", cell=2)]
    assert joined(told) == [
        piece("ab"), piece("c", name="stderr"), piece("d"), log, piece("e"), piece("f", cell=2),
    ]  # fmt: skip


def test_pieces_of_one_answer_are_joined():
    told = [News("piece", {"prompt": 3, "side": side, "text": text}) for side, text in (("base", "a"), ("base", "b"))]
    other = News("piece", {"prompt": 3, "side": "tuned", "text": "c"})
    assert joined([*told, other]) == [News("piece", {"prompt": 3, "side": "base", "text": "ab"}), other]


def test_joined_text_stays_short_and_what_was_cut_stays_apart():
    pieces = joined(piece("x" * 1000) for _ in range(200))
    assert 3 <= len(pieces) <= 5
    assert "".join(each.data["text"] for each in pieces) == "x" * 200_000
    cut = [piece("a", left_out=5), piece("b"), piece("c", left_out=1)]
    assert joined(cut) == cut
