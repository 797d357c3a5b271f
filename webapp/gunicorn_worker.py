"""gunicorn's worker with threads, which no slow client can fill and which ends open streams first when it is to stop.

A thread takes a connection once the head of its request is there, and waits for a body in one of few places. Also
gunicorn's parent process imports this, so it stays light.
"""

import socket
import threading
from contextlib import suppress
from selectors import EVENT_READ
from time import monotonic
from types import FrameType
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from webapp.errors import Problem

# Of a head: more is for gunicorn to refuse.
_HEAD_BYTES = 64 * 1024
_SLICE_SECONDS = 1.0
# How long what a client sends after the answer is thrown away, and how long nothing may come.
_LINGER_SECONDS, _IDLE_SECONDS = 2.0, 0.25


class StreamingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Slow heads wait without a thread, slow bodies are cut off; streams do not hold up a stop."""

    head_seconds = 10.0  # within which a head has to be there
    body_seconds = 60.0  # in each of which a body has to bring at least `body_bytes`
    busy_seconds = 10.0  # the same while half of the places are taken
    body_bytes = 10 * 1024

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heads: dict[TConn, float] = {}  # connections without a head, until when
        # Beside the streams, which may take four fifths of the threads.
        self._places = _Places(max(1, self.cfg.threads // 6), self.body_seconds, self.busy_seconds, self.body_bytes)

    def enqueue_req(self, conn: TConn) -> None:
        """Gives a connection to a thread, once that has something to do."""
        if self.cfg.is_ssl or (conn.parser is not None and conn.parser.unreader.buf.getvalue()):
            super().enqueue_req(conn)  # which cannot be looked into; which has sent its next request already
        else:
            self._heads[conn] = monotonic() + self.head_seconds
            self._look(conn, -1)

    def handle(self, conn: TConn) -> Any:
        """Serves a connection; ends it here where it is to end: gunicorn would have all others wait for that."""
        kept = super().handle(conn)
        if not kept:
            _linger(conn.sock)
            conn.close = lambda **_: None
        return kept

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answers the request, with the pace of its body watched."""
        unreader = conn.parser.unreader
        plain, unreader.sock = unreader.sock, _PacedSocket(unreader.sock, self._places)
        try:
            return super().handle_request(req, conn)
        finally:
            unreader.sock = plain

    def murder_pending(self) -> None:
        """Closes connections whose time is over; all without a head when the worker stops."""
        super().murder_pending()
        now = monotonic()
        for conn in [conn for conn, until in self._heads.items() if until <= now or not self.alive]:
            self.poller.unregister(conn.sock)
            self._drop(conn)

    def _look(self, conn: TConn, seen: int) -> None:
        """Looks for the end of the head; `seen` bytes of it were there before."""
        try:
            there = conn.sock.recv(_HEAD_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            there = None
        except OSError:
            self._drop(conn)
            return
        count = len(there or b"")
        if there is not None and (count == 0 or count == seen):  # it has hung up
            self._drop(conn)
        elif there and (b"\r\n\r\n" in there or count == _HEAD_BYTES):
            del self._heads[conn]
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            conn.data_ready = True
            super().enqueue_req(conn)
        else:
            # Woken by what is new, not by what has been seen.
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count + 1)
            self.poller.register(conn.sock, EVENT_READ, lambda _: self._look_again(conn, count))

    def _look_again(self, conn: TConn, seen: int) -> None:
        self.poller.unregister(conn.sock)
        self._look(conn, seen)

    def _drop(self, conn: TConn) -> None:
        del self._heads[conn]
        self.nr_conns -= 1
        conn.close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM."""
        self._end_streams()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """SIGINT and SIGQUIT."""
        self._end_streams()
        super().handle_quit(sig, frame)

    def _end_streams(self) -> None:
        from webapp.api.context import EXTENSION

        app = getattr(self, "wsgi", None)  # none yet while the worker starts
        if app is not None:
            app.extensions[EXTENSION].tailer.stop()


def _linger(sock: socket.socket) -> None:
    """Closes the connection after its last answer, which what the client still sends would take away (RFC 9112 9.6)."""
    until = monotonic() + _LINGER_SECONDS
    with suppress(OSError), sock:
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(_IDLE_SECONDS)
        while sock.recv(_HEAD_BYTES) and monotonic() < until:
            pass


class _Places:
    """Where threads wait for bodies: `count` at a time, each as long as its body brings `least` bytes in `seconds`."""

    def __init__(self, count: int, seconds: float, busy_seconds: float, least: int) -> None:
        self._count, self._seconds, self._busy_seconds, self.least = count, seconds, busy_seconds, least
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """The patience that there is now."""
        return self._seconds if 2 * self._taken < self._count else self._busy_seconds

    def __enter__(self) -> None:
        with self._lock:
            if self._taken >= self._count:
                raise Problem(
                    "too_many_uploads",
                    "The server is waiting for as many uploads as it can: try again in a few seconds.",
                    status=503,
                    details={"retry_after": 5},
                )
            self._taken += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._taken -= 1


class _PacedSocket:
    """A connection's socket while a body is read: raises Problem `too_slow` (408) or `too_many_uploads` (503)."""

    def __init__(self, sock: socket.socket, places: _Places) -> None:
        self._sock, self._places = sock, places
        self._began, self._received = monotonic(), 0

    def recv(self, size: int) -> bytes:
        """The next bytes, as far as they are there; none when the client has hung up."""
        try:
            found = self._sock.recv(size, socket.MSG_DONTWAIT)
        except (BlockingIOError, ValueError):  # nothing there; TLS, which takes no flags
            with self._places:
                found = self._wait(size)
        self._received += len(found)
        if self._received >= self._places.least:
            self._began, self._received = monotonic(), 0
        return found

    def _wait(self, size: int) -> bytes:
        before = self._sock.gettimeout()
        try:
            while (left := self._began + self._places.seconds - monotonic()) > 0:
                self._sock.settimeout(min(left, _SLICE_SECONDS))
                try:
                    return self._sock.recv(size)
                except TimeoutError:
                    continue
        finally:
            self._sock.settimeout(before)
        raise Problem("too_slow", "The request comes too slowly, or has stopped: send it again.", status=408)
