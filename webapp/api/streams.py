"""A job followed while it runs: server-sent events, a WebSocket, and the tickets that open either."""

import json
import socket
from collections.abc import Iterator
from time import monotonic
from typing import Any
from urllib.parse import urlencode, urlsplit

from apiflask import APIBlueprint
from flask import Response, request

from webapp import workflow
from webapp.accounts import NOBODY, Caller
from webapp.api.connections import client_socket, hung_up
from webapp.api.context import caller, services
from webapp.api.job_bodies import TicketBody
from webapp.api.openapi import errors, pending_headers
from webapp.api.request_cycle import refuse_cross_site
from webapp.api.schemas import StreamHeaders, StreamQuery
from webapp.api.sockets import refuse_without_upgrade, send_all
from webapp.jobs import Reader
from webapp.jobs.messages import Message
from webapp.jobs.tailer import STOPPING

# How often a quiet stream looks whether its client is still there, and how often it says that it is.
_LOOK_SECONDS = 2.0
_KEEP_ALIVE_SECONDS = 15.0
_RECONNECT_MS = 1000

bp = APIBlueprint("streams", __name__, tag="Jobs")

_REFUSED = pending_headers(
    errors(
        {
            400: "A parameter is not valid.",
            401: "The ticket is not valid for this job, has expired, or was used.",
            404: "There is no such job.",
            503: "As many streams are open as there may be, or the store cannot be used right now.",
        }
    ),
    503,
)
_EVENT = {
    "type": "object",
    "description": "One of the events.",
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string", "enum": ["message", "end"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_EVENTS: dict[int, Any] = {
    200: {
        "description": "One event per message; its `id` is the `seq` to go on from, its `data` the message as JSON.",
        "content": {"text/event-stream": {"schema": _EVENT}},
    },
    204: {"description": "The job has ended, and nothing comes after the `seq` that was seen last."},
}


@bp.post("/jobs/<job_id>/ticket")
@bp.output(TicketBody, 201, description="The ticket, and the addresses that it opens.")
@bp.doc(operation_id="stream_ticket", responses=errors({404: "There is no such job."}))
def ticket(job_id: str) -> Any:
    """Get a ticket for a stream

    For clients that cannot send a header: it opens one stream of this job, once, within a minute.
    """
    made = workflow.issue_ticket(services(), caller(), job_id)
    public = (services().settings.public_url or "").rstrip("/")
    # A proxy in front of the app may speak https where the app does not.
    root = public if urlsplit(public).netloc == request.host else request.host_url.rstrip("/")
    job, query = f"{root}/jobs/{made.job_id}", urlencode({"ticket": made.ticket})
    body = {
        "ticket": made.ticket,
        "expires_at": made.expires_at,
        "stream_url": f"{job}/stream?{query}",
        "ws_url": f"ws{job.removeprefix('http')}/ws?{query}",
    }
    return body, 201


@bp.get("/jobs/<job_id>/stream")
@bp.input(StreamQuery, location="query")
@bp.input(StreamHeaders, location="headers")
@bp.doc(operation_id="job_stream", responses=_EVENTS | _REFUSED)
def stream(job_id: str, query_data: StreamQuery, headers_data: StreamHeaders) -> Response:
    """Follow a job by server-sent events

    Its events from the first or the last one seen, then what comes, until it ends: an event `end` closes the stream.
    """
    after = query_data.after if headers_data.last_event_id is None else headers_data.last_event_id
    opened = workflow.open_stream(services(), _reader(query_data), job_id, after, query_data.ticket)
    if opened.over and after:
        opened.reader.close()
        return Response(status=204)  # with which browsers stop asking
    response = Response(_server_sent(opened.reader, client_socket()), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(opened.reader.close)
    if request.method == "HEAD":
        response.close()
    return response


def _reader(query: StreamQuery) -> Caller:
    """Who reads: of someone with a ticket nothing else is asked."""
    if query.ticket is not None:
        return NOBODY
    caller().require("read")
    return caller()


def _server_sent(reader: Reader, connection: socket.socket | None) -> Iterator[str]:
    yield f"retry: {_RECONNECT_MS}\n\n"
    told = monotonic()
    with reader:
        while not (ended := reader.ended):
            messages = reader.read(_LOOK_SECONDS)
            if not messages and hung_up(connection):
                return
            if messages or monotonic() - told >= _KEEP_ALIVE_SECONDS:
                yield "".join(map(_framed, messages)) or ": still here\n\n"
                told = monotonic()
    if ended != STOPPING:
        yield f"event: end\ndata: {json.dumps({'type': 'end', 'status': ended})}\n\n"
    elif connection is not None:
        # The browser is to come back, but on another connection: gunicorn would keep this one a while.
        connection.shutdown(socket.SHUT_RD)


def _framed(message: Message) -> str:
    number = "" if message.seq is None else f"id: {message.seq}\n"
    return f"{number}data: {message.text}\n\n"


# Twice: werkzeug matches the requests of WebSockets, and all others, with rules of their own.
@bp.get("/jobs/<job_id>/ws", websocket=True)
@bp.get("/jobs/<job_id>/ws")
@bp.input(StreamQuery, location="query")
@bp.doc(
    operation_id="job_socket",
    responses={101: {"description": "A WebSocket that sends a message as JSON in each text frame."}}
    | _REFUSED
    | errors({403: "The page that asks is another website's.", 426: "The request is no WebSocket handshake."}),
)
def socket_stream(job_id: str, query_data: StreamQuery) -> Response:
    """Follow a job by a WebSocket

    The same messages; `after` goes on behind a `seq`. It is closed with 1000 and the job's last state when the job
    ends, and with 1001 when the server stops.
    """
    refuse_cross_site()
    connection = refuse_without_upgrade()
    reading = _reader(query_data)
    with workflow.open_stream(services(), reading, job_id, query_data.after, query_data.ticket).reader as reader:
        return send_all(reader, connection)
