"""What goes by itself, and what stays."""

import os
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from webapp import workflow
from webapp.accounts import LOCAL, VISITOR
from webapp.errors import Problem
from webapp.jobs import attempts, claim
from webapp.storage.people import Account, AuditEvent, SignIn
from webapp.storage.tables import Dataset, StreamTicket, Upload, utc_now
from webapp.workflow import deleting, retention

LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
GOES_ON = threading.Event()
PAST = timedelta(seconds=-1)


@pytest.fixture
def visitors(services):
    return workflow.upload(services, VISITOR, "a.jsonl", [LINE])


def expire(services, dataset_id):
    with services.db.session() as session:
        session.execute(update(Dataset).where(Dataset.id == dataset_id).values(expires_at=utc_now() + PAST))


def there(services, dataset_id):
    with services.db.reading() as session:
        row = session.get(Dataset, dataset_id) is not None
    assert row == services.blobs.exists(f"datasets/{dataset_id}")
    return row


def test_what_a_visitor_uploads_expires_and_what_is_somebodys_does_not(services, visitors):
    days = (visitors.expires_at - utc_now()) / timedelta(days=1)
    assert days == pytest.approx(services.settings.retention_days, abs=0.01)
    assert workflow.dataset_state(services, VISITOR, visitors.id).expires_at == visitors.expires_at
    assert workflow.upload(services, LOCAL, "a.jsonl", [LINE]).expires_at is None


def test_when_its_time_is_over_it_is_deleted_and_that_is_written_down(services, visitors, work):
    kept = workflow.upload(services, VISITOR, "b.jsonl", [LINE])
    work()
    expire(services, visitors.id)
    retention.expire_datasets(services, GOES_ON)
    assert (there(services, visitors.id), there(services, kept.id)) == (False, True)
    with services.db.reading() as session:
        event = session.scalar(select(AuditEvent).where(AuditEvent.subject == visitors.id))
    assert (event.action, event.details["filename"]) == ("expired", "a.jsonl")


def test_what_is_at_work_goes_the_next_time(services, work, monkeypatch):
    work()
    monkeypatch.setattr(deleting, "WAIT_SECONDS", 0.0)
    dataset = workflow.upload(services, VISITOR, "a.jsonl", [LINE])
    job = claim(services.db, "test", 60)
    expire(services, dataset.id)
    retention.expire_datasets(services, GOES_ON)
    assert there(services, dataset.id)
    attempts.fail(services.db, job.id, job.attempt, Problem("job_died", "It died.").to_dict())
    retention.expire_datasets(services, GOES_ON)
    assert not there(services, dataset.id)


def test_abandoned_uploads_go_with_their_parts(services):
    ids = []
    for _ in range(2):
        state = workflow.begin_upload(services, LOCAL, size=9, filename="a", mime_type="", purpose="fine-tune")
        workflow.add_part(services, LOCAL, state.upload.id, [LINE[:9]])
        ids.append(state.upload.id)
    with services.db.session() as session:
        session.execute(update(Upload).where(Upload.id == ids[0]).values(expires_at=utc_now() + PAST))
    retention.expire_uploads(services, GOES_ON)
    assert [services.blobs.exists(f"uploads/{upload_id}") for upload_id in ids] == [False, True]
    with services.db.reading() as session:
        assert [session.get(Upload, upload_id) is not None for upload_id in ids] == [False, True]


def test_an_upload_that_became_a_dataset_stays_with_it(services):
    state = workflow.begin_upload(services, LOCAL, size=len(LINE), filename="a", mime_type="", purpose="fine-tune")
    part = workflow.add_part(services, LOCAL, state.upload.id, [LINE])
    workflow.complete_upload(services, LOCAL, state.upload.id, [part.id], None)
    with services.db.session() as session:
        session.execute(update(Upload).values(expires_at=utc_now() - timedelta(days=9)))
    retention.expire_uploads(services, GOES_ON)
    assert workflow.upload_state(services, LOCAL, state.upload.id).status == "completed"


def test_sign_ins_and_tickets_that_are_over_go(services, visitors):
    job = workflow.dataset_state(services, VISITOR, visitors.id).job
    soon = timedelta(minutes=1)
    with services.db.session() as session:
        session.add(account := Account(email="a@b.example", name="A", password_hash="x"))
        session.flush()
        for name, ahead in (("old", PAST), ("new", soon)):
            session.add(SignIn(id=name, account_id=account.id, expires_at=utc_now() + ahead))
            session.add(StreamTicket(ticket_sha256=name, job_id=job.id, expires_at=utc_now() + ahead))
    retention.expire_credentials(services, GOES_ON)
    with services.db.reading() as session:
        assert list(session.scalars(select(SignIn.id))) == ["new"]
        assert list(session.scalars(select(StreamTicket.ticket_sha256))) == ["new"]


def aged(path):
    old = time.time() - timedelta(days=2).total_seconds()
    os.utime(path, (old, old))
    return path


def test_files_without_a_row_go_after_a_day(services, visitors):
    root = services.blobs.root
    for folder in ("datasets", "runs", "uploads"):
        for name in ("stray", ".killed.part", "young"):
            (root / folder / name).mkdir(parents=True)
            (root / folder / name / "file").write_bytes(b"x")
    (root / "notebooks").mkdir(exist_ok=True)
    for name in ("stray.ipynb", "stray.data", ".killed.part", "young.ipynb"):
        (root / "notebooks" / name).write_bytes(b"x")
    for path in [*root.glob("*/stray*"), *root.glob("*/.killed*"), root / "datasets" / visitors.id]:
        aged(path)
    retention.delete_strays(services, GOES_ON)
    left = {path.relative_to(root).as_posix() for path in root.glob("*/*")}
    assert {name for name in left if "stray" in name or "killed" in name} == set()
    assert {"datasets/young", "runs/young", "uploads/young", "notebooks/young.ipynb"} <= left
    assert there(services, visitors.id)


def test_it_begins_at_once_and_ends_when_it_is_told_to(services, visitors, monkeypatch):
    expire(services, visitors.id)
    stop, seen = threading.Event(), []

    def failing(*_):
        seen.append("failed")
        raise OSError("the disk is gone")

    monkeypatch.setattr(retention, "expire_uploads", failing)  # which keeps nothing else from being done
    monkeypatch.setattr(retention, "delete_strays", lambda *_: stop.set())
    retention.keep_retention(services, stop)
    assert (there(services, visitors.id), seen) == (False, ["failed"])
