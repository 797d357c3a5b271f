"""By which names the app is asked: a page of somebody else's cannot make its own name lead here (DNS rebinding)."""

from ipaddress import ip_address

from flask import request

from webapp.api.context import services
from webapp.errors import Problem


def refuse_strange() -> None:
    """Raises Problem `untrusted_host` unless the request's Host is one that the app goes by."""
    if not is_trusted(request.host, services().settings.hosts):
        raise Problem(
            "untrusted_host",
            "Tunebook does not go by the name it was asked by. Use its address, or list the name in "
            "TUNEBOOK_TRUSTED_HOSTS.",
        )


def is_trusted(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header, with or without a port, names loopback, an IP address or one of `names`.

    Any IP address will do: a page's address is then that of the machine it came from, and no name server can have
    it lead elsewhere.
    """
    name = _without_port(host).lower()
    if name.startswith("["):
        return _is_address(name[1:-1])
    name = name.removesuffix(".")
    return name == "localhost" or name.endswith(".localhost") or name in names or _is_address(name)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
