"""The client's connection under a long answer: whether it is still there."""

import socket

from flask import request


def client_socket() -> socket.socket | None:
    """The socket of this request, as gunicorn lends it; None under other servers."""
    found: socket.socket | None = request.environ.get("gunicorn.socket")
    return found


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
