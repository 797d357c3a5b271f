"""gunicorn's worker with threads, which no slow client can fill and which ends open streams first when it is to stop.

A thread takes a connection once the head of its request is there, and waits for a client no longer than it keeps pace
(`webapp.pace`). Also gunicorn's parent process imports this, so it stays light.
"""

import socket
from contextlib import suppress
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit
from selectors import EVENT_READ
from time import monotonic
from types import FrameType
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from webapp.pace import Brief, Places, Receiving, Sending, Waiting, bound_sending

# Of a head: more is for gunicorn to refuse.
_HEAD_BYTES = 64 * 1024
# Beside its connection: the database's, and what it reads or writes.
_FILES_PER_THREAD = 2
# How long what a client sends after the answer is thrown away, and how long nothing may come.
_LINGER_SECONDS, _IDLE_SECONDS = 2.0, 0.25


class StreamingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Slow heads wait without a thread, slow bodies and slow takers are cut off; streams do not hold up a stop."""

    head_seconds = 10.0  # within which a head has to be there
    least_bytes = 10 * 1024  # of a body or an answer
    # In each of which they have to come, or to be taken: while few wait, while many do, while all do that may.
    body_seconds = (60.0, 10.0, 10.0)
    answer_seconds = (60.0, 10.0, 1.0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heads: dict[TConn, float] = {}  # connections without a head, until when
        # Beside the streams, which may take four fifths of the threads.
        count = max(1, self.cfg.threads // 6)
        self._bodies = Places(count, self.least_bytes, self.body_seconds)
        self._answers = Waiting(count, self.least_bytes, self.answer_seconds)

    def init_process(self) -> None:
        """Begins to serve, with no more connections than there may be files open: gunicorn ends at one too many."""
        connections, others = self.cfg.worker_connections, _FILES_PER_THREAD * self.cfg.threads
        self.worker_connections = max(self.cfg.threads, _room_for_files(connections + others) - others)
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """Gives a connection to a thread, once that has something to do."""
        if self.cfg.is_ssl or (conn.parser is not None and conn.parser.unreader.buf.getvalue()):
            super().enqueue_req(conn)  # which cannot be looked into; which has sent its next request already
        else:
            self._heads[conn] = monotonic() + self.head_seconds
            self._look(conn, -1)

    def accept(self, listener: socket.socket) -> None:
        """Takes a connection; once there are as many as may be, the one that is silent for longest goes for it."""
        super().accept(listener)
        if self.nr_conns >= self.worker_connections and len(self._heads) > 1:
            self._drop_oldest()

    def handle(self, conn: TConn) -> Any:
        """Serves a connection; ends it here where it is to end: gunicorn would have all others wait for that."""
        kept = super().handle(conn)
        if not kept:
            _linger(conn.sock)
            conn.close = lambda **_: None
        return kept

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answers the request, with the pace of its body and of its answer watched."""
        unreader, plain = conn.parser.unreader, conn.sock
        bound_sending(plain)
        unreader.sock = Receiving(plain, self._bodies, _client_network)
        _announce_close(req, conn.parser, plain)
        if not self.cfg.is_ssl:
            # The pace is the connection's: it does not begin anew with each of many small answers.
            conn.sock = conn.sending = getattr(conn, "sending", None) or Sending(plain, self._answers)
        try:
            return super().handle_request(req, conn)
        finally:
            unreader.sock = conn.sock = plain

    def murder_pending(self) -> None:
        """Closes connections whose time is over; all without a head when the worker stops."""
        super().murder_pending()
        now = monotonic()
        while self._heads and (next(iter(self._heads.values())) <= now or not self.alive):
            self._drop_oldest()

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
        if conn in self._heads:  # else it went while this event waited for its turn
            self.poller.unregister(conn.sock)
            self._look(conn, seen)

    def _drop_oldest(self) -> None:
        conn = next(iter(self._heads))
        self.poller.unregister(conn.sock)
        self._drop(conn)

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


def _room_for_files(wanted: int) -> int:
    """The files that this process may have open, after asking for `wanted`."""
    soft, hard = getrlimit(RLIMIT_NOFILE)
    if soft == RLIM_INFINITY or soft >= wanted:
        return wanted
    allowed = wanted if hard == RLIM_INFINITY else min(wanted, hard)
    setrlimit(RLIMIT_NOFILE, (allowed, hard))
    return allowed


def _client_network() -> str:
    """Nobody in particular for an app that is not Flask's."""
    from flask import has_request_context

    from webapp.api.connections import client_network

    return client_network() if has_request_context() else ""


def _announce_close(req: Any, parser: Any, sock: socket.socket) -> None:
    """Has the answer say `Connection: close` where the body was not read: the connection ends with it."""
    asked = req.should_close

    def should_close() -> bool:
        if not _is_read(parser, sock):
            req.force_close()
        return bool(asked())

    req.should_close = should_close


def _is_read(parser: Any, sock: socket.socket) -> bool:
    """Whether the body is at its end, where need be once a small rest of it has been thrown away."""
    if getattr(parser.mesg.body.reader, "length", 0) > _HEAD_BYTES:
        return False
    unreader = parser.unreader
    before, unreader.sock = unreader.sock, Brief(sock, _IDLE_SECONDS)
    try:
        return bool(parser.finish_body(max_bytes=_HEAD_BYTES))
    except Exception:  # it does not come, or what comes is no body
        return False
    finally:
        unreader.sock = before


def _linger(sock: socket.socket) -> None:
    """Closes the connection after its last answer, which what the client still sends would take away (RFC 9112 9.6)."""
    until = monotonic() + _LINGER_SECONDS
    with suppress(OSError), sock:
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(_IDLE_SECONDS)
        while sock.recv(_HEAD_BYTES) and monotonic() < until:
            pass
