"""Parts become a dataset whole and once, or nothing of it stays."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests.workflow.sending import CONTENT, LINE, MD5, PIECES, begin, cancel, complete, lapse, refused, remove, send
from webapp import workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.storage.tables import Dataset, utc_now
from webapp.workflow import joining, retention
from webapp.workflow.parts import upload_folder


def files(services):
    """Every file and folder of the store."""
    return sorted(services.blobs.root.rglob("*"))


def datasets(services):
    with services.db.reading() as session:
        return session.scalar(select(func.count()).select_from(Dataset))


def test_the_order_of_the_parts_is_that_of_their_ids(services):
    upload_id = begin(services)
    late, first, second = send(services, upload_id, [PIECES[2], PIECES[0], PIECES[1]])
    done = complete(services, upload_id, [first, second, late], MD5)
    assert (done.status, done.dataset.size) == ("completed", len(CONTENT))
    assert services.blobs.path(done.dataset.blob).read_bytes() == CONTENT
    assert workflow.dataset_state(services, LOCAL, done.dataset.id).job.status == "queued"
    assert not services.blobs.exists(upload_folder(upload_id))


def test_completing_again_answers_the_same_dataset(services):
    upload_id = begin(services)
    part_ids = send(services, upload_id)
    first = complete(services, upload_id, part_ids)
    before = datasets(services)
    assert complete(services, upload_id, part_ids).dataset.id == first.dataset.id
    assert datasets(services) == before


def test_parts_that_are_alike_make_up_a_file_too(services):
    upload_id = begin(services, 2 * len(LINE))
    done = complete(services, upload_id, send(services, upload_id, [LINE, LINE]))
    assert services.blobs.path(done.dataset.blob).read_bytes() == LINE * 2


def test_what_is_missing_can_be_sent_after_all(services):
    upload_id = begin(services)
    part_ids = send(services, upload_id, PIECES[:2])
    assert refused("upload_incomplete", complete, services, upload_id, part_ids).details == {
        "size": 500,
        "announced": len(CONTENT),
    }
    refused("unknown_part", complete, services, upload_id, ["x"])
    part_ids += send(services, upload_id, PIECES[2:])
    refused("wrong_checksum", complete, services, upload_id, part_ids, "0" * 32)
    assert complete(services, upload_id, part_ids).status == "completed"


def test_a_file_that_cannot_be_kept_ends_the_upload(services):
    content = "hello".encode("utf-16")
    upload_id = begin(services, len(content))
    before = datasets(services)
    refused("unsupported_encoding", complete, services, upload_id, send(services, upload_id, [content]))
    assert workflow.upload_state(services, LOCAL, upload_id).status == "cancelled"
    assert (datasets(services), services.blobs.exists(upload_folder(upload_id))) == (before, False)


@pytest.fixture
def late(services, monkeypatch):
    """Completes an upload by a request that found it open, and only now goes on."""
    really = joining._open_or_done

    def call(found, *arguments):
        def once(*_):
            monkeypatch.setattr(joining, "_open_or_done", really)
            return found

        monkeypatch.setattr(joining, "_open_or_done", once)
        return complete(services, found.upload.id, *arguments)

    return call


def test_while_it_is_put_together_others_are_told_to_wait(services, meanwhile):
    upload_id = begin(services)
    part_ids, seen = send(services, upload_id), []

    @meanwhile
    def ask():
        problem = refused("upload_under_way", complete, services, upload_id, part_ids)
        seen.append(problem.details["retry_after"])
        refused("upload_not_open", workflow.cancel_upload, services, LOCAL, upload_id)
        retention.expire_uploads(services, threading.Event())

    assert complete(services, upload_id, part_ids).status == "completed"
    assert seen == [1]


@pytest.mark.parametrize("md5", [None, MD5], ids=["no sum", "a sum"])
def test_of_two_who_complete_it_at_once_the_second_is_told_to_wait_and_then_what_it_became(
    services, meanwhile, late, md5
):
    upload_id = begin(services)
    part_ids, seen = send(services, upload_id), []
    found = workflow.upload_state(services, LOCAL, upload_id)

    @meanwhile
    def second():
        seen.append(refused("upload_under_way", late, found, part_ids, md5).details["retry_after"])

    done = complete(services, upload_id, part_ids, md5)
    assert seen == [1]
    assert late(found, part_ids, md5).dataset.id == done.dataset.id
    assert services.blobs.path(done.dataset.blob).read_bytes() == CONTENT


class Killed(BaseException):
    """Nothing that the code under test could catch."""


@pytest.fixture
def killed(services, monkeypatch):
    """An upload whose server was killed when it had copied the first part."""
    upload_id = begin(services)
    part_ids = send(services, upload_id)

    def dying(blobs, keys):
        yield from joining_taken(blobs, keys[:1])
        raise Killed

    joining_taken = joining._taken
    with monkeypatch.context() as dead:
        dead.setattr(joining, "_taken", dying)
        dead.setattr(joining, "_give_up", lambda *_: None)
        with pytest.raises(Killed):
            complete(services, upload_id, part_ids)
    return upload_id, part_ids


def test_an_upload_whose_server_was_killed_is_waited_for_some_minutes_and_then_has_expired(services, killed):
    upload_id, part_ids = killed
    left = workflow.upload_state(services, LOCAL, upload_id).upload.expires_at - utc_now()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    refused("upload_under_way", complete, services, upload_id, part_ids)
    refused("upload_not_open", workflow.cancel_upload, services, LOCAL, upload_id)
    lapse(services, upload_id)
    assert workflow.upload_state(services, LOCAL, upload_id).status == "expired"
    assert "expired; begin another" in refused("upload_not_open", complete, services, upload_id, part_ids).message
    refused("upload_not_open", send, services, upload_id)
    assert workflow.cancel_upload(services, LOCAL, upload_id).status == "cancelled"
    assert not services.blobs.exists(upload_folder(upload_id))


def test_what_a_killed_server_left_of_it_goes_with_the_next_sweep(services, killed):
    upload_id, _ = killed
    lapse(services, upload_id)
    retention.expire_uploads(services, threading.Event())
    refused("upload_not_found", workflow.upload_state, services, LOCAL, upload_id)
    assert not services.blobs.exists(upload_folder(upload_id))


def test_a_long_copy_renews_its_lease(services, monkeypatch):
    monkeypatch.setattr(joining, "LEASE", timedelta(0))
    upload_id = begin(services)
    part_ids, ends, taken = send(services, upload_id), [], joining._taken

    def looking(*arguments):
        for chunk in taken(*arguments):
            ends.append(workflow.upload_state(services, LOCAL, upload_id).upload.expires_at)
            yield chunk

    monkeypatch.setattr(joining, "_taken", looking)
    assert complete(services, upload_id, part_ids).status == "completed"
    assert ends[0] < ends[1] < ends[2]


@pytest.mark.parametrize(
    ("at", "end", "code"),
    [
        ("the first part", remove, "upload_not_found"),
        ("the first part", cancel, "upload_not_open"),
        ("the end", remove, "upload_not_open"),
        ("the end", cancel, "upload_not_open"),
    ],
)
def test_what_is_put_together_too_late_is_no_dataset(services, monkeypatch, meanwhile, at, end, code):
    """Of an upload that has been deleted with its owner, or was taken for one of a killed server."""
    upload_id = begin(services)
    part_ids, before = send(services, upload_id), files(services)

    def go():
        lapse(services, upload_id)
        end(services, upload_id)

    def first(blobs, keys, really=joining._taken):
        go()
        return really(blobs, keys)

    monkeypatch.setattr(joining, "_taken", first) if at == "the first part" else meanwhile(go)
    refused(code, complete, services, upload_id, part_ids)
    assert [name for name in files(services) if name not in before] == []
    assert not services.blobs.exists(upload_folder(upload_id))


def test_a_disk_that_is_too_full_to_write_that_down_says_so_and_the_upload_ends_with_its_lease(services, monkeypatch):
    upload_id = begin(services)
    part_ids, really = send(services, upload_id), joining.change_upload

    def full(session, changed_id, where, **values):
        if "status" in values and values["status"] == "cancelled":
            raise Problem("disk_full", "It is full of rows.", status=503)
        return really(session, changed_id, where, **values)

    def fuller(*_):
        yield CONTENT[:10]
        raise Problem("disk_full", "It is full of files.", status=503)

    with monkeypatch.context() as broken:
        broken.setattr(joining, "change_upload", full)
        broken.setattr(joining, "_taken", fuller)
        assert "of files" in refused("disk_full", complete, services, upload_id, part_ids).message
    assert not services.blobs.exists(upload_folder(upload_id))
    lapse(services, upload_id)
    assert workflow.upload_state(services, LOCAL, upload_id).status == "expired"
    assert workflow.cancel_upload(services, LOCAL, upload_id).status == "cancelled"
