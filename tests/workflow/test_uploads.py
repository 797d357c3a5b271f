"""A file is kept together with the order to analyse it, or not at all."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.storage.tables import Dataset, Job
from webapp.workflow import uploads
from webapp.workflow.uploads import MAX_FILENAME, clean_filename

LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'


def counts(services):
    with services.db.reading() as session:
        rows = [session.scalar(select(func.count()).select_from(table)) for table in (Dataset, Job)]
    folders = services.blobs.root / "datasets"
    return [*rows, len(list(folders.iterdir())) if folders.exists() else 0]


def test_the_row_tells_what_was_written(services):
    dataset = workflow.upload(services, LOCAL, "a.jsonl", [LINE[:10], b"", LINE[10:]])
    assert services.blobs.path(dataset.blob).read_bytes() == LINE
    assert dataset.size == len(LINE)
    assert dataset.sha256 == hashlib.sha256(LINE).hexdigest()
    assert workflow.dataset_state(services, LOCAL, dataset.id).job.status == "queued"


def broken():
    yield LINE
    raise ConnectionResetError


@pytest.mark.parametrize(
    "chunks",
    [[], [b""], [b"\xff", b"\xfe{\x00"], broken()],
    ids=["nothing", "an empty chunk", "UTF-16 in pieces", "a broken connection"],
)
def test_what_cannot_be_kept_leaves_nothing_behind(services, chunks):
    before = counts(services)
    with pytest.raises((Problem, ConnectionResetError)):
        workflow.upload(services, LOCAL, "a.jsonl", chunks)
    assert counts(services) == before


def test_a_file_over_the_limit_is_refused_while_it_comes_in(services, settings):
    before = counts(services)
    read = []

    def endless():
        while True:
            read.append(1)
            yield b"x" * 1024 * 1024

    with pytest.raises(Problem) as caught:
        workflow.upload(services, LOCAL, "a.jsonl", endless())
    assert caught.value.status == 413
    assert len(read) == settings.max_upload_bytes // 2**20 + 1
    assert counts(services) == before


def test_a_database_that_fails_leaves_no_file_behind(services, monkeypatch):
    before = counts(services)

    def fail(*_):
        raise Problem("disk_full", "full", status=503)

    monkeypatch.setattr(uploads, "start_analysis", fail)
    with pytest.raises(Problem, match="full"):
        workflow.upload(services, LOCAL, "a.jsonl", [LINE])
    assert counts(services) == before


@given(st.text())
def test_a_file_name_is_short_visible_and_no_path(name):
    cleaned = clean_filename(name)
    assert 1 <= len(cleaned) <= MAX_FILENAME
    assert not set("/\\\n\r\0\u2028\u202e") & set(cleaned)
    cleaned.encode("utf-8")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("C:\\data\\a.jsonl", "a.jsonl"),
        ("/etc/passwd", "passwd"),
        ("", "dataset.jsonl"),
        ("\n", "dataset.jsonl"),
        ("daten für später.jsonl", "daten für später.jsonl"),
    ],
)
def test_the_label_of_a_file(given, kept):
    assert clean_filename(given) == kept
