"""Every route has a rule, and it is kept."""

import pytest

from webapp import create_app
from webapp.accounts import LOCAL, NOBODY, VISITOR, Caller
from webapp.api.access import ACCESS, require_rules
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
