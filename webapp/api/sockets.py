"""WebSockets over gunicorn's threads: simple-websocket with the socket that gunicorn lends."""

import socket
import threading
from contextlib import suppress
from functools import partial
from typing import Any

from flask import Response, request
from simple_websocket import ConnectionClosed, Server
from simple_websocket.errors import ConnectionError as HandshakeError
from wsproto.utilities import RemoteProtocolError

from webapp.api.connections import client_socket
from webapp.errors import Problem
from webapp.jobs import Reader
from webapp.jobs.tailer import STOPPING

_PING_SECONDS = 15
# simple-websocket wakes the reader a moment before it says that it is no longer connected: look again.
_LOOK_SECONDS = 2
# What a client sends is not looked at.
_LARGEST_MESSAGE = 4096
_CLOSING_SECONDS = 0.5
_NORMAL, _GOING_AWAY = 1000, 1001


class Upgraded(Response):
    """Stands for a connection that was a WebSocket and has ended: there is nothing to answer on it."""

    def __call__(self, *_: Any) -> Any:
        """Tells gunicorn that the connection is done with."""
        raise StopIteration


class _Line:
    """gunicorn's socket for two threads: frames go out whole, and closing it is left to gunicorn."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket, self._lock = connection, threading.Lock()

    def send(self, data: bytes) -> None:
        with self._lock:
            self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        return self._socket.recv(size)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        """Nothing: gunicorn counts its connections, and is confused by one that is closed already."""


def refuse_without_upgrade() -> socket.socket:
    """The connection of a request that asks for a WebSocket; raises Problem `upgrade_required` (426) otherwise."""
    connection = client_socket()
    if connection is None or request.headers.get("Upgrade", "").lower() != "websocket":
        raise Problem("upgrade_required", "This address speaks WebSocket only; /stream answers over HTTP.", status=426)
    return connection


def send_all(reader: Reader, connection: socket.socket) -> Upgraded:
    """Makes the connection a WebSocket and sends it what the reader reads, until either ends.

    Raises Problem `upgrade_required` (426) when the handshake is not valid.
    """
    line = _Line(connection)
    # Without extensions: each compressed socket would hold a third of a megabyte.
    environ = request.environ | {"gunicorn.socket": line}
    environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
    try:
        ws = Server(
            environ,
            ping_interval=_PING_SECONDS,
            max_message_size=_LARGEST_MESSAGE,
            thread_class=partial(threading.Thread, daemon=True),
            event_class=lambda: reader.news,  # the end of the socket wakes the reader as news do
        )
    except (HandshakeError, RemoteProtocolError) as error:
        raise Problem("upgrade_required", f"This is no valid WebSocket handshake: {error}.", status=426) from error
    try:
        with suppress(ConnectionClosed, OSError):
            _send(reader, ws)
    finally:
        ws.connected = False
        ws.thread.join(_CLOSING_SECONDS)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # wakes the receiving thread, and saves gunicorn a wait
    return Upgraded(status=101)


def _send(reader: Reader, ws: Server) -> None:
    while ws.connected and not reader.ended:
        for message in reader.read(_LOOK_SECONDS):
            ws.send(message.text)
        ws.input_buffer.clear()
    ws.close(_GOING_AWAY if reader.ended == STOPPING else _NORMAL, reader.ended)  # raises when it is closed already
