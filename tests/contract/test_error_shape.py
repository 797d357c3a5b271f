"""One error body: every route, every status it can be brought to."""

import pytest

ERRORS = [
    ("get", "/nothing", {}, 404),
    ("get", "/analyze/x", {}, 404),
    ("get", "/preview/x", {}, 404),
    ("get", "/preview/x?page=0", {}, 400),
    ("get", "/preview/x/distribution", {}, 404),
    ("get", "/preview/x/duplicates", {}, 404),
    ("get", "/jobs/x", {}, 404),
    ("get", "/jobs?limit=0", {}, 400),
    ("get", "/jobs/x/events", {}, 404),
    ("get", "/jobs/x/logs", {}, 404),
    ("get", "/jobs/x/artifacts", {}, 404),
    ("get", "/jobs/x/artifacts/a/b", {}, 404),
    ("get", "/jobs/x/report", {}, 404),
    ("get", "/jobs/x/stream", {}, 404),
    ("get", "/jobs/x/stream?ticket=x", {}, 401),
    ("get", "/jobs/x/stream", {"headers": {"Last-Event-ID": "x"}}, 400),
    ("get", "/jobs/x/ws", {}, 426),
    ("post", "/jobs/x/ticket", {}, 404),
    ("post", "/jobs/x/ticket", {"headers": {"Origin": "https://evil.example"}}, 403),
    ("post", "/jobs", {"json": {}}, 400),
    ("post", "/jobs/x/run", {}, 404),
    ("post", "/jobs/x/cancel", {}, 404),
    ("post", "/jobs/x/resume", {}, 404),
    ("patch", "/jobs/x", {"json": {}}, 404),
    ("patch", "/jobs/x", {"json": {"status": "completed"}}, 400),
    ("delete", "/jobs/x", {}, 404),
    ("delete", "/jobs/x", {"headers": {"Origin": "https://evil.example"}}, 403),
    ("get", "/models/x", {}, 404),
    ("get", "/estimate", {}, 400),
    ("get", "/estimate?model_id=x", {}, 404),
    ("get", "/download/x/y", {}, 404),
    ("get", "/data/x/y", {}, 404),
    ("get", "/notebooks/x/data", {}, 404),
    ("get", "/notebooks/x/links", {}, 404),
    ("delete", "/notebooks/x/links/y", {}, 404),
    ("post", "/notebooks/x/colab", {"json": {}}, 404),
    ("post", "/notebooks/x/colab", {"json": {"public": True}}, 400),
    ("post", "/v1/auth/login", {}, 400),
    ("post", "/v1/auth/login", {"json": {"email": "a@b.org", "password": "x"}}, 404),
    ("post", "/v1/auth/login", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
    ("post", "/auth/refresh", {}, 404),
    ("get", "/v1/auth/api-keys", {}, 404),
    ("delete", "/auth/api-keys/x", {}, 404),
    ("get", "/v1/user/audit?limit=0", {}, 400),
    ("get", "/static/nothing.css", {}, 404),
    ("get", "/static/../pyproject.toml", {}, 404),
    ("post", "/upload", {}, 400),
    ("post", "/upload", {"headers": {"Origin": "https://evil.example"}}, 403),
    ("post", "/recommend", {}, 400),
    ("post", "/recommend", {"json": {}}, 400),
    ("post", "/recommend", {"data": b"x" * 2_000_000}, 413),
    ("post", "/generate", {"json": {}}, 400),
    ("post", "/generate", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403),
    ("post", "/samples/harbour-bikes", {"headers": {"Origin": "null"}}, 403),
    ("post", "/", {}, 405),
    ("put", "/upload", {}, 400),
    ("patch", "/upload", {}, 405),
    ("put", "/jobs/x", {}, 405),
    ("patch", "/openapi.json", {}, 405),
]


@pytest.mark.parametrize(("method", "path", "arguments", "status"), ERRORS)
def test_an_error_has_the_one_body(client, method, path, arguments, status):
    answer = client.open(path, method=method.upper(), **arguments)
    assert answer.status_code == status
    assert answer.mimetype == "application/json"
    assert set(answer.json) == {"detail", "error"}
    error = answer.json["error"]
    assert set(error) == {"code", "message", "type", "param", "details", "request_id"}
    assert answer.json["detail"] == error["message"]
    assert error["message"].endswith((".", "?"))
    assert error["request_id"] == answer.headers["X-Request-Id"]
    assert isinstance(error["details"], dict)
