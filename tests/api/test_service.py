"""`/`, `/health` and `/ready`."""

import pytest

import webapp
from webapp import create_app
from webapp.settings import Settings
from webapp.workflow import readiness


def test_an_api_client_gets_json_at_the_root(client):
    answer = client.get("/")
    assert answer.json["name"] == "Tunebook"
    assert answer.json["version"] == webapp.__version__


def test_a_browser_gets_the_start_page_at_the_root(client):
    answer = client.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.mimetype == "text/html"
    assert "Upload and analyse" in answer.text
    assert "Accept" in answer.headers["Vary"]


def test_health(client):
    assert client.get("/health").json == {"status": "ok", "version": webapp.__version__}


def test_it_is_ready_while_the_store_can_be_used(client):
    assert client.get("/ready").json == {"status": "ready"}


@pytest.fixture
def bare(tmp_path):
    """An app whose database has no tables."""
    app = create_app(Settings(home=tmp_path))
    yield app.test_client()
    app.extensions["tunebook"].db.close()


def test_it_is_not_ready_without_a_database(bare):
    answer = bare.get("/ready")
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "storage_unavailable")
    assert bare.get("/health").status_code == 200


@pytest.mark.parametrize("number", [28, 30, 13, 5])  # full, read-only, not ours, broken
def test_it_is_not_ready_when_no_file_can_be_kept(client, monkeypatch, number):
    def fail(**_):
        raise OSError(number, "no way")

    monkeypatch.setattr(readiness.tempfile, "TemporaryFile", fail)
    answer = client.get("/ready")
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "storage_unavailable")
