"""A file in parts becomes a dataset whole and once, or nothing of it stays."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from webapp import workflow
from webapp.accounts import LOCAL, Caller
from webapp.errors import Problem
from webapp.storage.tables import Dataset, Upload, utc_now
from webapp.workflow import parts
from webapp.workflow.deleting import remove_uploads
from webapp.workflow.parts import upload_folder

LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
CONTENT = LINE * 7
SIZE = len(CONTENT)
PIECES = [CONTENT[:100], CONTENT[100:500], CONTENT[500:]]


def begin(services, size=SIZE, caller=LOCAL):
    return workflow.begin_upload(
        services, caller, size=size, filename="a.jsonl", mime_type="text/jsonl", purpose="fine-tune"
    ).upload.id


def send(services, upload_id, pieces=PIECES):
    return [workflow.add_part(services, LOCAL, upload_id, [piece]).id for piece in pieces]


def complete(services, upload_id, part_ids, md5=None):
    return workflow.complete_upload(services, LOCAL, upload_id, part_ids, md5)


def kept(services, upload_id):
    return services.blobs.files(upload_folder(upload_id))


def datasets(services):
    with services.db.reading() as session:
        return session.scalar(select(func.count()).select_from(Dataset))


def refused(code, call, *arguments):
    with pytest.raises(Problem) as caught:
        call(*arguments)
    assert caught.value.code == code
    return caught.value


def test_the_order_of_the_parts_is_that_of_their_ids(services):
    upload_id = begin(services)
    late, first, second = send(services, upload_id, [PIECES[2], PIECES[0], PIECES[1]])
    done = complete(services, upload_id, [first, second, late], hashlib.md5(CONTENT, usedforsecurity=False).hexdigest())
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


def test_a_part_that_is_sent_twice_takes_its_room_once_and_does_no_harm(services):
    upload_id = begin(services)
    send(services, upload_id, PIECES[:1])
    part_ids = send(services, upload_id)
    assert len(workflow.upload_state(services, LOCAL, upload_id).parts) == 4
    assert sum(kept(services, upload_id).values()) == len(CONTENT)
    done = complete(services, upload_id, part_ids)
    assert services.blobs.path(done.dataset.blob).read_bytes() == CONTENT


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


def remove(services, upload_id):
    """As the deletion of an account does."""
    return remove_uploads(services, Upload.id == upload_id)


def test_a_part_that_is_being_sent_while_its_upload_is_deleted_is_refused_and_not_kept(services):
    upload_id = begin(services)
    send(services, upload_id, PIECES[:1])

    def chunks():
        yield PIECES[1][:50]
        assert remove(services, upload_id).files == 2  # the other part, and what has come of this one
        yield PIECES[1][50:]

    refused("upload_not_found", workflow.add_part, services, LOCAL, upload_id, chunks())
    assert not services.blobs.exists(upload_folder(upload_id))


@pytest.mark.parametrize(
    "end", [remove, lambda services, upload_id: workflow.cancel_upload(services, LOCAL, upload_id)]
)
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
    part_ids, past = send(services, upload_id), utc_now() - timedelta(seconds=1)
    with services.db.session() as session:
        session.execute(update(Upload).where(Upload.id == upload_id).values(expires_at=past))
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


def test_a_file_that_cannot_be_kept_ends_the_upload(services):
    content = "hello".encode("utf-16")
    upload_id = begin(services, len(content))
    before = datasets(services)
    refused("unsupported_encoding", complete, services, upload_id, send(services, upload_id, [content]))
    assert workflow.upload_state(services, LOCAL, upload_id).status == "cancelled"
    assert (datasets(services), services.blobs.exists(upload_folder(upload_id))) == (before, False)


def test_while_it_is_put_together_others_are_told_to_wait(services, monkeypatch):
    upload_id = begin(services)
    part_ids = send(services, upload_id)
    seen = []

    def meanwhile(blobs, keys):
        problem = refused("upload_under_way", complete, services, upload_id, part_ids)
        seen.append(problem.details["retry_after"])
        yield CONTENT

    monkeypatch.setattr(parts, "_taken", meanwhile)
    assert complete(services, upload_id, part_ids).status == "completed"
    assert seen == [1]


def test_a_file_over_the_limit_is_not_begun(services, settings):
    refused("file_too_large", begin, services, settings.max_upload_bytes + 1)


def test_somebody_elses_upload_is_not_found(services):
    upload_id = begin(services, caller=Caller("ann"))
    refused("upload_not_found", workflow.upload_state, services, Caller("bob"), upload_id)
