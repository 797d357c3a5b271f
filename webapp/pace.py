"""Sockets of clients that have to keep pace: whoever sends a body or takes an answer too slowly loses the thread."""

import os
import select
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import ECONNRESET
from fcntl import ioctl
from termios import TIOCOUTQ
from time import monotonic
from typing import Any, BinaryIO

from webapp.errors import Problem

_SLICE_SECONDS = 0.5
# A client that takes nothing for so long is gone, or as good as gone.
_STUCK_SECONDS = 30


def bound_sending(connection: socket.socket) -> None:
    """Has the kernel give up on a client that takes nothing, also one that is gone without a word; Linux only."""
    with suppress(AttributeError, OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STUCK_SECONDS * 1000)


class Waiting:
    """The threads that wait for clients. The more there are, the less patience there is with each.

    A client has to move `least` bytes in so many seconds: the first of `patience` while less than half of `count` wait,
    the second from there on, the third from `count` on.
    """

    def __init__(self, count: int, least: int, patience: tuple[float, float, float]) -> None:
        self.count, self.least, self._patience = count, least, patience
        self._lock, self._taken = threading.Lock(), Counter[str]()

    @property
    def seconds(self) -> float:
        """The patience that there is now."""
        with self._lock:
            taken = self._taken.total()
        few, many, full = self._patience
        return few if 2 * taken < self.count else many if taken < self.count else full

    @contextmanager
    def place(self, who: str = "") -> Iterator[None]:
        """While this thread waits for `who`."""
        with self._lock:
            self._admit(who)
            self._taken[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[who] -= 1
                self._taken += Counter()  # forgets those of whom nothing is waited for

    def _admit(self, who: str) -> None:
        """All are let in: an answer that has begun cannot be refused."""


class Places(Waiting):
    """Where threads wait for bodies: no more than `count` at a time, no more than half of them for one address."""

    def _admit(self, who: str) -> None:
        if self._taken.total() >= self.count or self._taken[who] >= max(1, self.count // 2):
            raise Problem(
                "too_many_uploads",
                "The server is waiting for as many uploads as it can: try again in a few seconds.",
                status=503,
                details={"retry_after": 5},
            )


class Receiving:
    """A connection's socket while a body is read: raises Problem `too_slow` (408) or `too_many_uploads` (503)."""

    def __init__(self, sock: socket.socket, places: Places, who: Callable[[], str]) -> None:
        self._sock, self._places, self._who = sock, places, who
        self._began, self._received = monotonic(), 0

    def recv(self, size: int) -> bytes:
        """The next bytes, as far as they are there; none when the client has hung up."""
        try:
            found = self._sock.recv(size, socket.MSG_DONTWAIT)
        except (BlockingIOError, ValueError):  # nothing there; TLS, which takes no flags
            with self._places.place(self._who()):
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


class Brief:
    """A connection's socket of which only that is read which comes within `seconds` in all; raises OSError."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock, self._until = sock, monotonic() + seconds

    def recv(self, size: int) -> bytes:
        """The next bytes."""
        before = self._sock.gettimeout()
        self._sock.settimeout(max(0.0, self._until - monotonic()))
        try:
            return self._sock.recv(size)
        finally:
            self._sock.settimeout(before)


class Sending:
    """A connection's socket for all its answers: a client that takes too little of what waits for it is cut off.

    Only time in which the thread cannot go on counts, so that a stream may be quiet for as long as it likes.
    """

    def __init__(self, sock: socket.socket, waiting: Waiting) -> None:
        self._sock, self._waiting = sock, waiting
        self._sent = self._taken = 0  # bytes: handed to the kernel; of these with the client when the wait began
        self._waited = 0.0

    def __getattr__(self, name: str) -> Any:
        """All but sending is the socket's own."""
        return getattr(self._sock, name)

    def send(self, data: bytes | memoryview) -> int:
        """Sends a beginning of `data`; answers its length. Raises ConnectionResetError, as all that sends here."""
        return self._once_possible(self._sock.send, data, socket.MSG_DONTWAIT)

    def sendall(self, data: bytes) -> None:
        """Sends all of it."""
        left = memoryview(data)
        while left:
            left = left[self.send(left) :]

    def sendfile(self, file: BinaryIO, offset: int, count: int) -> None:
        """Sends `count` bytes of a file from `offset` on, fewer where it ends before."""
        end = offset + count
        self._sock.setblocking(False)
        try:
            while offset < end:
                sent = self._once_possible(os.sendfile, self._sock.fileno(), file.fileno(), offset, end - offset)
                if sent == 0:
                    return
                offset += sent
        finally:
            self._sock.setblocking(True)

    def _once_possible(self, send: Callable[..., int], *arguments: Any) -> int:
        while True:
            try:
                count = send(*arguments)
                self._sent += count
                return count
            except BlockingIOError:
                with self._waiting.place():
                    self._wait()
            except TimeoutError as error:  # the kernel's, which gunicorn would take for a fault of the server
                raise _cut_off() from error

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._sock, select.POLLOUT)
        while True:
            taken = self._sent - self._unsent()
            if taken - self._taken >= self._waiting.least:
                self._taken, self._waited = taken, 0.0
            left = self._waiting.seconds - self._waited
            if left <= 0:
                self._give_up()
            began = monotonic()
            possible = poll.poll(1000 * min(left, _SLICE_SECONDS))
            self._waited += monotonic() - began
            if possible:
                return

    def _unsent(self) -> int:
        """Bytes that the kernel still holds: it asks for more only once a third of megabytes is gone."""
        try:
            return int(struct.unpack("i", ioctl(self._sock, TIOCOUTQ, bytes(4)))[0])
        except OSError:
            return 0

    def _give_up(self) -> None:
        with suppress(OSError):
            # What the kernel holds is thrown away as well.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sock.shutdown(socket.SHUT_RDWR)
        raise _cut_off()


def _cut_off() -> ConnectionResetError:
    return ConnectionResetError(ECONNRESET, "The client takes the answer too slowly, or not at all.")
