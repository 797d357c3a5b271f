"""Transactions: durable, short, safe across threads and forks, and clear when the disk is the trouble."""

import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from tests.databases import on_sqlite
from webapp.errors import Problem
from webapp.storage import Database, tables
from webapp.storage.engine import database_url
from webapp.storage.tables import Dataset, Job, JobEvent

pytestmark = pytest.mark.timeout(60)


def a_dataset(**values) -> Dataset:
    return Dataset(**({"filename": "chats.jsonl", "size": 10, "sha256": "0" * 64, "blob": "b"} | values))


def count(db: Database, table=Dataset) -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_session_commits_at_its_end_and_its_objects_stay_readable(db):
    with db.session() as session:
        dataset = a_dataset(owner="ada", analysis={"total_examples": 3})
        session.add(dataset)
    with db.reading() as session:
        again = session.get(Dataset, dataset.id)
    assert (again.owner, again.analysis, again.created_at) == (
        "ada",
        {"total_examples": 3},
        dataset.created_at,
    )


def test_an_error_in_the_block_undoes_all_of_it(db):
    def fail() -> None:
        with db.session() as session:
            session.add(a_dataset())
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert count(db) == 0


@on_sqlite
def test_a_commit_waits_for_the_disk(db):
    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


def test_a_reader_sees_one_moment_and_waits_for_no_writer(db):
    with db.session() as writing:
        writing.add(a_dataset())
        writing.flush()
        assert count(db) == 0
    assert count(db) == 1


def test_a_reader_cannot_write(db):
    with pytest.raises(Problem) as caught, db.reading() as session:
        session.execute(insert(Dataset).values(filename="f", size=1, sha256="", blob="b"))
    assert (caught.value.code, count(db)) == ("read_only", 0)


def test_all_that_a_reader_asks_is_of_the_same_moment(db):
    with db.reading() as session:
        before = session.scalar(select(func.count()).select_from(Dataset))
        with db.session() as writing:
            writing.add(a_dataset())
        assert session.scalar(select(func.count()).select_from(Dataset)) == before == 0
    assert count(db) == 1


@on_sqlite
def test_many_threads_write_at_once_and_none_is_lost(db):
    def write() -> None:
        for _ in range(10):
            with db.session() as session:
                seen = session.scalar(select(func.count()).select_from(Dataset))
                session.add(a_dataset(size=seen))

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.reading() as session:
        # Each saw what the one before it had committed: nobody wrote on an old view.
        assert sorted(session.scalars(select(Dataset.size))) == list(range(80))


def test_a_forked_process_uses_connections_of_its_own(db, url):
    script = """
import os, sys
from sqlalchemy import func, select
from webapp.storage import Database
from webapp.storage.tables import Dataset
db = Database(sys.argv[1])
def add():
    with db.session() as session:
        session.add(Dataset(filename="f", size=1, sha256="", blob=""))
add()
child = os.fork()
for _ in range(20):
    add()
db.close()
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script, url], check=True)
    assert count(db) == 41


def test_moments_come_back_in_utc_whatever_zone_they_had(db):
    moment = datetime(2026, 5, 4, 12, 0, tzinfo=timezone(timedelta(hours=5)))
    with db.session() as session:
        session.add(dataset := a_dataset(created_at=moment))
    with db.reading() as session:
        again = session.get(Dataset, dataset.id).created_at
    assert (again, again.tzinfo) == (moment, UTC)


def test_a_moment_without_a_zone_is_refused(db):
    with pytest.raises(Exception, match="time zone"), db.session() as session:
        session.add(a_dataset(created_at=datetime(2026, 5, 4)))


def test_a_job_needs_its_dataset_and_goes_with_it(db):
    with pytest.raises(IntegrityError), db.session() as session:
        session.add(Job(kind="analysis", dataset_id="nothing"))
    with db.session() as session:
        session.add(dataset := a_dataset())
        session.flush()
        session.add(job := Job(kind="analysis", dataset_id=dataset.id))
        session.flush()
        session.add(JobEvent(job_id=job.id, attempt=0, type="status", data={}))
    with db.session() as session:
        session.delete(session.get(Dataset, dataset.id))
    assert (count(db, Job), count(db, JobEvent)) == (0, 0)


def test_event_numbers_are_never_used_again(db):
    with db.session() as session:
        session.add(dataset := a_dataset())
        session.flush()
        session.add(job := Job(kind="analysis", dataset_id=dataset.id))
        session.flush()
        session.add(first := JobEvent(job_id=job.id, attempt=0, type="status", data={}))
        session.flush()
        session.delete(first)
        session.flush()
        session.add(second := JobEvent(job_id=job.id, attempt=0, type="status", data={}))
    assert second.seq > first.seq


def test_an_unknown_state_is_refused(db):
    with db.session() as session:
        session.add(dataset := a_dataset())
    with pytest.raises(IntegrityError), db.session() as session:
        session.add(Job(kind="analysis", dataset_id=dataset.id, status="nearly"))


@on_sqlite
def test_a_full_disk_is_named_and_what_was_there_stays(db):
    with db.session() as session:
        session.add(a_dataset())

    def fill() -> None:
        with db.session() as session:
            pages = session.scalar(text("PRAGMA page_count"))
            session.execute(text(f"PRAGMA max_page_count = {pages}"))
            session.add(a_dataset(blob="x" * 1_000_000))

    with pytest.raises(Problem) as caught:
        fill()
    assert (caught.value.code, caught.value.status) == ("disk_full", 503)
    assert count(db) == 1


@on_sqlite
def test_a_read_only_database_is_named(db, url):
    frozen = Database(url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true")
    try:
        with pytest.raises(Problem) as caught, frozen.session() as session:
            session.add(a_dataset())
    finally:
        frozen.close()
    assert (caught.value.code, caught.value.status) == ("read_only", 500)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_named_as_its_hosts_name_it(scheme):
    url = database_url(f"{scheme}://postgres.ref:pa%23ss@aws-0-eu-central-1.pooler.supabase.com:5432/postgres")
    assert (url.drivername, url.password, url.port) == ("postgresql+psycopg", "pa#ss", 5432)


def test_postgresql_without_its_driver_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(Problem, match=r"tunebook\[postgres\]") as caught:
        Database("postgresql://localhost/tunebook")
    assert (caught.value.code, caught.value.status) == ("postgres_not_installed", 501)


def test_a_postgresql_that_is_not_there_is_named_in_one_line():
    db = Database("postgresql://u:s3cret@127.0.0.1:1/tunebook")
    with pytest.raises(Problem) as caught, db.session() as session:
        session.add(a_dataset(filename="a private name"))
    db.close()
    assert (caught.value.code, caught.value.status) == ("storage_unavailable", 503)
    assert not re.search(r"s3cret|private|\n", caught.value.message)


def test_a_database_that_cannot_be_opened_is_named_without_any_sql(tmp_path):
    lost = Database(f"sqlite:///{tmp_path / 'no folder' / 'x.db'}")
    with pytest.raises(Problem) as caught, lost.session() as session:
        session.add(a_dataset(filename="a private name"))
    assert (caught.value.code, caught.value.status) == ("storage_unavailable", 503)
    assert "private" not in caught.value.message


def test_json_without_a_meaning_is_not_stored(db):
    with pytest.raises(Exception, match="JSON"), db.session() as session:
        session.add(a_dataset(analysis={"quality_score": float("nan")}))
    assert count(db) == 0


def test_what_was_committed_survives_a_kill(db, url):
    script = """
import os, signal, sys
from webapp.storage import Database
from webapp.storage.tables import Dataset
db = Database(sys.argv[1])
for size in range(5):
    with db.session() as session:
        session.add(Dataset(filename="f", size=size, sha256="", blob=""))
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", script, url], check=False)
    assert killed.returncode == -9
    assert count(db) == 5


def test_all_ids_are_uuids():
    assert len(tables.new_id()) == 36
    assert tables.new_id() != tables.new_id()


def test_an_error_does_not_quote_what_was_to_be_written(db):
    with pytest.raises(IntegrityError) as caught, db.session() as session:
        session.add(Job(kind="analysis", dataset_id="nowhere", params={"secret": "words"}))
    assert "words" not in str(caught.value)
