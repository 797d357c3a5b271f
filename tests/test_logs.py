"""What is logged: every line of a request under its id, in one form, and no secret, whatever happens."""

import json
import logging
import re
import subprocess
import sys
import threading

import pytest
import structlog

from tests import signed_in
from tests.conftest import SECRETS
from webapp import create_app, logs, workflow
from webapp.accounts import Caller, keys
from webapp.accounts.tokens import AccessTokens
from webapp.settings import Settings
from webapp.storage import Database, links
from webapp.storage.tables import new_id
from webapp.workflow.progress import sign_progress

LINK_TOKEN = "Zq3-4xJ_0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456_"  # as secrets.token_urlsafe(32) makes them


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize(
    "secret",
    [
        keys._new_text(),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg",
        links.sign("secret", "/a", 60),
        LINK_TOKEN,
        "hf_" + "a1B2" * 9,
        "ghp_" + "a1B2" * 9,
        "sk-proj-" + "a1B2" * 9,
        "sb_secret_" + "a1B2" * 9,
    ],
    ids=["api key", "access token", "signed link", "link", "hub", "github", "openai", "supabase"],
)
@pytest.mark.parametrize("around", ["{}", "key={}, more", "/download/{}/a.ipynb", '{{"token": "{}"}}', "it is {}."])
def test_what_looks_like_a_secret_is_left_out_wherever_it_stands(secret, around):
    told = logs.redact(around.format(secret))
    assert secret not in told
    assert "..." in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Authorization: Bearer s3cret-word x", "Authorization: Bearer ... x"),
        ("/jobs/1/stream?ticket=abc&after=1", "/jobs/1/stream?ticket=...&after=1"),
        ("redis://:pa55word@host:6379/0", "redis://:...@host:6379/0"),
        ("postgresql://ada:pa55@db/tunebook", "postgresql://ada:...@db/tunebook"),
    ],
)
def test_only_the_secret_is_left_out(text, told):
    assert logs.redact(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "3b0c9a52-6a3e-4f0e-9d0c-2f4f6d7c1a10",
        "5f0c1d0c3d5b4f1c9d2e0f0c6d0e5c0f4e1ab0de3a4c5b6f7a81aaaaaaaaaaaa",
        "2026-11-21T22:19:46.346866Z",
        "http://127.0.0.1:8000/jobs/x",
        "the bearer",
    ],
)
def test_nothing_else_is(text):
    assert logs.redact(text) == text


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("home"), auth="local", rate_free=1_000_000)
    Database(settings.database).migrate()
    made = create_app(settings)
    signed_in.install(made, ada=Caller("ada-id", name="Ada Lovelace"))
    yield made
    made.extensions["tunebook"].db.close()


@pytest.fixture
def secrets(app):
    services = app.extensions["tunebook"]
    return {
        "api key": keys._new_text(),
        "access token": AccessTokens(services.secret).issue(new_id(), new_id()),
        "signed link": links.sign(services.secret, "/a", 60),
        "link to rows": LINK_TOKEN,
        "progress token": sign_progress(services, new_id(), 60).token,
    }


@pytest.mark.parametrize("broken", [False, True], ids=["as it is", "every step fails"])
def test_a_walk_over_all_routes_logs_none_of_the_tokens_it_shows(app, secrets, capsys, monkeypatch, broken):
    """In headers, queries, bodies and paths; where routes are, where none are, and when there is a fault of ours."""
    if broken:
        for name in workflow.__all__:
            if name.islower() and callable(getattr(workflow, name)):
                monkeypatch.setattr(workflow, name, fails(secrets))
    shown = [
        {"Authorization": f"Bearer {secrets['access token']}", "X-API-Key": secrets["api key"]},
        {"Authorization": f"Bearer {secrets['progress token']}"},
        ADA | {"X-API-Key": secrets["api key"], "Cookie": f"session={secrets['access token']}"},
    ]
    for method, path in addresses(app, secrets):
        for headers in shown:
            body = {"json": {"token": secrets["api key"]}} if method in ("POST", "PATCH", "PUT") else {}
            app.test_client().open(path, method=method, headers=headers, **body).close()
    told = capsys.readouterr().err
    assert told.count("\n") > 300
    for name, secret in secrets.items():
        assert secret not in told, name
    assert SECRETS.findall(told) == []
    assert ("RuntimeError" in told) is broken


ADA = {"Authorization": "Bearer ada"}


def addresses(app, secrets):
    """Every route with a token in the place of each parameter and in its query, and some that are none."""
    query = "&".join(f"{name.replace(' ', '_')}={secret}" for name, secret in secrets.items())
    query += f"&ticket={secrets['link to rows']}&token={secrets['signed link']}"
    for rule in app.url_map.iter_rules():
        if rule.endpoint != "static" and not rule.websocket:
            for secret in ("signed link", "link to rows") if rule.arguments else ("signed link",):
                path = re.sub("<[^>]+>", secrets[secret], rule.rule)
                for method in (*sorted(rule.methods - {"HEAD", "OPTIONS"}), "TRACE"):
                    yield method, f"{path}?{query}"
    for secret in secrets.values():
        yield "GET", f"/no/such/{secret}/place?{query}"


def fails(secrets):
    def step(*_, **__):
        raise RuntimeError(f"a fault that tells {list(secrets.values())}")

    return step


def test_a_line_names_who_asked_by_id_alone(app, capsys):
    app.test_client().get("/jobs", headers=ADA)
    (line,) = lines(capsys)
    assert line["caller"] == "ada-id"
    assert "Lovelace" not in json.dumps(line)
    app.test_client().get("/health")
    (line,) = lines(capsys)
    assert "caller" not in line


def test_requests_at_the_same_time_keep_their_own_ids(app, capsys, monkeypatch):
    together = threading.Barrier(4)

    def check_ready(_):
        together.wait(10)
        structlog.get_logger().info("within")
        together.wait(10)

    monkeypatch.setattr(workflow, "check_ready", check_ready)
    asked = [
        threading.Thread(target=lambda number=number: app.test_client().get("/ready", headers={"X-Request-Id": number}))
        for number in "abcd"
    ]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()
    told = [(line["request_id"], line["event"]) for line in lines(capsys)]
    assert sorted(told) == [(number, event) for number in "abcd" for event in ("request", "within")]


def test_lines_of_a_streams_body_carry_the_id_of_its_request(app, capsys):
    def body():
        structlog.get_logger().info("told")
        yield b"x"

    with app.test_request_context("/health", headers={"X-Request-Id": "stream-1"}):
        app.preprocess_request()
        made = body()
    b"".join(made)
    assert lines(capsys)[-1]["request_id"] == "stream-1"


def test_libraries_write_in_the_same_form(app, capsys):
    with app.test_request_context("/health", headers={"X-Request-Id": "library"}):
        app.preprocess_request()
        logging.getLogger("some.library").warning("it says Bearer %s", LINK_TOKEN)
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("it says Bearer ...", "warning", "some.library")
    assert line["request_id"] == "library"


def test_gunicorn_writes_in_the_same_form(tmp_path):
    code = (
        "from gunicorn.config import Config; from webapp.gunicorn_log import OneFormLogger; "
        "OneFormLogger(Config()).error('Worker (pid:%s) was sent SIGKILL!', 7)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line = json.loads(done.stderr)
    assert (line["event"], line["level"]) == ("Worker (pid:7) was sent SIGKILL!", "error")
