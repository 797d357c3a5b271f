"""Every route has a rule, and it is kept."""

from io import BytesIO

import pytest

from webapp import create_app
from webapp.accounts import LOCAL, NOBODY, VISITOR, Caller
from webapp.api.access import ACCESS, EVERYONES_BODY_BYTES, require_rules
from webapp.errors import Problem


def test_every_route_says_whom_it_lets_in_and_nothing_else_does(app):
    assert set(ACCESS) == {rule.endpoint for rule in app.url_map.iter_rules()}


def test_an_application_with_a_route_that_has_no_rule_is_not_made(settings):
    made = create_app(settings)
    made.add_url_rule("/new", endpoint="new", view_func=lambda: "")
    with pytest.raises(LookupError, match="who may call new"):
        require_rules(made)


@pytest.fixture
def asked_by(app, services, monkeypatch):
    """Asks for a path as somebody."""

    def ask(caller, method, path, **arguments):
        monkeypatch.setattr(services.authentication, "caller", lambda _: caller, raising=False)
        return app.test_client().open(path, method=method, **arguments)

    return ask


def test_who_has_not_signed_in_is_told_so_wherever_data_is(asked_by):
    answer = asked_by(NOBODY, "GET", "/jobs")
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "sign_in_required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert asked_by(NOBODY, "GET", "/models").status_code == 200


def test_a_key_may_do_what_it_says_and_no_more(asked_by):
    reader = Caller("ada", permissions=frozenset({"read"}))
    assert asked_by(reader, "GET", "/jobs").status_code == 200
    refused = asked_by(reader, "POST", "/samples/harbour-bikes")
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "permission_missing")
    assert refused.json["error"]["details"] == {"permission": "write"}


def test_a_stream_asks_who_reads_unless_there_is_a_ticket(asked_by):
    assert asked_by(NOBODY, "GET", "/jobs/x/stream").status_code == 401
    assert asked_by(NOBODY, "GET", "/jobs/x/stream?ticket=y").json["error"]["code"] == "invalid_ticket"


@pytest.mark.parametrize(("caller", "allowed"), [(LOCAL, True), (Caller("ada"), True), (VISITOR, False)])
def test_real_runs_are_for_those_who_have_signed_in(caller, allowed):
    if allowed:
        caller.require("train")
    else:
        with pytest.raises(Problem) as caught:
            caller.require("train")
        assert caught.value.code == "sign_in_required"


@pytest.mark.parametrize("permissions", [{"read"}, {"read", "write", "delete", "train", "admin"}])
def test_what_is_for_people_is_for_no_key_whatever_it_may_do(asked_by, permissions):
    key = Caller("ada", permissions=frozenset(permissions), by_key=True)
    refused = asked_by(key, "DELETE", "/v1/user/profile", json={"password": "x"})
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "not_for_keys")
    assert asked_by(VISITOR, "DELETE", "/v1/user/profile").json["error"]["code"] == "sign_in_required"


def test_the_document_asks_for_no_key_there(client):
    routes = client.get("/openapi.json").json["paths"]["/v1/user/profile"]
    assert routes["delete"]["security"] == [{"bearer": []}, {}]  # nothing is asked where nobody signs in
    assert {"api_key": []} in routes["get"]["security"]


@pytest.mark.parametrize("path", ["/v1/auth/login", "/auth/register", "/v1/auth/refresh", "/sign-in", "/sign-out"])
def test_what_anyone_may_send_is_small_or_refused_before_it_is_read(client, path):
    body = BytesIO(b"x" * (EVERYONES_BODY_BYTES + 1))
    announced = {"CONTENT_LENGTH": str(EVERYONES_BODY_BYTES + 1), "wsgi.input_terminated": True}
    answer = client.post(path, input_stream=body, environ_overrides=announced)
    assert (answer.status_code, body.tell()) == (413, 0)


def test_of_a_body_of_unknown_length_no_more_is_read_than_anyone_may_send(client):
    body = BytesIO(b" " * 10 * EVERYONES_BODY_BYTES)
    chunks = {"environ_base": {"wsgi.input_terminated": True}, "content_type": "application/json"}
    answer = client.post("/v1/auth/login", input_stream=body, content_length=None, **chunks)
    assert (answer.status_code, body.tell() <= 2 * EVERYONES_BODY_BYTES) == (413, True)


def test_reports_and_what_is_behind_a_sign_in_may_be_larger(client):
    large = {"run": "x" * EVERYONES_BODY_BYTES}
    assert client.post("/jobs/x/progress", json=large).status_code == 401
    assert client.post("/recommend", json=large).status_code == 400
