"""`/` and `/health`."""

import webapp


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
