"""The rows that a notebook fetches: links with ranges, their end, and the file by hand."""

import ast
import base64
import gzip
import hashlib
import json
import threading
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from webapp.notebooks import delivery
from webapp.storage.tables import DataLink, utc_now
from webapp.training.data import decode_conversations, decrypt_payload, fetch_file


@pytest.fixture(scope="module")
def settings(settings):
    return settings.model_copy(update={"public_url": "https://tunebook.example/app/"})


@pytest.fixture(scope="module")
def small(monkeypatch_module):
    """Notebooks carry next to nothing."""
    monkeypatch_module.setattr(delivery, "MAX_EMBEDDED_BYTES", 1000)


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
def made(client, sample, small):
    """Generates a notebook; answers what was said of it and its data cell's values."""

    def make(**wanted):
        body = {"session_id": sample, "model_id": "smollm2-360m", "delivery": {"colab": False} | wanted}
        answer = client.post("/generate", json=body).json
        with client.get(answer["download_url"]) as download:
            cells = json.loads(download.data)["cells"]
        (source,) = ["".join(cell["source"]) for cell in cells if "data" in cell["metadata"].get("tags", [])]
        data = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(source).body}
        return answer, data

    return make


def path_of(data):
    return urlsplit(data["dataset_url"]).path.removeprefix("/app")


def test_rows_over_the_limit_are_fetched_by_a_link_without_any_id(client, made, sample):
    answer, data = made()
    assert answer["delivery"]["kind"] == "link"
    assert data["dataset_url"].startswith("https://tunebook.example/app/data/")
    assert sample not in data["dataset_url"]
    assert answer["notebook_id"] not in data["dataset_url"]
    with client.get(path_of(data)) as rows:
        assert rows.status_code == 200
        assert len(rows.data) == data["dataset_file_bytes"] == answer["delivery"]["size"]
        assert hashlib.sha256(rows.data).hexdigest() == data["dataset_file_sha256"]
        assert hashlib.sha256(gzip.decompress(rows.data)).hexdigest() == data["dataset_sha256"]


def test_a_link_serves_the_rows_of_its_notebook_after_the_columns_are_mapped_otherwise(client, send, work, small):
    rows = "".join(f"Question {n},Answer {n},Remark {n}\n" for n in range(200)) * 3
    dataset = send(f"question,answer,remark\n{rows}".encode(), "data.csv").json["session_id"]
    work()
    body = {"session_id": dataset, "model_id": "smollm2-360m", "delivery": {"colab": False}}
    answer = client.post("/generate", json=body).json
    assert answer["delivery"]["kind"] == "link"
    with client.get(answer["download_url"]) as download:
        (source,) = [
            "".join(cell["source"])
            for cell in json.loads(download.data)["cells"]
            if "data" in cell["metadata"].get("tags", [])
        ]
    data = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(source).body}
    client.post(f"/datasets/{dataset}/mapping", json={"map": {"question": "prompt", "remark": "completion"}})
    work()
    for address in (path_of(data), answer["delivery"]["data_url"]):
        with client.get(address) as served:
            assert hashlib.sha256(served.data).hexdigest() == data["dataset_file_sha256"]
            assert b"Remark" not in gzip.decompress(served.data)


def test_what_an_encrypted_link_answers_opens_with_the_notebooks_key_only(client, made):
    _, data = made(encrypt=True)
    with client.get(path_of(data)) as rows:
        payload = rows.data
    with pytest.raises(OSError, match="gzip"):
        gzip.decompress(payload)
    assert len(decode_conversations(decrypt_payload(payload, data["dataset_key"]), data["dataset_sha256"])) == 300


def test_a_part_is_answered_where_a_download_goes_on(client, made):
    _, data = made()
    with client.get(path_of(data)) as whole:
        content = whole.data
    with client.get(path_of(data), headers={"Range": "bytes=1000-"}) as rest:
        assert rest.status_code == 206
        assert rest.data == content[1000:]
        assert rest.headers["Content-Range"] == f"bytes 1000-{len(content) - 1}/{len(content)}"
    with client.get(path_of(data), headers={"Range": f"bytes={len(content)}-"}) as past:
        assert past.status_code == 416


def test_only_the_digest_of_a_token_is_stored(services, made):
    _, data = made()
    token = path_of(data).split("/")[2]
    assert len(token) == 43
    with services.db.reading() as session:
        stored = [vars(link) for link in session.scalars(select(DataLink))]
    assert token not in str(stored)
    assert any(link["token_sha256"] == hashlib.sha256(token.encode()).hexdigest() for link in stored)


def test_a_wrong_token_or_name_is_404(client, made):
    _, data = made()
    path = path_of(data)
    for wrong in (path[:-1], path.replace("/data/", "/data/x"), "/data/x/y", "/data/%ff/y"):
        answer = client.get(wrong)
        assert answer.status_code == 404
        assert answer.json["error"]["code"] == "invalid_link"


def test_a_revoked_link_ends_at_once_and_no_other_does(client, made):
    (answer, data), (_, other) = made(), made()
    links = client.get(f"/notebooks/{answer['notebook_id']}/links").json["links"]
    assert [link["filename"] for link in links] == [answer["delivery"]["filename"]]
    address = f"/notebooks/{answer['notebook_id']}/links/{links[0]['id']}"
    for _ in range(2):
        assert client.delete(address).status_code == 204
    gone = client.get(path_of(data))
    assert (gone.status_code, gone.json["error"]["code"]) == (410, "link_revoked")
    assert client.get(f"/notebooks/{answer['notebook_id']}/links").json == {"links": []}
    with client.get(path_of(other)) as rows:
        assert rows.status_code == 200


def test_a_link_of_another_notebook_cannot_be_revoked_here(client, made):
    (first, _), (second, _) = made(), made()
    link = client.get(f"/notebooks/{first['notebook_id']}/links").json["links"][0]["id"]
    answer = client.delete(f"/notebooks/{second['notebook_id']}/links/{link}")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "link_not_found")


def test_a_link_expires_when_the_setting_says(client, made, services, settings):
    answer, data = made()
    with services.db.session() as session:
        link = session.scalar(select(DataLink).where(DataLink.notebook_id == answer["notebook_id"]))
        assert abs(link.expires_at - link.created_at - timedelta(seconds=settings.link_seconds)) < timedelta(seconds=5)
        link.expires_at = utc_now()
    gone = client.get(path_of(data))
    assert (gone.status_code, gone.json["error"]["code"]) == (410, "link_expired")
    assert client.get(f"/notebooks/{answer['notebook_id']}/links").json == {"links": []}


def test_the_rows_can_be_fetched_by_hand_unless_they_are_embedded_encrypted(client, made, monkeypatch):
    answer, data = made()
    with client.get(answer["delivery"]["data_url"]) as rows:
        assert hashlib.sha256(rows.data).hexdigest() == data["dataset_file_sha256"]
        assert rows.headers["Content-Disposition"].endswith(answer["delivery"]["filename"])
    monkeypatch.setattr(delivery, "MAX_EMBEDDED_BYTES", 5_000_000)
    clear, carried = made()
    assert clear["delivery"]["kind"] == "embedded"
    for _ in range(2):
        with client.get(f"/notebooks/{clear['notebook_id']}/data") as rows:
            assert rows.data == base64.b64decode(carried["dataset_base64"])
    embedded, _ = made(encrypt=True)
    none = client.get(f"/notebooks/{embedded['notebook_id']}/data")
    assert (none.status_code, none.json["error"]["code"]) == (404, "rows_embedded")


def test_the_log_does_not_repeat_a_token(client, made, capfd):
    _, data = made()
    capfd.readouterr()
    client.get(path_of(data)).close()
    assert "/data/.../" in (logged := "".join(capfd.readouterr()))
    assert path_of(data).split("/")[2] not in logged


def test_the_notebooks_own_code_goes_on_with_a_download_from_the_real_app(app, client, made, tmp_path):
    _, data = made()
    with client.get(path_of(data)) as whole:
        content = whole.data
    name, size, sha256 = (data[f"dataset_file{what}"] for what in ("", "_bytes", "_sha256"))
    (tmp_path / f"{name}.part").write_bytes(content[:1234])
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}{path_of(data)}"
        fetch_file(address, tmp_path / name, size, sha256)
        assert (tmp_path / name).read_bytes() == content
        with pytest.raises(PermissionError, match="404"):
            fetch_file(address + "x", tmp_path / "other", size, sha256)
    finally:
        server.shutdown()
        server.server_close()
