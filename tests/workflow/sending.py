"""Sends a small file in three parts, and has it put together."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import update

from webapp import workflow
from webapp.accounts import LOCAL
from webapp.errors import Problem
from webapp.storage.tables import Upload, utc_now
from webapp.workflow.deleting import remove_uploads

LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
CONTENT = LINE * 7
SIZE = len(CONTENT)
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
PIECES = [CONTENT[:100], CONTENT[100:500], CONTENT[500:]]


def begin(services, size=SIZE, caller=LOCAL):
    return workflow.begin_upload(
        services, caller, size=size, filename="a.jsonl", mime_type="text/jsonl", purpose="fine-tune"
    ).upload.id


def send(services, upload_id, pieces=PIECES):
    return [workflow.add_part(services, LOCAL, upload_id, [piece]).id for piece in pieces]


def complete(services, upload_id, part_ids, md5=None):
    return workflow.complete_upload(services, LOCAL, upload_id, part_ids, md5)


def refused(code, call, *arguments):
    with pytest.raises(Problem) as caught:
        call(*arguments)
    assert caught.value.code == code
    return caught.value


def remove(services, upload_id):
    """As the deletion of an account does."""
    return remove_uploads(services, Upload.id == upload_id)


def cancel(services, upload_id):
    return workflow.cancel_upload(services, LOCAL, upload_id)


def lapse(services, upload_id):
    with services.db.session() as session:
        past = utc_now() - timedelta(seconds=1)
        session.execute(update(Upload).where(Upload.id == upload_id).values(expires_at=past))
