"""`POST /upload` and the bundled sample: what comes in is kept whole or refused with the reason."""

import gzip
import hashlib
import json
import uuid
from io import BytesIO

import pytest
from backports import zstd

LINE = json.dumps(
    {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day."}]}
).encode()


def stored(settings):
    return sorted(path.name for path in (settings.root / "files" / "datasets").glob("*"))


def test_an_upload_answers_what_was_kept(client, services):
    answer = client.post("/upload", data={"file": (BytesIO(LINE), "data.jsonl")})
    assert answer.status_code == 200
    assert answer.json["filename"] == "data.jsonl"
    assert answer.json["size"] == len(LINE)
    assert answer.json["message"] == "Upload successful"
    session_id = str(uuid.UUID(answer.json["session_id"]))
    assert services.blobs.path(f"datasets/{session_id}/{hashlib.sha256(LINE).hexdigest()}").read_bytes() == LINE


def test_other_parts_of_the_form_are_passed_over(client):
    data = {"note": "x" * 1000, "file": (BytesIO(LINE), "data.jsonl"), "z": "after"}
    assert client.post("/upload", data=data).json["size"] == len(LINE)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\u202egnp.jsonl", "agnp.jsonl"),
        ("x" * 300 + ".jsonl", "x" * 200),
        ("<script>alert(1)<x>.jsonl", "<script>alert(1)<x>.jsonl"),
        ("..", ".."),
    ],
)
def test_a_file_name_is_only_a_label(client, given, kept):
    answer = client.post("/upload", data={"file": (BytesIO(LINE), given)})
    assert answer.json["filename"] == kept


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (LINE.decode().encode("utf-16"), "unsupported_encoding"),
        (LINE.decode().encode("utf-16-le"), "unsupported_encoding"),
        (LINE.decode().encode("utf-32"), "unsupported_encoding"),
        (b"PK\x03\x04" + LINE, "unsupported_file"),
        (bytes(257) + b"ustar\x00" + LINE, "unsupported_file"),
    ],
)
def test_a_file_without_readable_text_is_refused_and_not_kept(client, settings, content, code):
    before = stored(settings)
    answer = client.post("/upload", data={"file": (BytesIO(content), "data.jsonl")})
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == code
    assert stored(settings) == before


@pytest.mark.parametrize(
    "request_parts",
    [
        {"data": {}},
        {"data": {"other": (BytesIO(LINE), "data.jsonl")}},
        {"data": {"file": "no file name"}, "content_type": "multipart/form-data"},
        {"data": {"file": (BytesIO(b""), "")}},
        {"json": {"file": "x"}},
        {"data": b"raw bytes"},
        {"data": b"x", "content_type": "multipart/form-data"},
    ],
    ids=["nothing", "another name", "a text field", "no file chosen", "JSON", "raw bytes", "no boundary"],
)
def test_a_request_without_a_file_is_refused(client, request_parts):
    answer = client.post("/upload", **request_parts)
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "missing_file"
    assert answer.json["error"]["param"] == "file"


def test_an_upload_that_ends_early_is_refused_and_not_kept(client, settings):
    before = stored(settings)
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n' + LINE
    answer = client.post("/upload", data=body, content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "malformed_multipart"
    assert stored(settings) == before


@pytest.mark.parametrize("beyond", [1, 200_000], ids=["found while reading", "announced by the length"])
def test_a_file_over_the_limit_is_refused_and_not_kept(send, settings, beyond):
    before = stored(settings)
    content = b"x" * (settings.max_upload_bytes + beyond)
    answer = send(content)
    assert answer.status_code == 413
    assert answer.json["error"]["code"] == "file_too_large"
    assert answer.json["error"]["details"] == {"limit_bytes": settings.max_upload_bytes}
    assert stored(settings) == before


def test_a_file_of_exactly_the_limit_is_taken(send, settings):
    content = b" " * (settings.max_upload_bytes - len(LINE)) + LINE
    assert send(content).status_code == 200


def test_a_file_can_be_the_body_itself(client, services):
    answer = client.put("/upload?filename=folder/data.jsonl", data=LINE)
    assert (answer.status_code, answer.json["filename"], answer.json["size"]) == (200, "data.jsonl", len(LINE))
    assert answer.json["expires_at"] is None
    kept = services.blobs.path(f"datasets/{answer.json['session_id']}/{hashlib.sha256(LINE).hexdigest()}")
    assert kept.read_bytes() == LINE


def test_a_body_of_unknown_length_is_read_to_its_end(client):
    chunks = {"input_stream": BytesIO(LINE), "environ_base": {"wsgi.input_terminated": True}, "content_length": None}
    assert client.put("/upload", **chunks).json["size"] == len(LINE)


def test_a_body_that_ends_before_its_announced_length_is_refused_and_not_kept(client, settings):
    before = stored(settings)
    cut = {"CONTENT_LENGTH": str(len(LINE) + 1), "wsgi.input_terminated": True}
    answer = client.put("/upload", input_stream=BytesIO(LINE), environ_overrides=cut)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "upload_cut_off")
    assert stored(settings) == before


def test_a_body_over_the_limit_is_refused_before_it_is_read(client, settings):
    body = BytesIO(b"x")
    announced = {"CONTENT_LENGTH": str(settings.max_upload_bytes + 1), "wsgi.input_terminated": True}
    answer = client.put("/upload", input_stream=body, environ_overrides=announced)
    assert (answer.status_code, answer.json["error"]["code"], body.tell()) == (413, "file_too_large", 0)


def test_a_mapping_can_come_with_a_body(client, work):
    query = {"filename": "fragen.csv", "map": json.dumps(PARTS)}
    session_id = client.put("/upload", query_string=query, data=TABLE).json["session_id"]
    work()
    assert client.get(f"/analyze/{session_id}").json["source"]["mapping"] == PARTS


TABLE = b"frage,antwort\nWas?,Das.\nWann?,Um acht.\n"
PARTS = {"frage": "prompt", "antwort": "completion"}


def upload_table(client, mapping):
    return client.post("/upload", data={"map": mapping, "file": (BytesIO(TABLE), "fragen.csv")})


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress], ids=["plain", "gzip", "zstd"])
def test_a_packed_file_of_another_container_is_taken(client, send, work, pack):
    session_id = send(pack(b"question,answer\nWhat?,That.\n"), "a.csv").json["session_id"]
    work()
    report = client.get(f"/analyze/{session_id}").json
    assert (report["format"], report["source"]["container"]) == ("question_answer", "csv")


def test_a_mapping_can_come_with_the_file(client, work):
    session_id = upload_table(client, json.dumps(PARTS)).json["session_id"]
    work()
    report = client.get(f"/analyze/{session_id}").json
    assert report["total_examples"] == 2
    assert report["source"]["mapping"] == PARTS


@pytest.mark.parametrize(
    "mapping", ["frage=prompt", "[]", "", '{"frage": "x"}', '{"frage": 1}', '{"frage": "' + "x" * 20_000 + '"}']
)
def test_a_mapping_that_is_none_is_refused_and_the_file_not_kept(client, settings, mapping):
    before = stored(settings)
    answer = upload_table(client, mapping)
    assert answer.status_code == 400
    assert (answer.json["error"]["code"], answer.json["error"]["param"]) == ("invalid_mapping", "map")
    assert stored(settings) == before


def test_a_mapping_that_makes_no_format_ends_the_analysis_and_can_be_mended(client, work):
    session_id = upload_table(client, '{"frage": "prompt"}').json["session_id"]
    work()
    error = client.get(f"/analyze/{session_id}").json["error"]
    assert (error["code"], error["param"]) == ("invalid_mapping", "map")
    assert [column["name"] for column in error["details"]["columns"]] == ["frage", "antwort"]
    client.post(f"/datasets/{session_id}/mapping", json={"map": PARTS})
    work()
    assert client.get(f"/analyze/{session_id}").json["total_examples"] == 2


def test_a_mapping_may_come_before_or_after_the_file(client, work):
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + TABLE + b"\r\n",
        b'--b\r\nContent-Disposition: form-data; name="map"\r\n\r\n' + json.dumps(PARTS).encode() + b"\r\n",
    ]
    for ordered in (parts, parts[::-1]):
        body = b"".join(ordered) + b"--b--\r\n"
        answer = client.post("/upload", data=body, content_type="multipart/form-data; boundary=b")
        work()
        assert client.get(f"/analyze/{answer.json['session_id']}").json["source"]["mapping"] == PARTS


def test_the_sample_needs_no_file(client):
    answer = client.post("/samples/harbour-bikes")
    assert answer.status_code == 200
    assert answer.json["filename"] == "harbour_bikes.jsonl"
    assert answer.json["size"] > 100_000
