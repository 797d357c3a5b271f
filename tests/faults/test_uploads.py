"""Uploads to the real server: by the official SDK, cut off, stalled, hostile; the rest of the service goes on."""

import contextlib
import gzip
import hashlib
import http.client
import select
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import openai
import pytest

from benchmarks.upload import send, serving
from tests.conftest import jsonl, until
from tests.faults.clients import answer, connect, gunicorn, healthy

SLOW = 300


def store(server):
    """Every file that is kept, unfinished ones too."""
    return [path for path in (server.home / "files").rglob("*") if path.is_file()]


def put(size, filename="a.jsonl"):
    return f"PUT /upload?filename={filename} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode()


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0)


def test_the_official_sdk_uploads_in_parts(server, client, tmp_path):
    content = jsonl(2000)
    path = tmp_path / "support.jsonl"
    path.write_bytes(content)
    done = client.uploads.upload_file_chunked(
        file=path,
        mime_type="text/jsonl",
        purpose="fine-tune",
        part_size=len(content) // 7,
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
    )
    assert (done.status, done.file.filename, done.file.bytes) == ("completed", "support.jsonl", len(content))
    assert server.get(f"/analyze/{done.file.id}").json()["total_examples"] == 2000
    in_memory = client.uploads.upload_file_chunked(
        file=content, filename="b.jsonl", bytes=len(content), mime_type="text/jsonl", purpose="fine-tune"
    )
    assert in_memory.file.bytes == len(content)
    begun = client.uploads.create(bytes=9, filename="c.jsonl", mime_type="text/jsonl", purpose="fine-tune")
    assert client.uploads.cancel(begun.id).status == "cancelled"
    with pytest.raises(openai.ConflictError) as caught:
        client.uploads.parts.create(begun.id, data=b"x")
    assert caught.value.code == "upload_not_open"


@pytest.mark.parametrize("way", ["length", "chunks"])
def test_a_body_of_either_kind_arrives_whole(server, way):
    content = jsonl(20_000)
    body = content if way == "length" else (content[at : at + 70_001] for at in range(0, len(content), 70_001))
    sent = server.request("PUT", "/upload?filename=a.jsonl", data=body).json()
    kept = server.home / "files" / "datasets" / sent["session_id"] / hashlib.sha256(content).hexdigest()
    assert kept.read_bytes() == content


@pytest.mark.parametrize(
    "begin",
    [
        put(1_000_000),
        b"PUT /upload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
        b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
        b'Content-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n',
    ],
    ids=["length", "chunks", "form"],
)
def test_a_connection_that_is_dropped_leaves_nothing_in_the_store(server, begin):
    connection = connect(server)
    connection.sendall(begin + jsonl(3000))
    until(lambda: store(server))  # it has begun to be written
    connection.close()
    until(lambda: not store(server))
    assert server.get("/jobs").status_code == 200


def test_hundreds_of_slow_heads_and_bodies_keep_nobody_from_being_served(hasty):
    slow = [connect(hasty) for _ in range(SLOW)]
    for number, connection in enumerate(slow):
        connection.sendall(b"GET /health HTTP/1.1\r\nHost" if number % 2 else put(1_000_000) + b"{")
    for _ in range(3):
        for connection in slow:
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"x")
        assert healthy(hasty) is not None
        time.sleep(0.3)
    said = [answer(connection) for connection in slow]
    assert {piece[:12] for piece in said} <= {b"", b"HTTP/1.1 408", b"HTTP/1.1 503"}
    assert any(piece.startswith(b"HTTP/1.1 408") for piece in said)
    assert store(hasty) == []
    assert hasty.request("PUT", "/upload", data=jsonl(20)).status_code == 200


def test_more_silent_connections_than_there_may_be_keep_nobody_waiting(tmp_path):
    options = ("--worker-connections", "100")
    with gunicorn(tmp_path, "PatientWorker", *options) as server, contextlib.ExitStack() as opened:
        for number in range(SLOW):
            silent = opened.enter_context(connect(server))
            silent.sendall(b"GET /health HTTP/1.1\r\nHost" if number % 2 else b"")
        for _ in range(3):
            assert healthy(server) is not None
        silent.sendall(b": localhost\r\n\r\n")  # the newest are still there
        assert silent.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("proxies", [0, 1], ids=["direct", "behind a proxy"])
def test_slow_bodies_from_one_address_leave_places_for_others(tmp_path, proxies):
    def begin(address):
        connection = opened.enter_context(connect(server, source="127.0.0.1" if proxies else address))
        connection.sendall(put(len(body)).replace(b"\r\n\r\n", f"\r\nX-Forwarded-For: {address}\r\n\r\n".encode()))
        return connection

    body = jsonl(20)
    settings = {"trusted_proxies": proxies}
    with gunicorn(tmp_path, "PatientWorker", variables=settings) as server, contextlib.ExitStack() as opened:
        slow = [begin("127.0.0.1") for _ in range(20)]
        until(lambda: len(select.select(slow, [], [], 0)[0]) >= 10)  # refused: there are ten places
        other = begin("127.0.0.2")
        time.sleep(0.5)
        other.sendall(body)
        assert other.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_body_that_stops_is_told_so_and_leaves_nothing(hasty):
    connection = connect(hasty)
    connection.sendall(put(1_000_000) + jsonl(1000))
    said = answer(connection)
    assert said.startswith(b"HTTP/1.1 408")
    assert b'"too_slow"' in said
    assert store(hasty) == []


def test_a_head_that_comes_in_pieces_is_read_all_the_same(hasty):
    connection = connect(hasty)
    for piece in (b"GET /health HT", b"TP/1.1\r\nHost: localhost\r", b"\nConnection: close\r\n", b"\r\n"):
        connection.sendall(piece)
        time.sleep(0.1)
    assert b'"status":"ok"' in answer(connection).replace(b" ", b"")


def test_a_header_of_ten_megabytes_is_refused_and_the_service_goes_on(server):
    connection = connect(server)
    with contextlib.suppress(ConnectionError):
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 10_000_000 + b"\r\n\r\n")
    said = answer(connection)
    assert said[9:12] in (b"", b"400", b"431")
    assert healthy(server) is not None


@pytest.mark.parametrize(
    "begin",
    [
        b"PUT /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n",
        b"PUT /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n{",
        b"POST /recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2000000\r\n\r\n{",
    ],
    ids=["length", "chunks", "too large"],
)
def test_an_answer_to_a_body_that_was_not_read_says_that_the_connection_ends(hasty, begin):
    connection = connect(hasty)
    connection.sendall(begin)
    head = answer(connection).partition(b"\r\n\r\n")[0]
    assert head.startswith((b"HTTP/1.1 404", b"HTTP/1.1 413"))
    assert b"\r\nConnection: close" in head


def test_a_small_body_that_nobody_wanted_does_not_end_the_connection(hasty):
    with closing(http.client.HTTPConnection(hasty.url.removeprefix("http://"), timeout=30)) as connection:
        for _ in range(2):
            connection.request("PUT", "/nowhere", b"{}")
            said = connection.getresponse()
            assert (said.status, said.headers["Connection"]) == (404, "keep-alive")
            said.read()


def test_neither_a_file_name_nor_an_id_leads_out_of_the_store(server):
    for name in ("..%2F..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", "..%5C..%5Cpasswd", "%00passwd"):
        assert server.request("PUT", f"/upload?filename={name}", data=jsonl(3)).json()["filename"] == "passwd"
    before = sorted(server.home.iterdir())
    for method, path in (
        ("GET", "/analyze/..%2F..%2Ftunebook.db"),
        ("DELETE", "/datasets/..%2F..%2Ffiles"),
        ("DELETE", "/datasets/%2E%2E"),
        ("DELETE", "/notebooks/..%2Fdatasets"),
        ("GET", "/v1/uploads/..%2F..%2Fsecret"),
        ("POST", "/v1/uploads/..%2F..%2Fx/cancel"),
        ("GET", "/jobs/..%2F..%2Fsecret/artifacts/..%2F..%2Ftunebook.db"),
    ):
        assert server.request(method, path).status_code in (404, 405), path
    assert sorted(server.home.iterdir()) == before
    assert all(path.parents[1] == server.home / "files" / "datasets" for path in store(server) if path.suffix == "")


def test_a_bomb_is_told_of_while_others_are_served(server):
    # 80 MiB of one row, again and again: over 64 MiB, and over 50 times its packed size.
    bomb = gzip.compress(jsonl(1) * (80 * 2**20 // len(jsonl(1))))
    session_id = server.request("PUT", "/upload?filename=a.jsonl.gz", data=bomb).json()["session_id"]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: until(lambda: ended(server, session_id), seconds=60))
        assert healthy(server) is not None
        told = asked.result()
    assert told == (400, "decompression_bomb")


def ended(server, session_id):
    """The status and the code of its error, once its analysis has failed."""
    found = server.get(f"/analyze/{session_id}")
    return (found.status_code, found.json()["error"]["code"]) if found.status_code != 202 else None


def test_the_worker_waits_for_the_body_of_an_app_that_is_not_flasks_too(tmp_path):
    def body():
        time.sleep(0.2)
        yield b"late"

    with serving(tmp_path, "benchmarks.upload:bare_app") as (host, port, _):
        assert send(host, port, "PUT", "/", body(), 4) == hashlib.sha256(b"late").hexdigest().encode()
