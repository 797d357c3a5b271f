"""The one HTTP client for other people's servers: to public addresses only, for a limited time and size.

A name is looked up once for each connection, every address it has is judged, and the connection goes to one that was
judged, so a name cannot change its mind in between. Proxies and other settings of the environment are not used.
"""

import socket
import ssl
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from time import monotonic
from typing import Any, NamedTuple

import httpcore2
import httpx2

from webapp.errors import Problem

MAX_REDIRECTS = 3
# Not for the public, though `is_global` of one or another Python says so.
DENIED = [
    ip_network(text)
    for text in (
        "100.64.0.0/10",  # carrier-grade NAT
        "168.63.129.16/32",  # Azure's platform address
        "192.0.0.0/24",  # protocols of the network itself; Oracle's metadata
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # IPv4-compatible
        "64:ff9b::/96",  # NAT64, and its local prefix
        "64:ff9b:1::/48",
        "2001::/23",  # Teredo, ORCHID and other protocols
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
    )
]


class Answer(NamedTuple):
    """The last response: its status and body, and the headers of every response on the way, the last one's last."""

    status: int
    trail: tuple[httpx2.Headers, ...]
    body: bytes


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet; one inside another form is judged as itself."""
    judged = ip_address(address.partition("%")[0])
    if judged.version == 6 and judged.ipv4_mapped:
        judged = judged.ipv4_mapped
    return judged.is_global and not judged.is_multicast and not any(judged in network for network in DENIED)


def get(
    url: str,
    *,
    max_bytes: int,
    seconds: float,
    trusted: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """GETs an https address and follows up to 3 redirects, all within `seconds` and `max_bytes` of body.

    Only the server of the address `trusted`, which an operator has configured, may be reached by http and at an
    address that is not public. `headers` go to the server of `url` and to no other. Raises Problem: `address_refused`,
    `server_unreachable`, `answer_too_large`.
    """
    allowed = _origin(httpx2.URL(trusted)) if trusted else None
    place, trail = _address(url), tuple[httpx2.Headers, ...]()
    home, deadline = _origin(place), monotonic() + seconds
    for _ in range(MAX_REDIRECTS + 1):
        if place.scheme != "https" and _origin(place) != allowed:
            raise _refused(f"{place.scheme}://{place.host}", "only https is spoken")
        sent = dict(headers or {}) if _origin(place) == home else {}
        answer = _send(place, sent, max_bytes, _Network(deadline, anywhere=_origin(place) == allowed))
        trail += answer.trail
        if answer.status not in (301, 302, 303, 307, 308) or "location" not in answer.trail[0]:
            return answer._replace(trail=trail)
        place = _address(answer.trail[0]["location"], place)
    raise Problem("server_unreachable", f"{httpx2.URL(url).host} redirects too often.", status=502)


def post(
    url: str,
    body: bytes,
    *,
    max_bytes: int,
    seconds: float,
    trusted: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """POSTs `body` to an https address, to that one only: a redirect is answered as it is. The rest is as in `get`."""
    place = _address(url)
    anywhere = bool(trusted) and _origin(place) == _origin(httpx2.URL(trusted))
    if place.scheme != "https" and not anywhere:
        raise _refused(f"{place.scheme}://{place.host}", "only https is spoken")
    network = _Network(monotonic() + seconds, anywhere=anywhere)
    return _send(place, headers or {}, max_bytes, network, body)


def _send(
    place: httpx2.URL, headers: Mapping[str, str], max_bytes: int, network: "_Network", content: bytes | None = None
) -> Answer:
    # Compressed bodies are not asked for: a small one can be large inside.
    sent = {"accept-encoding": "identity", "user-agent": "tunebook", **headers}
    try:
        with (
            httpx2.Client(transport=_Transport(network), trust_env=False) as client,
            client.stream("GET" if content is None else "POST", place, headers=sent, content=content) as response,
        ):
            body = b"" if response.is_redirect else _body(response, max_bytes)
            return Answer(response.status_code, (response.headers,), body)
    except (httpx2.LocalProtocolError, UnicodeError) as error:
        # Its words may repeat a header, and a header may be a secret.
        raise _refused(place.host, "a header of the request holds what headers may not") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        reason = (
            "it took too long" if isinstance(error, httpx2.TimeoutException) else str(error) or type(error).__name__
        )
        raise Problem("server_unreachable", f"{place.host} did not answer: {reason[:200]}", status=502) from error


def _body(response: httpx2.Response, max_bytes: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > max_bytes:
            host, limit = response.url.host, max_bytes / 2**20
            raise Problem("answer_too_large", f"{host} sends more than {limit:g} MiB.", status=502)
    return bytes(body)


class _Transport(httpx2.HTTPTransport):
    """httpx2's transport over our network; httpx2 has no argument for that, its httpcore2 has."""

    def __init__(self, network: httpcore2.NetworkBackend) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore2.ConnectionPool(ssl_context=_tls(), network_backend=network)


def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


class _Network(httpcore2.NetworkBackend):
    """Connects to judged addresses, and gives every single wait what is left until the deadline."""

    def __init__(self, deadline: float, *, anywhere: bool) -> None:
        self._deadline = deadline
        self._anywhere = anywhere
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to the first address of the host that answers."""
        failure: Exception | None = None
        for address in self._judged(host, port):
            try:
                left = time_left(self._deadline, httpcore2.ConnectTimeout)
                stream = self._sockets.connect_tcp(address, port, left, local_address, socket_options)
                return _Stream(stream, self._deadline)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError(f"{host} has no address")

    def _judged(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"there is no address for that name ({error})") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not self._anywhere and not is_public(address):
                raise _refused(host, f"{address} is not an address of the public internet")
        return addresses


class _Stream(httpcore2.NetworkStream):
    """A connection whose every wait ends at the deadline, however little the other side sends at a time."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._inner.read(max_bytes, time_left(self._deadline, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._inner.write(buffer, time_left(self._deadline, httpcore2.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore2.NetworkStream:
        left = time_left(self._deadline, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def time_left(deadline: float, timeout: type[Exception]) -> float:
    """Seconds until the deadline; raises `timeout` once it has passed."""
    left = deadline - monotonic()
    if left <= 0:
        raise timeout("it took too long")
    return left


def _address(url: str, base: httpx2.URL | None = None) -> httpx2.URL:
    try:
        place = base.join(url) if base else httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise _refused(url[:100], str(error)) from error
    if place.scheme not in ("http", "https") or not place.host or place.userinfo:
        raise _refused(url[:100], "it is no plain https address")
    return place


def _origin(place: httpx2.URL) -> tuple[str, str, int | None]:
    return place.scheme, place.host, place.port


def _refused(what: str, reason: str) -> Problem:
    return Problem("address_refused", f"{what} is not asked: {reason}.", status=400)
