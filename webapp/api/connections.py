"""The client's connection: where it comes from, and whether it is still there under a long answer."""

import socket

from flask import request

from webapp.accounts.throttle import network


def client_network() -> str:
    """With which this request's client is counted: its address as the trusted proxies tell it; of IPv6 the network."""
    return network(request.remote_addr or "")


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
