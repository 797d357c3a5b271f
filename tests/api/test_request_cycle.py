"""Around every request: its id, the refusal of cross-site writes, security headers, the log."""

import json
import re
from pathlib import Path

import pytest

from webapp import create_app
from webapp.settings import Settings

ROOT = Path(__file__).parents[2]

WRITES = ["/samples/harbour-bikes", "/recommend", "/generate", "/upload", "/datasets/sample"]


def test_a_request_keeps_the_id_it_came_with(client):
    answer = client.get("/health", headers={"X-Request-Id": "abc-123.x_Y"})
    assert answer.headers["X-Request-Id"] == "abc-123.x_Y"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", "é"])
def test_an_id_that_is_not_one_is_replaced(client, given):
    answer = client.get("/nothing", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] != given
    assert answer.json["error"]["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "http://localhost:81"},
    ],
)
def test_another_website_cannot_write(client, path, headers):
    answer = client.post(path, headers={**headers, "Accept": "application/json"})
    assert answer.status_code == 403
    if not path.startswith("/datasets"):
        assert answer.json["error"]["code"] == "cross_site_request"


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://localhost"}]
)
def test_programs_and_our_own_pages_can_write(client, headers):
    assert client.post("/samples/harbour-bikes", headers=headers).status_code == 200


def test_another_website_can_link_here(client):
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "more"),
    [
        *[(path, {}) for path in ("/", "/health", "/docs", "/estimates", "/openapi.json", "/static/css/tunebook.css")],
        *[(path, {"headers": {"Accept": "text/html"}}) for path in ("/", "/nothing", "/datasets/x", "/runs/x")],
        ("/nothing", {}),
        ("/jobs?limit=0", {}),
        ("/jobs/x", {}),
        ("/upload", {}),
        ("/upload", {"method": "POST", "headers": {"Origin": "https://evil.example"}}),
        ("/recommend", {"method": "POST", "data": b"x" * 2_000_000}),
        ("/jobs/x/stream?ticket=x", {}),
        ("/health", {"headers": {"Host": "evil.example"}}),
        ("/jobs/broken", {}),
    ],
)
def test_every_answer_carries_the_security_headers(client, monkeypatch, path, more):
    if path == "/jobs/broken":
        monkeypatch.setattr("webapp.workflow.job_status", lambda *_: 1 / 0)
    with client.open(path, **more) as answer:
        assert (path == "/jobs/broken") == (answer.status_code == 500)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["X-Request-Id"]
        assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(("url", "sent"), [("https://tunebook.example", True), ("http://tunebook.example", False)])
def test_browsers_are_told_to_stay_with_https_where_that_is_spoken(tmp_path, url, sent):
    answer = create_app(Settings(home=tmp_path, public_url=url)).test_client().get("/health")
    assert ("Strict-Transport-Security" in answer.headers) is sent


FILES = [*(ROOT / "webapp/pages/templates").rglob("*.html"), *(ROOT / "static").rglob("*.js")]
INLINE = re.compile(
    r"""<style|<script(?![^>]*\ssrc=)|\sstyle\s*=\s*["']|\son[a-z]+\s*=\s*["']|javascript:|\beval\(|new\s+Function\("""
    r"""|setAttribute\(\s*["'](?:style|on\w+)|\.cssText|insertAdjacentHTML|(?:inner|outer)HTML\s*=|document\.write"""
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_page_and_no_script_needs_what_the_policy_forbids(path):
    assert INLINE.findall(path.read_text(encoding="utf-8")) == []


def test_answers_are_not_cached_and_files_are(client):
    assert client.get("/health").headers["Cache-Control"] == "no-store"
    with client.get("/static/css/tunebook.css") as answer:
        assert answer.headers.get("Cache-Control") != "no-store"


def test_one_line_of_json_per_request(client, capsys):
    client.get("/health", headers={"X-Request-Id": "find-me"})
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (line,) = [line for line in lines if line["request_id"] == "find-me"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/health", 200)
    assert line["milliseconds"] >= 0


def test_the_token_of_a_link_is_not_logged(client, capsys):
    client.get("/download/very-secret-token/a.ipynb")
    assert "very-secret-token" not in capsys.readouterr().err
