"""A job is followed over HTTP: server-sent events, WebSockets, tickets."""

import io
import json
import socket
import threading
import time
from datetime import timedelta
from http.client import parse_headers

import pytest
import websocket
from sqlalchemy import func, select, update
from werkzeug.test import EnvironBuilder

from webapp import create_app, workflow
from webapp.accounts import LOCAL
from webapp.api import sockets, streams
from webapp.jobs import attempts, claim
from webapp.storage.tables import StreamTicket, utc_now


@pytest.fixture
def run(services, sample):
    """The id of a run that is under way."""
    notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
    job = workflow.create_run(services, LOCAL, sample, notebook.id, "run")
    workflow.start_run(services, LOCAL, job.id)
    assert claim(services.db, "test", 60).id == job.id
    return job.id


@pytest.fixture
def finished(services, run):
    """The same, when it is over."""
    write(services, run, 0, 1, 2)
    attempts.finish(services.db, run, 1, {})
    return run


def write(services, job_id, *numbers):
    news = [("stream", {"cell": 1, "name": "stdout", "text": f"{number}\n"}) for number in numbers]
    assert attempts.write(services.db, job_id, 1, news, None)


def events(text):
    """The events of a stream: dictionaries with `id`, `event`, `data`; comments and `retry` are none."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith((":", "retry")))
        if fields:
            yield fields | {"data": json.loads(fields["data"])}


def printed(found):
    return [event["data"]["message"] for event in found if event["data"]["type"] == "log"]


class Following:
    """Reads an open stream of the test client piece by piece."""

    def __init__(self, client, path, **headers):
        self.answer = client.get(path, headers=headers)
        self.pieces = self.answer.iter_encoded()
        assert next(self.pieces).startswith(b"retry: ")

    def read(self):
        return list(events(next(self.pieces).decode()))

    def close(self):
        self.answer.close()


def test_a_finished_job_is_told_whole_and_the_stream_ends(client, finished):
    answer = client.get(f"/jobs/{finished}/stream")
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    assert (answer.headers["X-Accel-Buffering"], answer.headers["Cache-Control"]) == ("no", "no-store")
    *told, end = events(answer.text)
    assert [event["data"]["type"] for event in told if "id" in event] == ["status"] * 3 + ["log"] * 3 + ["status"]
    assert end == {"event": "end", "data": {"type": "end", "status": "completed"}}
    seen = [int(event["id"]) for event in told if "id" in event]
    assert seen == sorted(set(seen)) == [event["data"]["seq"] for event in told if "id" in event]


def test_what_happens_is_told_when_it_happens(client, services, run):
    stream = Following(client, f"/jobs/{run}/stream")
    assert [event["data"]["status"] for event in stream.read()] == ["created", "queued", "running"]
    write(services, run, 7)
    assert printed(stream.read()) == ["7\n"]
    stream.close()


@pytest.mark.parametrize("way", ["header", "query", "header wins"])
def test_a_stream_goes_on_behind_the_last_event_that_was_seen(client, finished, way):
    numbers = [int(event["id"]) for event in events(client.get(f"/jobs/{finished}/stream").text) if "id" in event]
    query = {"header": "", "query": f"?after={numbers[3]}", "header wins": "?after=0"}[way]
    headers = {} if way == "query" else {"Last-Event-ID": str(numbers[3])}
    rest = events(client.get(f"/jobs/{finished}/stream{query}", headers=headers).text)
    assert [int(event["id"]) for event in rest if "id" in event] == numbers[4:]


def test_a_browser_that_comes_back_to_a_finished_job_is_told_to_stay_away(client, services, finished):
    *_, last = [event["id"] for event in events(client.get(f"/jobs/{finished}/stream").text) if "id" in event]
    answer = client.get(f"/jobs/{finished}/stream", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.data) == (204, b"")
    assert not services.tailer._readers


@pytest.mark.parametrize(
    ("path", "headers", "param"),
    [
        ("stream?after=-1", {}, "after"),
        ("stream?after=x", {}, "after"),
        ("stream", {"Last-Event-ID": "x"}, "last_event_id"),
        ("stream", {"Last-Event-ID": "-1"}, "last_event_id"),
        ("ws?after=x", {}, "after"),
    ],
)
def test_a_wrong_place_to_go_on_from_is_named(client, run, path, headers, param):
    answer = client.get(f"/jobs/{run}/{path}", headers=headers)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, param)


def test_a_quiet_stream_says_that_it_is_still_there(client, run, monkeypatch):
    monkeypatch.setattr(streams, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(streams, "_KEEP_ALIVE_SECONDS", 0.03)
    stream = Following(client, f"/jobs/{run}/stream")
    stream.read()
    assert next(stream.pieces).startswith(b":")
    stream.close()


def test_asking_for_the_head_opens_no_stream(client, services, run):
    answer = client.head(f"/jobs/{run}/stream")
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    assert not services.tailer._readers


def test_when_all_places_are_taken_the_next_one_is_told_when_to_come_back(settings, finished, run):
    app = create_app(settings.model_copy(update={"max_streams": 2}))
    client = app.test_client()
    open_streams = [Following(client, f"/jobs/{run}/stream") for _ in range(2)]
    for path, headers in (("stream", {}), ("stream?ticket=x", {})):
        answer = client.get(f"/jobs/{run}/{path}", headers=headers)
        assert (answer.status_code, answer.json["error"]["code"]) == (503, "too_many_streams")
        assert int(answer.headers["Retry-After"]) > 0
    refused = Socket(app, f"/jobs/{run}/ws")
    assert refused.answered == 503
    open_streams[0].close()
    Following(client, f"/jobs/{finished}/stream").close()
    open_streams[1].close()
    app.extensions["tunebook"].db.close()


# Tickets


def get_ticket(client, job_id):
    answer = client.post(f"/jobs/{job_id}/ticket")
    assert answer.status_code == 201
    return answer.json


def opened(client, job_id, ticket):
    with client.get(f"/jobs/{job_id}/stream", query_string={"ticket": ticket}) as answer:
        return answer.status_code if answer.status_code == 200 else answer.json["error"]["code"]


def test_a_ticket_opens_one_stream_of_its_job_once(client, services, sample, finished):
    notebook = workflow.generate(services, LOCAL, sample, "smollm2-360m")
    other = workflow.create_run(services, LOCAL, sample, notebook.id, "run").id
    ticket = get_ticket(client, finished)["ticket"]
    assert opened(client, other, ticket) == "invalid_ticket"
    assert opened(client, finished, ticket + "x") == "invalid_ticket"
    assert opened(client, finished, ticket) == 200
    assert opened(client, finished, ticket) == "invalid_ticket"


def test_of_many_who_hold_one_ticket_one_is_let_in(app, client, finished):
    ticket = get_ticket(client, finished)["ticket"]
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(opened(app.test_client(), finished, ticket))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, answers)) == ["200"] + ["invalid_ticket"] * 7


def test_a_ticket_expires_and_is_swept(client, services, finished):
    ticket = get_ticket(client, finished)["ticket"]
    with services.db.session() as session:
        (row,) = session.scalars(select(StreamTicket))
        assert timedelta(0) < row.expires_at - utc_now() <= timedelta(seconds=60)
        assert ticket not in row.ticket_sha256
        session.execute(update(StreamTicket).values(expires_at=utc_now()))
    assert opened(client, finished, ticket) == "invalid_ticket"
    fresh = get_ticket(client, finished)["ticket"]
    with services.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(StreamTicket)) == 1
    assert opened(client, finished, fresh) == 200


def test_a_ticket_comes_with_the_addresses_that_it_opens(client, settings, finished):
    made = get_ticket(client, finished)
    assert made["stream_url"] == f"http://localhost/jobs/{finished}/stream?ticket={made['ticket']}"
    assert made["ws_url"] == f"ws://localhost/jobs/{finished}/ws?ticket={made['ticket']}"
    assert opened(client, finished, made["ticket"]) == 200
    public = create_app(settings.model_copy(update={"public_url": "https://tunebook.example"})).test_client()
    made = public.post(f"/jobs/{finished}/ticket", base_url="http://tunebook.example").json
    assert made["ws_url"].startswith("wss://tunebook.example/jobs/")


def test_a_ticket_for_no_job_is_not_made(client):
    answer = client.post("/jobs/x/ticket")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "job_not_found")


# WebSockets


class Socket(websocket.WebSocket):
    """A WebSocket to the application itself, which is given one end of a pair as gunicorn would give it."""

    def __init__(self, app, path, **headers):
        super().__init__()
        self.ours, theirs = socket.socketpair()
        self.thread = threading.Thread(target=self._serve, args=(app, theirs), daemon=True)
        self.thread.start()
        origin = headers.pop("origin", None)
        self.answered = 101
        try:
            given = [f"{name}: {value}" for name, value in headers.items()]
            self.connect(
                f"ws://localhost{path}", socket=self.ours, header=given, origin=origin, suppress_origin=not origin
            )
        except websocket.WebSocketBadStatusException as refused:
            self.answered, self.refusal = refused.status_code, json.loads(refused.resp_body)
            self.leave()

    @staticmethod
    def _serve(app, theirs):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += theirs.recv(1)
        line, _, rest = head.partition(b"\r\n")
        headers = dict(parse_headers(io.BytesIO(rest)).items())
        environ = EnvironBuilder(path=line.split()[1].decode(), headers=headers).get_environ()
        environ |= {"gunicorn.socket": theirs, "HTTP_CONNECTION": "Upgrade"}

        def start_response(status, answered):
            lines = "".join(f"{name}: {value}\r\n" for name, value in answered)
            theirs.sendall(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode())

        try:
            for piece in app(environ, start_response):
                theirs.sendall(piece)
        except StopIteration:
            pass
        finally:
            theirs.close()

    def messages(self):
        """All until it is closed; the code and the reason of that are `closed`."""
        found = []
        while True:
            opcode, data = self.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                self.closed = (int.from_bytes(data[:2]), data[2:].decode())
                return found
            if opcode == websocket.ABNF.OPCODE_TEXT:
                found.append(json.loads(data))

    def leave(self):
        self.ours.close()
        self.thread.join(10)
        assert not self.thread.is_alive()


def test_a_socket_tells_the_same_as_a_stream_and_is_closed_with_the_last_state(app, client, finished):
    told = [event["data"] for event in events(client.get(f"/jobs/{finished}/stream").text) if "id" in event]
    one = Socket(app, f"/jobs/{finished}/ws")
    assert [message for message in one.messages() if message["type"] != "progress"] == told
    assert one.closed == (1000, "completed")
    one.leave()
    one = Socket(app, f"/jobs/{finished}/ws?after={told[4]['seq']}")
    assert [message for message in one.messages() if message["type"] != "progress"] == told[5:]
    one.leave()


def test_a_socket_follows_answers_pings_and_frees_its_place_when_it_is_left(app, services, run):
    one = Socket(app, f"/jobs/{run}/ws")
    assert [json.loads(one.recv())["status"] for _ in range(3)] == ["created", "queued", "running"]
    one.ping("hello")
    assert one.recv_data(control_frame=True) == (websocket.ABNF.OPCODE_PONG, b"hello")
    one.send("what a client says is not looked at")
    write(services, run, 7)
    assert json.loads(one.recv())["message"] == "7\n"
    one.leave()
    assert not services.tailer._readers


def test_a_client_that_answers_no_ping_is_given_up(app, services, run, monkeypatch):
    monkeypatch.setattr(sockets, "_PING_SECONDS", 0.1)
    one = Socket(app, f"/jobs/{run}/ws")
    one.thread.join(10)
    assert not one.thread.is_alive()
    assert not services.tailer._readers
    one.leave()


def test_a_message_that_is_too_large_ends_the_socket(app, services, run):
    one = Socket(app, f"/jobs/{run}/ws")
    one.send("x" * 5000)
    one.thread.join(10)
    assert not one.thread.is_alive()
    assert not services.tailer._readers
    one.leave()


def test_when_the_server_stops_sockets_are_sent_away_and_streams_end_without_an_end(settings, run):
    app = create_app(settings)
    one, stream = Socket(app, f"/jobs/{run}/ws"), Following(app.test_client(), f"/jobs/{run}/stream")
    stream.read()
    began = time.monotonic()
    app.extensions["tunebook"].tailer.stop()
    one.messages()
    assert one.closed == (1001, "stopping")
    one.leave()
    assert b"".join(stream.pieces) == b""
    assert time.monotonic() - began < 5
    app.extensions["tunebook"].db.close()


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:81"]
)
def test_pages_of_other_websites_open_no_socket(app, run, origin):
    one = Socket(app, f"/jobs/{run}/ws", origin=origin)
    assert (one.answered, one.refusal["error"]["code"]) == (403, "cross_site_request")


def test_pages_of_our_own_and_programs_do(settings, finished):
    app = create_app(settings.model_copy(update={"public_url": "https://tunebook.example/"}))
    for headers in ({}, {"origin": "http://localhost"}, {"origin": "https://tunebook.example"}):
        one = Socket(app, f"/jobs/{finished}/ws", **headers)
        assert one.answered == 101
        one.messages()
        one.leave()
    app.extensions["tunebook"].db.close()


def test_a_socket_is_opened_by_a_ticket_too(app, client, finished):
    path = get_ticket(client, finished)["ws_url"].removeprefix("ws://localhost")
    first = Socket(app, path)
    assert (first.answered, len(first.messages()) > 6) == (101, True)
    first.leave()
    second = Socket(app, path)
    assert (second.answered, second.refusal["error"]["code"]) == (401, "invalid_ticket")


def test_what_is_no_handshake_is_refused(app, client, run):
    answer = client.get(f"/jobs/{run}/ws")
    assert (answer.status_code, answer.json["error"]["code"]) == (426, "upgrade_required")
    assert answer.headers["Upgrade"] == "websocket"
    wrong = Socket(app, f"/jobs/{run}/ws", **{"Sec-WebSocket-Version": "8"})
    assert (wrong.answered, wrong.refusal["error"]["code"]) == (426, "upgrade_required")


def test_a_socket_of_no_job_is_refused(app):
    assert Socket(app, "/jobs/x/ws").answered == 404
