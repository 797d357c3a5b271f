"""A file in parts is begun, takes its parts, and is called off or expires."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.workflow.sending import CONTENT, PIECES, begin, cancel, complete, lapse, refused, remove, send
from webapp import workflow
from webapp.accounts import LOCAL, Caller
from webapp.storage.tables import Upload, utc_now
from webapp.workflow import parts
from webapp.workflow.parts import upload_folder


def kept(services, upload_id):
    return services.blobs.files(upload_folder(upload_id))


def test_a_part_that_is_sent_twice_takes_its_room_once_and_does_no_harm(services):
    upload_id = begin(services)
    send(services, upload_id, PIECES[:1])
    part_ids = send(services, upload_id)
    assert len(workflow.upload_state(services, LOCAL, upload_id).parts) == 4
    assert sum(kept(services, upload_id).values()) == len(CONTENT)
    done = complete(services, upload_id, part_ids)
    assert services.blobs.path(done.dataset.blob).read_bytes() == CONTENT


def test_more_than_was_announced_is_refused_and_not_kept(services):
    upload_id = begin(services)
    send(services, upload_id)
    problem = refused("part_too_large", send, services, upload_id, [b"more"])
    assert problem.status == 413
    assert sum(kept(services, upload_id).values()) == len(CONTENT)


def test_a_part_has_a_limit_of_its_own(services, monkeypatch):
    monkeypatch.setattr(parts, "PART_BYTES", 50)
    upload_id = begin(services)
    refused("part_too_large", send, services, upload_id, [CONTENT[:51]])
    refused("empty_part", send, services, upload_id, [b""])
    assert kept(services, upload_id) == {}


def test_a_cancelled_upload_takes_nothing_more_and_leaves_nothing(services):
    upload_id = begin(services)
    part_ids = send(services, upload_id)
    assert workflow.cancel_upload(services, LOCAL, upload_id).status == "cancelled"
    assert workflow.cancel_upload(services, LOCAL, upload_id).parts == []
    assert not services.blobs.exists(upload_folder(upload_id))
    refused("upload_not_open", send, services, upload_id)
    refused("upload_not_open", complete, services, upload_id, part_ids)


def test_a_part_that_is_being_sent_while_its_upload_is_deleted_is_refused_and_not_kept(services):
    upload_id = begin(services)
    send(services, upload_id, PIECES[:1])

    def chunks():
        yield PIECES[1][:50]
        assert remove(services, upload_id).files == 2  # the other part, and what has come of this one
        yield PIECES[1][50:]

    refused("upload_not_found", workflow.add_part, services, LOCAL, upload_id, chunks())
    assert not services.blobs.exists(upload_folder(upload_id))


@pytest.mark.parametrize("end", [remove, cancel])
def test_a_part_that_comes_when_its_folder_has_gone_does_not_bring_it_back(services, monkeypatch, end):
    upload_id = begin(services)
    send(services, upload_id)
    add = type(services.blobs).add

    def too_late(*arguments):
        end(services, upload_id)
        return add(*arguments)

    monkeypatch.setattr(type(services.blobs), "add", too_late)
    refused("upload_not_open", send, services, upload_id, PIECES[:1])
    assert not services.blobs.exists(upload_folder(upload_id))


def test_a_part_that_is_being_sent_while_all_are_put_together_is_refused_and_not_kept(services):
    upload_id = begin(services)
    part_ids = send(services, upload_id)

    def chunks():
        assert complete(services, upload_id, part_ids).status == "completed"
        yield PIECES[0]

    refused("upload_not_open", workflow.add_part, services, LOCAL, upload_id, chunks())
    assert not services.blobs.exists(upload_folder(upload_id))


def test_a_completed_upload_is_not_cancelled(services):
    upload_id = begin(services)
    complete(services, upload_id, send(services, upload_id))
    assert refused("upload_not_open", workflow.cancel_upload, services, LOCAL, upload_id).status == 409


def test_after_an_hour_it_has_expired(services):
    upload_id = begin(services)
    part_ids = send(services, upload_id)
    lapse(services, upload_id)
    assert workflow.upload_state(services, LOCAL, upload_id).status == "expired"
    refused("upload_not_open", complete, services, upload_id, part_ids)


def test_a_part_gives_it_another_hour(services):
    upload_id = begin(services)
    soon = utc_now() + timedelta(seconds=30)
    with services.db.session() as session:
        session.execute(update(Upload).where(Upload.id == upload_id).values(expires_at=soon))
    send(services, upload_id, PIECES[:1])
    left = workflow.upload_state(services, LOCAL, upload_id).upload.expires_at - utc_now()
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_a_file_over_the_limit_is_not_begun(services, settings):
    refused("file_too_large", begin, services, settings.max_upload_bytes + 1)


def test_somebody_elses_upload_is_not_found(services):
    upload_id = begin(services, caller=Caller("ann"))
    refused("upload_not_found", workflow.upload_state, services, Caller("bob"), upload_id)
