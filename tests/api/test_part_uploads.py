"""OpenAI's Uploads API over HTTP; tests/faults/test_uploads.py has the official SDK speak it to a real server."""

from io import BytesIO

import pytest

LINE = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
FILE = {"filename": "a.jsonl", "mime_type": "text/jsonl", "purpose": "fine-tune"}


@pytest.fixture
def upload_id(client):
    return client.post("/v1/uploads", json={"bytes": 2 * len(LINE)} | FILE).json["id"]


def add(client, upload_id, content=LINE):
    return client.post(f"/v1/uploads/{upload_id}/parts", data={"data": (BytesIO(content), "upload")})


def test_an_upload_has_openais_fields(client):
    upload = client.post("/v1/uploads", json={"bytes": 7} | FILE).json
    assert (upload["object"], upload["status"], upload["bytes"], upload["file"]) == ("upload", "pending", 7, None)
    assert upload["expires_at"] - upload["created_at"] == 3600


def test_parts_make_a_dataset(client, upload_id, work):
    parts = [add(client, upload_id).json for _ in range(2)]
    assert {part["object"] for part in parts} == {"upload.part"}
    done = client.post(f"/v1/uploads/{upload_id}/complete", json={"part_ids": [part["id"] for part in parts]}).json
    assert (done["status"], done["file"]["object"], done["file"]["bytes"]) == ("completed", "file", 2 * len(LINE))
    work()
    assert client.get(f"/analyze/{done['file']['id']}").json["total_examples"] == 2


def test_after_a_dropped_connection_the_parts_that_are_there_can_be_asked_for(client, upload_id):
    sent = add(client, upload_id).json
    (part,) = client.get(f"/v1/uploads/{upload_id}").json["parts"]
    assert (part["id"], part["bytes"]) == (sent["id"], len(LINE))


def test_a_cancelled_upload_takes_no_part(client, upload_id):
    assert client.post(f"/v1/uploads/{upload_id}/cancel").json["status"] == "cancelled"
    answer = add(client, upload_id)
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "upload_not_open")
    assert answer.headers["X-Should-Retry"] == "false"


@pytest.mark.parametrize("change", [{"bytes": 0}, {"bytes": "7"}, {"purpose": "fun"}, {"filename": ""}, {"more": 1}])
def test_a_request_that_is_not_openais_is_refused(client, change):
    answer = client.post("/v1/uploads", json={"bytes": 7} | FILE | change)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_request")


def test_any_text_can_be_its_type_and_name(client):
    odd = {"filename": "\u202e.jsonl", "mime_type": "a\x00b"}
    assert client.post("/v1/uploads", json={"bytes": 7.0} | FILE | odd).json["filename"] == ".jsonl"


def test_a_part_is_a_file_named_data(client, upload_id):
    answer = client.post(f"/v1/uploads/{upload_id}/parts", data={"file": (BytesIO(LINE), "upload")})
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "data")
