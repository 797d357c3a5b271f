"""Accounts of a Supabase project, through the official client: signing in, going on, and leaving."""

import sys
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from tests.databases import on_sqlite
from tests.supabase import PASSWORD, Project, running
from webapp.accounts import VISITORS, Caller, Credentials
from webapp.accounts.keys import make_key
from webapp.accounts.supabase import SupabaseAccounts
from webapp.errors import Problem
from webapp.settings import Settings
from webapp.storage.people import AuditEvent

pytestmark = on_sqlite
EMAIL, ADDRESS = "ada@example.org", "192.0.2.7"


@pytest.fixture(params=["jwks", "hs256"])
def project(request: pytest.FixtureRequest) -> Iterator[Project]:
    with running(legacy=request.param == "hs256") as made:
        made.add_person(EMAIL)
        yield made


def settings(project: Project, **changes: str | None) -> Settings:
    known = {
        "supabase_url": project.url,
        "supabase_key": project.anon_key,
        "supabase_jwt_secret": project.secret,
    }
    return Settings(auth="supabase", **known | changes)


@pytest.fixture
def accounts(project, db):
    return SupabaseAccounts(settings(project), db)


def refused(ask, *arguments) -> tuple[str, int]:
    with pytest.raises(Problem) as problem:
        ask(*arguments)
    return problem.value.code, problem.value.status


def audited(db) -> list[tuple[str, str | None, str]]:
    with db.reading() as session:
        return [(row.action, row.owner, row.address) for row in session.scalars(select(AuditEvent))]


def test_whoever_signs_in_is_who_their_token_says(accounts, project):
    signed_in = accounts.sign_in(EMAIL, PASSWORD, ADDRESS)
    assert signed_in.caller.id == project.people[EMAIL].id
    assert signed_in.expires_in == 3600
    for shown in (Credentials(bearer=signed_in.access_token), Credentials(cookie=signed_in.cookie)):
        assert accounts.caller(shown).id == signed_in.caller.id


def test_the_address_of_a_request_is_its_callers(accounts):
    assert accounts.caller(Credentials(address=ADDRESS)).address == ADDRESS
    token = accounts.sign_in(EMAIL, PASSWORD, "").access_token
    assert accounts.caller(Credentials(bearer=token, address=ADDRESS)).address == ADDRESS


def test_nothing_shown_is_a_visitor(accounts):
    caller = accounts.caller(Credentials())
    assert (caller.id, caller.signed_in) == (VISITORS, False)


@pytest.mark.parametrize("shown", [Credentials(bearer="x"), Credentials(cookie={"access_token": "x"})])
def test_what_is_shown_and_not_valid_is_no_visitor(accounts, shown):
    assert refused(accounts.caller, shown) == ("invalid_token", 401)


def test_an_api_key_is_its_owners(accounts, db):
    with db.session() as session:
        key = make_key(session, Caller("somebody"), "script", ["read"], None).text
    for shown in (Credentials(bearer=key), Credentials(api_key=key)):
        assert (accounts.caller(shown).id, accounts.caller(shown).permissions) == ("somebody", {"read"})


def test_a_token_in_the_place_of_a_key_is_none(accounts):
    token = accounts.sign_in(EMAIL, PASSWORD, "").access_token
    assert refused(accounts.caller, Credentials(api_key=token)) == ("invalid_key", 401)


@pytest.mark.parametrize(("email", "password"), [(EMAIL, "wrong"), ("nobody@example.org", PASSWORD)])
def test_wrong_credentials_are_refused_alike(accounts, db, email, password):
    assert refused(accounts.sign_in, email, password, ADDRESS) == ("wrong_credentials", 401)
    assert audited(db) == [("sign_in_failed", None, ADDRESS)]


def test_guessing_is_stopped_before_the_project_is_asked(accounts, project):
    for _ in range(5):
        refused(accounts.sign_in, EMAIL, "wrong", ADDRESS)
    asked = len(project.asked)
    assert refused(accounts.sign_in, EMAIL.upper(), PASSWORD, ADDRESS) == ("too_many_attempts", 429)
    assert len(project.asked) == asked


def test_the_projects_own_limit_is_passed_on(accounts, project):
    project.limited = True
    assert refused(accounts.sign_in, EMAIL, PASSWORD, ADDRESS) == ("too_many_attempts", 429)


def test_an_address_that_is_not_confirmed_is_told_so(accounts, project):
    project.people[EMAIL].confirmed = False
    assert refused(accounts.sign_in, EMAIL, PASSWORD, ADDRESS) == ("email_not_confirmed", 403)


def test_a_project_that_is_away_is_no_wrong_password(accounts, project, db):
    project.away = True
    assert refused(accounts.sign_in, EMAIL, PASSWORD, ADDRESS) == ("supabase_unavailable", 503)
    assert audited(db) == []


def test_a_port_where_nobody_listens_is_a_project_that_is_away(project, db):
    accounts = SupabaseAccounts(settings(project, supabase_url="http://127.0.0.1:9"), db)
    assert refused(accounts.sign_in, EMAIL, PASSWORD, ADDRESS) == ("supabase_unavailable", 503)


class TestRegistering:
    def test_it_signs_in(self, accounts, project):
        signed_in = accounts.register("eve@example.org", "long enough", "Eve", ADDRESS)
        assert (signed_in.caller.id, signed_in.caller.name) == (project.people["eve@example.org"].id, "Eve")

    def test_it_answers_nothing_while_the_address_is_to_be_confirmed(self, accounts, project):
        project.confirm_emails = True
        assert accounts.register("eve@example.org", "long enough", "Eve", ADDRESS) is None

    @pytest.mark.parametrize(
        ("email", "password", "answer"),
        [
            (EMAIL, "long enough", ("email_taken", 409)),
            ("eve@example.org", "short", ("weak_password", 400)),
            ("", "long enough", ("sign_in_refused", 400)),
        ],
    )
    def test_it_says_what_is_wrong(self, accounts, email, password, answer):
        assert refused(accounts.register, email, password, "Eve", ADDRESS) == answer


class TestGoingOn:
    def test_a_refresh_token_works_once(self, accounts):
        first = accounts.sign_in(EMAIL, PASSWORD, ADDRESS)
        second = accounts.refresh(first.refresh_token, ADDRESS)
        assert second.caller.id == first.caller.id
        assert refused(accounts.refresh, first.refresh_token, ADDRESS) == ("invalid_refresh_token", 401)

    def test_a_fresh_cookie_stays(self, accounts, project):
        cookie = accounts.sign_in(EMAIL, PASSWORD, ADDRESS).cookie
        asked = len(project.asked)
        assert accounts.renewed(cookie) is None
        assert len(project.asked) == asked

    @pytest.mark.parametrize("left", [100, -100])
    def test_one_that_expires_is_renewed(self, accounts, project, left):
        cookie = dict(accounts.sign_in(EMAIL, PASSWORD, ADDRESS).cookie)
        claims = project.claims(project.people[EMAIL])
        cookie["access_token"] = project.token(claims | {"exp": claims["iat"] + left})
        renewed = accounts.renewed(cookie)
        assert accounts.caller(Credentials(cookie=renewed)).id == project.people[EMAIL].id
        assert renewed["refresh_token"] != cookie["refresh_token"]

    def test_one_whose_sign_in_is_over_is_emptied(self, accounts, project):
        project.expires_in = 60
        cookie = accounts.sign_in(EMAIL, PASSWORD, ADDRESS).cookie
        project.sessions.clear()
        assert accounts.renewed(cookie) == {}

    def test_one_that_is_still_good_stays_while_the_project_is_away(self, accounts, project):
        project.expires_in = 60
        cookie = accounts.sign_in(EMAIL, PASSWORD, ADDRESS).cookie
        project.away = True
        assert accounts.renewed(cookie) is None

    def test_an_empty_one_stays(self, accounts):
        assert accounts.renewed({}) is None


class TestSigningOut:
    def test_it_ends_this_sign_in_and_no_other(self, accounts):
        here, there = (accounts.sign_in(EMAIL, PASSWORD, ADDRESS) for _ in range(2))
        accounts.sign_out(Credentials(cookie=here.cookie))
        assert refused(accounts.refresh, here.refresh_token, ADDRESS) == ("invalid_refresh_token", 401)
        assert accounts.refresh(there.refresh_token, ADDRESS).caller.id == there.caller.id

    def test_a_refresh_token_will_do(self, accounts, project):
        accounts.sign_out(Credentials(bearer=accounts.sign_in(EMAIL, PASSWORD, ADDRESS).refresh_token))
        assert project.sessions == {}

    def test_it_ends_one_whose_token_has_expired(self, accounts, project):
        project.expires_in = -60
        accounts.tokens.caller = lambda _: Caller("ada")  # the new one has expired as well
        signed_in = accounts.sign_in(EMAIL, PASSWORD, ADDRESS)
        project.expires_in = 3600
        accounts.sign_out(Credentials(cookie=signed_in.cookie))
        assert project.sessions == {}

    @pytest.mark.parametrize(
        "shown", [Credentials(), Credentials(bearer="x"), Credentials(cookie={"access_token": "x"})]
    )
    def test_it_is_fine_when_there_is_none(self, accounts, shown):
        accounts.sign_out(shown)

    def test_what_people_may_want_to_know_of_is_written_down(self, accounts, project, db):
        signed_in = accounts.sign_in(EMAIL, PASSWORD, ADDRESS)
        accounts.sign_out(Credentials(bearer=signed_in.access_token, address=ADDRESS))
        mine = project.people[EMAIL].id
        assert audited(db) == [("signed_in", mine, ADDRESS), ("signed_out", mine, ADDRESS)]


class TestLeaving:
    @pytest.fixture
    def ada(self, accounts):
        return accounts.sign_in(EMAIL, PASSWORD, ADDRESS)

    def with_the_service_key(self, project, db):
        return SupabaseAccounts(settings(project, supabase_service_key=project.service_key), db)

    def test_it_is_confirmed_by_the_email_address(self, accounts, ada):
        accounts.confirm(ada.caller, " ADA@example.org ")
        for given in ("", "eve@example.org", PASSWORD, ada.caller.id):
            assert refused(accounts.confirm, ada.caller, given) == ("not_confirmed", 403)

    def test_or_by_the_id_where_there_is_none(self, accounts):
        accounts.confirm(Caller("0e7a4c1e"), "0e7a4c1e")
        assert refused(accounts.confirm, Caller("0e7a4c1e"), "") == ("not_confirmed", 403)

    def test_without_the_service_key_the_sign_in_remains(self, accounts, project, db, ada):
        assert not accounts.remove(ada.caller)
        assert audited(db) == []
        assert EMAIL in project.people

    def test_with_it_the_sign_in_goes_and_again_is_fine(self, project, db, ada):
        accounts = self.with_the_service_key(project, db)
        project.add_person("eve@example.org")
        assert accounts.remove(ada.caller)
        assert accounts.remove(ada.caller)
        assert list(project.people) == ["eve@example.org"]
        assert audited(db) == []
        assert refused(accounts.sign_in, EMAIL, PASSWORD, ADDRESS) == ("wrong_credentials", 401)

    def test_a_project_that_is_away_is_asked_again(self, project, db, ada):
        accounts = self.with_the_service_key(project, db)
        project.away = True
        assert refused(accounts.remove, ada.caller) == ("supabase_unavailable", 503)
        project.away = False
        assert accounts.remove(ada.caller)
        assert project.people == {}

    def test_a_key_that_may_not_is_said(self, project, db, ada):
        accounts = SupabaseAccounts(settings(project, supabase_service_key=project.anon_key), db)
        assert refused(accounts.remove, ada.caller) == ("sign_in_refused", 403)
        assert EMAIL in project.people


def test_people_who_sign_in_at_once_get_their_own_tokens(accounts, project):
    emails = [f"person{number}@example.org" for number in range(8)]
    for email in emails:
        project.add_person(email)
    found = {}

    def sign_in(email: str) -> None:
        found[email] = accounts.sign_in(email, PASSWORD, ADDRESS).caller.id

    threads = [threading.Thread(target=sign_in, args=(email,)) for email in emails]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {email: project.people[email].id for email in emails}


class TestConfiguration:
    @pytest.mark.parametrize(
        "changes",
        [
            {"supabase_url": None},
            {"supabase_key": None},
            {"supabase_url": "http://project.supabase.co"},
            {"supabase_url": "http://192.0.2.1:8000"},
            {"supabase_url": "ftp://localhost"},
            {"supabase_url": "https://name:word@project.supabase.co"},
            {"supabase_url": "https://project.supabase.co/auth/v1"},
            {"supabase_url": "project.supabase.co"},
        ],
        ids=str,
    )
    def test_what_is_missing_or_unsafe_is_refused(self, project, db, changes):
        assert refused(SupabaseAccounts, settings(project, **changes), db) == ("supabase_not_configured", 500)

    @pytest.mark.parametrize("url", ["https://p.supabase.co", "https://p.supabase.co/", "http://localhost:54321"])
    def test_a_project_is_known_by_its_address(self, project, db, url):
        SupabaseAccounts(settings(project, supabase_url=url), db)

    def test_a_missing_package_is_named(self, project, db, monkeypatch):
        monkeypatch.setitem(sys.modules, "supabase", None)
        assert refused(SupabaseAccounts, settings(project), db) == ("supabase_not_installed", 501)
