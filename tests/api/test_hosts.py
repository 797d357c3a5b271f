"""By which names the app may be asked."""

import pytest

from webapp import create_app
from webapp.api.hosts import is_trusted
from webapp.settings import Settings

NAMES = frozenset({"tunebook.lan", "tunebook.example"})


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:8000", "localhost.", "app.localhost:8000", "127.0.0.1", "127.0.0.1:8000", "[::1]",
        "[::1]:8000", "tunebook.lan", "Tunebook.LAN:443", "10.0.0.5:8000", "[fd00::5]", "192.168.1.20",
    ],
)  # fmt: skip
def test_loopback_addresses_and_named_hosts_are_its_own(host):
    assert is_trusted(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "evil.example:8000", "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example",
        "sub.tunebook.lan", "2130706433", "0x7f000001", "127.1", "[evil.example]", "[::1", "::1:8000:x", ":8000",
        "tunebook.lan:80:80", "evil.example@localhost",
    ],
)  # fmt: skip
def test_any_other_name_is_not(host):
    assert not is_trusted(host, NAMES)


@pytest.mark.parametrize("path", ["/", "/health", "/jobs", "/static/css/tunebook.css", "/nothing"])
def test_a_page_that_had_its_own_name_lead_here_is_refused_everywhere(client, path):
    answer = client.get(path, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "untrusted_host")


def test_names_come_from_the_settings(tmp_path):
    app = create_app(
        Settings(home=tmp_path, public_url="https://tunebook.example:8443/", trusted_hosts=" box.lan , 'x', other:80")
    )
    for host, status in {
        "tunebook.example": 200,
        "tunebook.example:8443": 200,
        "box.lan:8000": 200,
        "other": 200,
        "elsewhere.example": 400,
    }.items():
        assert app.test_client().get("/health", headers={"Host": host}).status_code == status, host
