"""The client for other people's servers: public addresses only, few redirects, bounded time and size."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trustme

from webapp import outbound
from webapp.errors import Problem

MIB = 2**20


class Site:
    """A server on this machine; `routes` maps a path to what answers it, `seen` are the requests it got."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.routes: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.seen: list[tuple[str, str | None]] = []
        self.posted: list[bytes] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.seen.append((self.path, self.headers["Authorization"]))
                site.routes[self.path](self)

            def do_POST(self) -> None:
                site.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def answers(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


def get(url: str, trusted: str = "", **options: Any) -> outbound.Answer:
    return outbound.get(url, trusted=trusted, **{"max_bytes": MIB, "seconds": 5.0, **options})


def refusal(url: str, trusted: str = "", **options: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        get(url, trusted, **options)
    return caught.value


def resolving(monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]) -> list[str]:
    """Answers look-ups of `names`; returns the names that were looked up."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *rest: Any, **more: Any) -> Any:
        asked.append(host)
        addresses = names.get(host, [host])
        return [entry for address in addresses for entry in real(address, port, *rest, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


PRIVATE = {
    "loopback": "127.0.0.1",
    "loopback far": "127.255.255.254",
    "decimal": "2130706433",
    "hexadecimal": "0x7f000001",
    "short": "127.1",
    "octal": "0177.0.0.1",
    "localhost": "localhost",
    "nowhere": "0.0.0.0",  # noqa: S104
    "private 10": "10.0.0.1",
    "private 172": "172.16.0.1",
    "private 192": "192.168.1.1",
    "shared": "100.64.0.1",
    "link-local": "169.254.1.1",
    "metadata": "169.254.169.254",
    "azure": "168.63.129.16",
    "metadata of Alibaba": "100.100.100.200",
    "metadata of Oracle": "192.0.0.192",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "documents": "192.0.2.1",
    "6to4 relay": "192.88.99.1",
    "loopback 6": "[::1]",
    "nowhere 6": "[::]",
    "mapped": "[::ffff:127.0.0.1]",
    "mapped metadata": "[::ffff:a9fe:a9fe]",
    "compatible": "[::127.0.0.1]",
    "NAT64": "[64:ff9b::7f00:1]",
    "NAT64 of metadata": "[64:ff9b::a9fe:a9fe]",
    "local NAT64": "[64:ff9b:1::7f00:1]",
    "6to4": "[2002:7f00:1::]",
    "Teredo": "[2001:0:7f00:1::]",
    "documents 6": "[2001:db8::1]",
    "new documents": "[3fff::1]",
    "segment routing": "[5f00::1]",
    "unique local": "[fd00:ec2::254]",
    "link-local 6": "[fe80::1]",
    "site-local": "[fec0::1]",
    "multicast 6": "[ff02::1]",
}


@pytest.mark.parametrize("host", PRIVATE.values(), ids=PRIVATE.keys())
def test_an_address_that_is_not_public_is_not_asked(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it connected"))
    assert refusal(f"https://{host}/").code == "address_refused"


@pytest.mark.parametrize(
    "host", [PRIVATE[name] for name in ("loopback", "metadata", "mapped", "NAT64", "unique local")]
)
def test_a_redirect_to_it_is_not_followed(site: Site, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    site.routes["/a"] = answers(302, location=f"https://{host}/")
    assert refusal(f"{site.url}/a", trusted=site.url).code == "address_refused"
    assert [path for path, _ in site.seen] == ["/a"]


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254", "100.64.0.1"])
def test_a_name_that_leads_to_it_is_not_asked(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolving(monkeypatch, {"metadata.google.internal": [address]})
    for ask in (get, lambda url: outbound.post(url, b"", max_bytes=MIB, seconds=5.0)):
        with pytest.raises(Problem) as caught:
            ask("https://metadata.google.internal/")
        assert caught.value.code == "address_refused"


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"])
def test_an_address_of_the_public_internet_is(address: str) -> None:
    assert outbound.is_public(address)


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "file:///etc/passwd", "gopher://example.com/", "ftp://example.com/", "https://", "//a/b",
     "https://user:word@example.com/", "https://a:b/", "javascript:alert(1)"],
)  # fmt: skip
def test_only_plain_https_is_spoken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    asked = resolving(monkeypatch, {})
    assert refusal(url).code == "address_refused"
    assert asked == []


def test_a_name_is_looked_up_once_and_judged_by_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, {"both.test": ["8.8.8.8", "127.0.0.1"]})
    problem = refusal("https://both.test/")
    assert problem.code == "address_refused"
    assert "127.0.0.1" in problem.message
    assert asked == ["both.test"]


def test_the_judged_address_is_the_connected_one(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, {"name.test": ["8.8.8.8"]})
    connected: list[Any] = []

    def connect(_: Any, address: str, *rest: Any) -> None:
        connected.append(address)
        raise outbound.httpcore2.ConnectError("no way")

    monkeypatch.setattr(outbound.httpcore2.SyncBackend, "connect_tcp", connect)
    assert refusal("https://name.test/").code == "server_unreachable"
    assert connected == ["8.8.8.8"]


def test_a_configured_server_may_be_a_private_one(site: Site) -> None:
    site.routes["/a"] = answers(200, b"here", x_kind="plain")
    answer = get(f"{site.url}/a", trusted=site.url)
    assert (answer.status, answer.body, answer.trail[0]["x-kind"]) == (200, b"here", "plain")


def test_another_port_of_that_machine_is_not_configured(site: Site) -> None:
    site.routes["/a"] = answers(302, location=f"http://127.0.0.1:{site.port + 1}/")
    assert refusal(f"{site.url}/a", trusted=site.url).code == "address_refused"


@pytest.mark.parametrize(
    "target", ["https://127.0.0.1/", "https://169.254.169.254/latest", "file:///etc/passwd", "//[::1]/", "https://a:b/"]
)
def test_a_redirect_is_judged_like_an_address(site: Site, target: str) -> None:
    site.routes["/a"] = answers(302, location=target)
    assert refusal(f"{site.url}/a", trusted=site.url).code == "address_refused"


def test_three_redirects_are_followed_and_no_fourth(site: Site) -> None:
    site.routes |= {f"/{number}": answers(307, location=f"/{number + 1}", x_number=str(number)) for number in range(4)}
    site.routes["/4"] = answers(200, b"end")
    answer = get(f"{site.url}/1", trusted=site.url)
    assert (answer.body, [headers.get("x-number") for headers in answer.trail]) == (b"end", ["1", "2", "3", None])
    assert refusal(f"{site.url}/0", trusted=site.url).code == "server_unreachable"


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server that speaks https as cdn.test, whose address passes for a public one."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("cdn.test").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr(outbound, "_tls", lambda: trusting)
    resolving(monkeypatch, {"cdn.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]})
    monkeypatch.setattr(outbound, "is_public", lambda address: address == "127.0.0.1")
    made = Site(context)
    made.url = f"https://cdn.test:{made.port}"
    yield made
    made.close()


def test_headers_stay_with_the_first_server(site: Site, far: Site) -> None:
    site.routes["/a"] = answers(307, location="/b")
    site.routes["/b"] = answers(302, location=f"{far.url}/c")
    far.routes["/c"] = answers(302, location=f"{far.url}/d")
    far.routes["/d"] = answers(200, b"file")
    assert get(f"{site.url}/a", trusted=site.url, headers={"authorization": "Bearer word"}).body == b"file"
    assert site.seen == [("/a", "Bearer word"), ("/b", "Bearer word")]
    assert far.seen == [("/c", None), ("/d", None)]


def test_a_certificate_is_for_the_name(far: Site) -> None:
    problem = refusal(far.url.replace("cdn.test", "other.test"))
    assert problem.code == "server_unreachable"
    assert "ertificate" in problem.message
    assert far.seen == []


def test_more_than_wanted_is_not_read(site: Site) -> None:
    site.routes["/said"] = answers(200, b"x" * (MIB + 1))
    site.routes["/unsaid"] = endless
    for path in site.routes:
        assert refusal(f"{site.url}{path}", trusted=site.url).code == "answer_too_large"


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        pass


def test_a_compressed_body_is_not_unpacked(site: Site) -> None:
    site.routes["/a"] = answers(200, b"\x1f\x8bnot really", content_encoding="gzip")
    assert get(f"{site.url}/a", trusted=site.url).body == b"\x1f\x8bnot really"


def slow_body(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    drip(handler)


def drip(handler: BaseHTTPRequestHandler) -> None:
    try:
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.05)
    except OSError:
        pass


@pytest.mark.parametrize("route", [drip, slow_body], ids=["headers", "body"])
def test_a_server_that_sends_little_at_a_time_is_left_in_time(site: Site, route: Any) -> None:
    site.routes["/a"] = route
    started = time.monotonic()
    problem = refusal(f"{site.url}/a", trusted=site.url, seconds=0.5)
    assert (problem.code, problem.exit_code) == ("server_unreachable", 3)
    assert "too long" in problem.message
    assert time.monotonic() - started < 2


def test_proxies_of_the_environment_are_not_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    site.routes["/a"] = answers(200)
    assert get(f"{site.url}/a", trusted=site.url).status == 200


def test_a_body_is_posted_once_and_a_redirect_is_not_followed(site: Site) -> None:
    site.routes["/a"] = answers(307, location="/b")
    answer = outbound.post(f"{site.url}/a", b"body", max_bytes=MIB, seconds=5.0, trusted=site.url)
    assert answer.status == 307
    assert site.posted == [b"body"]


@pytest.mark.parametrize("url", ["http://example.com/", "https://127.0.0.1/", "https://[::1]/", "file:///etc/passwd"])
def test_a_body_goes_to_public_https_addresses_only(url: str) -> None:
    with pytest.raises(Problem) as caught:
        outbound.post(url, b"body", max_bytes=MIB, seconds=5.0, headers={"authorization": "Bearer word"})
    assert caught.value.code == "address_refused"
