"""Which other websites may call the API, and how."""

import pytest

from webapp import create_app
from webapp.errors import Problem
from webapp.settings import Settings

LISTED, OTHER = "https://app.example", "https://evil.example"
KEY = {"X-API-Key": "tb_x"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("home"), cors_origins=f"{LISTED}/, http://localhost:5173")


def preflight(client, origin, path="/jobs", method="POST"):
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return client.options(path, headers=headers | {"Access-Control-Request-Headers": "authorization"})


def cors_headers(answer):
    return {name for name, _ in answer.headers if name.startswith("Access-Control-")}


def test_it_is_off_by_default(tmp_path):
    client = create_app(Settings(home=tmp_path)).test_client()
    for answer in (preflight(client, LISTED), client.get("/health", headers={"Origin": LISTED})):
        assert cors_headers(answer) == set()
        assert "Origin" not in answer.headers.get("Vary", "")


@pytest.mark.parametrize("origin", [LISTED, "http://localhost:5173"])
def test_a_listed_website_is_told_what_it_may_send(client, origin):
    answer = preflight(client, origin)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "Origin" in answer.headers["Vary"]
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    for name in ("Authorization", "X-API-Key", "Content-Type", "Last-Event-ID", "X-Request-Id"):
        assert name in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", [OTHER, "https://app.example.evil.example", "http://app.example", "null", ""])
def test_no_other_website_is(client, origin):
    answer = preflight(client, origin)
    assert cors_headers(answer) == set()
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/health", "/jobs", "/jobs/x", "/nothing", "/openapi.json"])
def test_answers_and_refusals_can_be_read_by_a_listed_website_only(client, path):
    answer = client.get(path, headers={"Origin": LISTED})
    assert answer.headers["Access-Control-Allow-Origin"] == LISTED
    for name in ("X-Request-Id", "X-RateLimit-Remaining", "Retry-After", "Link", "Location"):
        assert name in answer.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert cors_headers(client.get(path, headers={"Origin": OTHER})) == set()


@pytest.mark.parametrize("path", ["/docs", "/datasets/x", "/static/css/tunebook.css"])
def test_pages_are_for_nobody_else(client, path):
    with client.get(path, headers={"Origin": LISTED}) as answer:
        assert cors_headers(answer) == set()


@pytest.mark.parametrize("site", [{}, {"Sec-Fetch-Site": "cross-site"}])
@pytest.mark.parametrize("credential", [KEY, {"Authorization": "Bearer x"}])
def test_a_listed_website_writes_with_credentials_of_its_own(client, site, credential):
    headers = {"Origin": LISTED, **site, **credential}
    assert client.post("/samples/harbour-bikes", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": LISTED},
        {"Origin": OTHER, **KEY},
        {"Sec-Fetch-Site": "cross-site", **KEY},
    ],
)
def test_nobody_writes_from_elsewhere_without_them(client, headers):
    answer = client.post("/samples/harbour-bikes", headers=headers)
    assert answer.json["error"]["code"] == "cross_site_request"


def test_not_even_a_listed_website_writes_with_a_cookie(client):
    client.set_cookie("session", "x")
    answer = client.post("/samples/harbour-bikes", headers={"Origin": LISTED, **KEY})
    assert answer.json["error"]["code"] == "cross_site_request"


def test_colab_reads_downloads_as_before(client):
    for origin in ("https://colab.research.google.com", LISTED):
        answer = preflight(client, origin, "/download/x/y.ipynb", "GET")
        assert answer.headers["Access-Control-Allow-Origin"] == origin
    answer = client.get("/health", headers={"Origin": "https://colab.research.google.com"})
    assert cors_headers(answer) == set()


@pytest.mark.parametrize("value", ["*", "https://*.example", "app.example", "https://app.example/path", "null"])
def test_what_is_no_website_is_not_listed(value):
    with pytest.raises(Problem, match="is no website"):
        Settings(cors_origins=value)
