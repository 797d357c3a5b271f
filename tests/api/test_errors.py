"""Whatever goes wrong answers in the one error body."""

import pytest

from webapp import workflow

BODY = {"session_id": "x", "task_type": "qa", "deployment_target": "cloud"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"session_id": NaN}',
        b'{"session_id": Infinity}',
        b"[" * 100_000,
        b'{"a": ' * 100_000,
        b'{"session_id": ' + b"9" * 10_000 + b"}",
    ],
)
def test_a_body_that_is_not_json_is_refused(client, body):
    answer = client.post("/recommend", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "invalid_json"


@pytest.mark.parametrize("body", [b"null", b"[]", b"5", b'"text"', b'{"\\ud800": 1}', b'{"session_id": "\\ud800"}'])
def test_json_that_is_no_request_is_refused(client, body):
    answer = client.post("/recommend", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "invalid_request"
    assert answer.json["error"]["param"]


def test_a_body_over_the_limit_is_413(client):
    answer = client.post("/recommend", json=BODY | {"session_id": "x" * 2_000_000})
    assert answer.status_code == 413
    assert answer.json["error"]["code"] == "request_too_large"


def test_all_wrong_fields_are_in_the_details(client):
    answer = client.post("/recommend", json={"session_id": 1, "task_type": 2, "deployment_target": "cloud"})
    assert set(answer.json["error"]["details"]["fields"]) == {"session_id", "task_type"}


def test_an_unknown_address_is_404(client):
    answer = client.get("/no/such/thing")
    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "not_found"
    assert answer.json["detail"] == answer.json["error"]["message"]


def test_a_wrong_method_is_405_and_says_which_are_right(client):
    answer = client.delete("/health")
    assert answer.status_code == 405
    assert answer.json["error"]["code"] == "method_not_allowed"
    assert "GET" in answer.headers["Allow"]


def test_a_fault_of_ours_is_500_and_tells_nothing_of_the_inside(client, monkeypatch, capsys):
    def fail(*_):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(workflow, "job_status", fail)
    answer = client.get("/jobs/x")
    assert answer.status_code == 500
    assert answer.json["error"]["code"] == "internal_error"
    assert "secret detail" not in answer.text
    logged = capsys.readouterr().err
    assert "secret detail" in logged
    assert answer.headers["X-Request-Id"] in logged


def test_a_browser_gets_errors_as_a_page(client):
    answer = client.get("/no/such/thing", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "There is nothing at this address." in answer.text
