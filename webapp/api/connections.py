"""The client's connection under a long answer: whether it is still there, and how long it may be stuck."""

import socket
from contextlib import suppress

from flask import request

# A client that takes nothing for so long is gone, or as good as gone.
_STUCK_SECONDS = 30


def client_socket() -> socket.socket | None:
    """The socket of this request, as gunicorn lends it; None under other servers."""
    found: socket.socket | None = request.environ.get("gunicorn.socket")
    return found


def bound_sending(connection: socket.socket) -> None:
    """Has the kernel give up on a client that takes nothing, so that no thread waits for it for ever; Linux only."""
    with suppress(AttributeError, OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STUCK_SECONDS * 1000)


def hung_up(connection: socket.socket | None) -> bool:
    """Whether the client has closed its side; looks without waiting, and takes nothing from what it sent."""
    if connection is None:
        return False
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except (BlockingIOError, ValueError):  # nothing there; TLS, which cannot be looked into
        return False
    except OSError:
        return True
