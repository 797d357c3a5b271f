"""Accounts over HTTP: registering, signing in and out, API keys, and what is theirs."""

import itertools

import pytest
from flask import Flask
from sqlalchemy import func, select

from webapp.jobs import claim
from webapp.settings import Settings
from webapp.storage.people import SignIn
from webapp.workflow import deleting

pytestmark = pytest.mark.usefixtures("quick_passwords")

PASSWORD = "correct horse battery"
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("home"), auth="local")


class Program:
    """A client that keeps no cookies, from an address of its own."""

    def __init__(self, app: Flask) -> None:
        self.number = next(NUMBERS)
        self.email = f"p{self.number}@example.org"
        self.headers: dict[str, str] = {}
        self._client = app.test_client(use_cookies=False)

    def ask(self, method, path, **given):
        given.setdefault("headers", self.headers)
        address = {"REMOTE_ADDR": f"198.51.100.{self.number}"}
        return self._client.open(path, method=method, environ_base=address, **given)

    def register(self):
        made = self.ask("POST", "/v1/auth/register", json={"email": self.email, "password": PASSWORD, "name": "P"})
        assert made.status_code == 201
        self.headers = {"Authorization": f"Bearer {made.json['access_token']}"}
        return made.json

    def key(self, *permissions):
        made = self.ask("POST", "/v1/auth/api-keys", json={"name": "k", "permissions": list(permissions)})
        assert made.status_code == 201
        return made.json


@pytest.fixture
def program(app):
    return Program(app)


@pytest.fixture
def ada(app):
    made = Program(app)
    made.tokens = made.register()
    return made


def refusal(answer):
    return answer.status_code, answer.json["error"]["code"]


def test_who_registers_gets_tokens_that_work(program):
    made = program.register()
    assert made["token_type"] == "bearer"
    assert made["expires_in"] == 900
    assert made["user"]["email"] == program.email
    assert program.ask("GET", "/jobs").status_code == 200


def test_without_them_there_is_no_data(program):
    assert refusal(program.ask("GET", "/jobs")) == (401, "sign_in_required")


@pytest.mark.parametrize("prefix", ["/v1", ""])
def test_the_whole_way_works_at_both_addresses(program, prefix):
    sent = {"email": program.email, "password": PASSWORD}
    assert program.ask("POST", f"{prefix}/auth/register", json=sent).status_code == 201
    tokens = program.ask("POST", f"{prefix}/auth/login", json=sent).json
    bearer = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    tokens = program.ask("POST", f"{prefix}/auth/refresh", headers=bearer).json
    program.headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    key = program.ask(
        "POST", f"{prefix}/auth/api-keys", json={"name": "a", "permissions": ["read"], "expires_days": 365}
    ).json
    assert [row["id"] for row in program.ask("GET", f"{prefix}/auth/api-keys").json["api_keys"]] == [key["id"]]
    assert program.ask("DELETE", f"{prefix}/auth/api-keys/{key['id']}").status_code == 204
    assert program.ask("POST", f"{prefix}/auth/logout").status_code == 204
    assert refusal(program.ask("GET", "/jobs")) == (401, "invalid_token")


def test_a_refresh_token_may_come_in_the_body_and_comes_once(ada):
    sent = {"refresh_token": ada.tokens["refresh_token"]}
    renewed = ada.ask("POST", "/v1/auth/refresh", json=sent, headers={})
    assert renewed.status_code == 200
    assert renewed.json["user"]["id"] == ada.tokens["user"]["id"]
    assert refusal(ada.ask("POST", "/v1/auth/refresh", json=sent, headers={})) == (401, "refresh_token_reused")
    assert refusal(ada.ask("GET", "/jobs")) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (401, "invalid_refresh_token")),
        ({"json": {"refresh_token": "x"}}, (401, "invalid_refresh_token")),
        ({"json": {"token": "x"}}, (400, "invalid_request")),
        ({"json": []}, (400, "invalid_request")),
        ({"data": b"{"}, (400, "invalid_json")),
    ],
)
def test_without_a_good_refresh_token_there_are_no_new_ones(program, given, expected):
    assert refusal(program.ask("POST", "/auth/refresh", **given)) == expected


def test_a_wrong_password_and_an_unknown_account_get_one_answer(ada, program):
    answers = [
        program.ask("POST", "/auth/login", json={"email": email, "password": "not the password"})
        for email in (ada.email, "nobody@example.org")
    ]
    assert [refusal(answer) for answer in answers] == [(401, "wrong_credentials")] * 2
    bodies = [answer.json["error"] | {"request_id": None} for answer in answers]
    assert bodies[0] == bodies[1]


def test_trying_too_often_says_when_to_come_back(ada):
    sent = {"email": ada.email, "password": "not the password"}
    for _ in range(5):
        ada.ask("POST", "/auth/login", json=sent)
    answer = ada.ask("POST", "/auth/login", json=sent)
    assert refusal(answer) == (429, "too_many_attempts")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"email": "nobody"}, "email"),
        ({"password": "short"}, "password"),
        ({"admin": True}, "admin"),
    ],
)
def test_a_registration_that_is_not_valid_names_the_field(program, change, param):
    answer = program.ask("POST", "/auth/register", json={"email": program.email, "password": PASSWORD} | change)
    assert refusal(answer) == (400, "invalid_request")
    assert answer.json["error"]["param"] == param


def test_an_email_is_registered_once(ada, program):
    answer = program.ask("POST", "/auth/register", json={"email": ada.email.upper(), "password": PASSWORD})
    assert refusal(answer) == (409, "email_taken")


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
def test_a_key_works_as_either_header_with_what_it_may_do(ada, header):
    key = ada.key("read")
    text = key["api_key"]
    shown = {header: text if header == "X-API-Key" else f"Bearer {text}"}
    assert ada.ask("GET", "/jobs", headers=shown).status_code == 200
    assert refusal(ada.ask("POST", "/samples/harbour-bikes", headers=shown)) == (403, "permission_missing")
    assert refusal(ada.ask("GET", "/auth/api-keys", headers=shown)) == (403, "permission_missing")
    ada.ask("DELETE", f"/auth/api-keys/{key['id']}")
    assert refusal(ada.ask("GET", "/jobs", headers=shown)) == (401, "invalid_key")


def test_a_key_is_shown_once(ada):
    key = ada.key("read", "admin")
    (listed,) = ada.ask("GET", "/v1/auth/api-keys").json["api_keys"]
    assert key.pop("api_key").startswith(listed["prefix"])
    assert listed == key
    assert listed["permissions"] == ["read", "admin"]
    assert listed["expires_at"] > listed["created_at"]


def test_a_key_gives_no_more_than_it_has(ada):
    keeper = {"X-API-Key": ada.key("read", "admin")["api_key"]}
    wanted = {"name": "more", "permissions": ["read", "delete"]}
    refused = ada.ask("POST", "/auth/api-keys", json=wanted, headers=keeper)
    assert refusal(refused) == (403, "permission_missing")
    assert refused.json["error"]["details"] == {"permission": "delete"}
    assert ada.ask("POST", "/auth/api-keys", json=wanted | {"permissions": ["read"]}, headers=keeper).status_code == 201


def test_nobody_ends_anothers_key(ada, app):
    eve = Program(app)
    eve.register()
    key = ada.key("read")
    assert refusal(eve.ask("DELETE", f"/auth/api-keys/{key['id']}")) == (404, "key_not_found")
    assert eve.ask("GET", "/auth/api-keys").json == {"api_keys": []}


def test_the_profile_says_who_asks_and_what_they_have(ada):
    profile = ada.ask("GET", "/v1/user/profile").json
    assert profile["id"] == ada.tokens["user"]["id"]
    assert (profile["email"], profile["name"], profile["tier"]) == (ada.email, "P", "free")
    assert profile["permissions"] == ["read", "write", "delete", "train", "admin"]
    assert profile["usage"] == {"datasets": 0, "bytes_stored": 0, "jobs_running": 0}
    ada.ask("POST", "/samples/harbour-bikes")
    usage = ada.ask("GET", "/v1/user/profile", headers={"X-API-Key": ada.key("read")["api_key"]}).json["usage"]
    assert usage == {"datasets": 1, "bytes_stored": 186_315, "jobs_running": 1}


def test_what_they_did_is_listed_newest_first_page_by_page(ada):
    ada.key("read")
    ada.ask("POST", "/auth/login", json={"email": ada.email, "password": "not the password"})
    seen, path = [], "/v1/user/audit?limit=2"
    while path:
        page = ada.ask("GET", path).json
        seen += [event["action"] for event in page["events"]]
        path = f"/v1/user/audit?limit=2&before={page['next']}" if page["next"] else ""
    assert seen == ["sign_in_failed", "key_made", "signed_up"]
    assert page["events"][-1]["address"].startswith("198.51.100.")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=0", "before=x"])
def test_a_page_that_cannot_be_is_refused(ada, query):
    assert refusal(ada.ask("GET", f"/v1/user/audit?{query}")) == (400, "invalid_request")


def test_a_secret_in_a_header_that_is_not_valid_is_refused_wherever_one_is_asked_for(program):
    for shown in ({"Authorization": "Bearer x"}, {"X-API-Key": "x"}, {"Authorization": "Bearer tb_x"}):
        assert program.ask("GET", "/jobs", headers=shown).status_code == 401
        assert program.ask("GET", "/models", headers=shown).status_code == 200


def test_signing_out_needs_nobody_to_be_there(program, services):
    assert program.ask("POST", "/auth/logout").status_code == 204
    program.register()
    with services.db.reading() as session:
        before = session.scalar(select(func.count()).select_from(SignIn))
    assert program.ask("POST", "/auth/logout").status_code == 204
    with services.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(SignIn)) == before - 1


def test_other_websites_sign_nobody_in(program):
    sent = {"email": program.email, "password": PASSWORD}
    answer = program.ask("POST", "/auth/login", json=sent, headers={"Sec-Fetch-Site": "cross-site"})
    assert refusal(answer) == (403, "cross_site_request")


def test_the_document_says_what_each_route_asks_for(program):
    document = program.ask("GET", "/openapi.json").json
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert schemes["api_key"]["name"] == "X-API-Key"
    paths = document["paths"]
    assert paths["/jobs"]["get"]["security"] == [{"bearer": []}, {"api_key": []}]
    assert "401" in paths["/jobs"]["get"]["responses"]
    assert "security" not in paths["/models"]["get"]
    assert paths["/v1/auth/refresh"]["post"]["security"] == [{"refresh_token": []}]
    assert paths["/jobs/{job_id}/progress"]["post"]["security"] == [{"progress_token": []}]


class TestDeletingTheAccount:
    def delete(self, ada, **body):
        return ada.ask("DELETE", "/v1/user/profile", json=body)

    def test_it_tells_what_went_and_that_was_all(self, ada):
        dataset = ada.ask("POST", "/samples/harbour-bikes").json["session_id"]
        key = ada.key("read")
        answer = self.delete(ada, password=PASSWORD)
        assert answer.status_code == 200, answer.text
        counts = answer.json["deleted"]
        assert (counts["datasets"], counts["jobs"], counts["files"]) == (1, 1, 1)
        assert (counts["api_keys"], counts["sign_ins"]) == (1, 1)
        assert counts["audit_events"] >= 2
        assert answer.json["sign_in_remains"] is False
        assert answer.json["message"] == "Your account and everything in it is deleted."
        assert refusal(ada.ask("GET", f"/analyze/{dataset}")) == (401, "invalid_token")
        by_key = ada.ask("GET", "/jobs", headers={"X-API-Key": key["api_key"]})
        assert refusal(by_key) == (401, "invalid_key")
        again = ada.ask("POST", "/v1/auth/refresh", headers={"Authorization": f"Bearer {ada.tokens['refresh_token']}"})
        assert refusal(again) == (401, "invalid_refresh_token")
        signed_in = ada.ask("POST", "/v1/auth/login", json={"email": ada.email, "password": PASSWORD})
        assert refusal(signed_in) == (401, "wrong_credentials")

    def test_wrong_passwords_count_with_those_of_signing_in(self, ada):
        sign_in = ada.ask("POST", "/v1/auth/login", json={"email": ada.email, "password": "wrong"})
        wrong = self.delete(ada, password="wrong")
        assert refusal(sign_in) == refusal(wrong) == (401, "wrong_credentials")
        assert wrong.json["error"]["message"] == "This is not the password of your account."
        for _ in range(3):
            self.delete(ada, password="wrong")
        often = self.delete(ada, password=PASSWORD)
        assert refusal(often) == (429, "too_many_attempts")
        assert int(often.headers["Retry-After"]) > 0
        assert ada.ask("GET", "/v1/user/profile").status_code == 200

    @pytest.mark.parametrize("body", [{}, {"email": "p@example.org"}])
    def test_it_names_what_it_is_confirmed_by(self, ada, body):
        answer = self.delete(ada, **body)
        assert refusal(answer) == (403, "not_confirmed")
        assert answer.json["error"]["param"] == "password"

    @pytest.mark.parametrize("permissions", [["read"], ["read", "write", "delete", "train", "admin"]])
    def test_no_key_deletes_it(self, ada, permissions):
        headers = {"X-API-Key": ada.key(*permissions)["api_key"]}
        answer = ada.ask("DELETE", "/v1/user/profile", json={"password": PASSWORD}, headers=headers)
        assert refusal(answer) == (403, "not_for_keys")
        assert ada.ask("GET", "/v1/user/profile").status_code == 200

    def test_while_a_job_runs_it_is_told_when_to_ask_again(self, ada, services, monkeypatch):
        monkeypatch.setattr(deleting, "WAIT_SECONDS", 0.0)
        dataset = ada.ask("POST", "/samples/harbour-bikes").json["session_id"]
        while (job := claim(services.db, "test", 60)) and job.dataset_id != dataset:
            pass
        answer = self.delete(ada, password=PASSWORD)
        assert refusal(answer) == (409, "job_running")
        assert answer.headers["Retry-After"] == "5"
        assert ada.ask("GET", f"/datasets/{dataset}/versions").status_code == 200

    def test_no_other_website_has_a_browser_do_it(self, ada):
        headers = ada.headers | {"Sec-Fetch-Site": "cross-site"}
        answer = ada.ask("DELETE", "/v1/user/profile", json={"password": PASSWORD}, headers=headers)
        assert refusal(answer) == (403, "cross_site_request")
