"""Local accounts: who signs in, for how long, and what ends it."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from sqlalchemy import func, select, update

from webapp.accounts import NOBODY, Credentials, directory
from webapp.accounts.keys import make_key
from webapp.accounts.local import LocalAccounts
from webapp.accounts.throttle import Throttle
from webapp.accounts.tokens import ACCESS_SECONDS, AccessTokens
from webapp.errors import Problem
from webapp.storage.people import Account, AuditEvent, RefreshToken, SignIn
from webapp.storage.tables import utc_now

pytestmark = pytest.mark.usefixtures("quick_passwords")
EMAIL, PASSWORD, HERE = "ada@example.org", "correct horse battery", "192.0.2.1"


@pytest.fixture
def accounts(db):
    return LocalAccounts(db, AccessTokens("the secret"), Throttle("memory://"), open_to_all=True)


@pytest.fixture
def ada(accounts):
    return accounts.register(EMAIL, PASSWORD, "Ada", HERE)


def code(call, *arguments):
    with pytest.raises(Problem) as caught:
        call(*arguments)
    assert caught.value.status == 401
    return caught.value.code


def events(accounts):
    with accounts.db.reading() as session:
        return [(row.owner, row.action) for row in session.scalars(select(AuditEvent).order_by(AuditEvent.id))]


def count(accounts, table):
    with accounts.db.reading() as session:
        return session.scalar(select(func.count()).select_from(table))


def changed(accounts, table, **values):
    with accounts.db.session() as session:
        session.execute(update(table).values(**values))


def test_who_shows_nothing_is_nobody(accounts):
    assert accounts.caller(Credentials(address=HERE)) == NOBODY


def test_whoever_registers_is_signed_in(accounts, ada):
    by_token = accounts.caller(Credentials(bearer=ada.access_token, address=HERE))
    by_cookie = accounts.caller(Credentials(cookie=ada.cookie, address=HERE))
    assert by_token == by_cookie == ada.caller
    assert (by_token.name, by_token.email, by_token.tier, by_token.address) == ("Ada", EMAIL, "free", HERE)
    assert by_token.signed_in
    assert not by_token.local
    assert ada.expires_in == ACCESS_SECONDS


def test_signing_in_again_is_another_sign_in_of_the_same_account(accounts, ada):
    again = accounts.sign_in(" ADA@example.org", PASSWORD, HERE)
    assert again.caller == ada.caller
    assert again.cookie != ada.cookie
    assert events(accounts) == [(ada.caller.id, "signed_up"), (ada.caller.id, "signed_in")]


def test_a_wrong_password_and_an_unknown_account_are_told_alike(accounts, ada):
    refusals = []
    for email, password in ((EMAIL, "not the password"), ("eve@example.org", PASSWORD)):
        with pytest.raises(Problem) as caught:
            accounts.sign_in(email, password, HERE)
        refusals.append(caught.value.to_dict())
    assert refusals[0] == refusals[1]
    assert refusals[0]["code"] == "wrong_credentials"


def test_a_password_is_worked_out_for_an_unknown_account_too(accounts, ada, monkeypatch):
    asked = []
    monkeypatch.setattr("webapp.accounts.local.is_password", lambda *given: asked.append(given))
    for email in (EMAIL, "eve@example.org"):
        code(accounts.sign_in, email, "x", HERE)
    assert [given is not None for _, given in asked] == [True, False]


def test_a_failure_is_written_down_for_the_account_and_of_unknown_ones_nothing(accounts, ada):
    code(accounts.sign_in, EMAIL, "x", HERE)
    code(accounts.sign_in, "eve@example.org", "x", HERE)
    assert events(accounts) == [(ada.caller.id, "signed_up"), (ada.caller.id, "sign_in_failed")]


def test_the_sixth_attempt_in_a_minute_waits_whether_there_is_an_account_or_not(accounts, ada):
    for email in (EMAIL, "eve@example.org"):
        for _ in range(5):
            code(accounts.sign_in, email, "x", HERE)
        with pytest.raises(Problem) as caught:
            accounts.sign_in(email, PASSWORD, HERE)
        assert (caught.value.code, caught.value.status) == ("too_many_attempts", 429)


def test_no_other_writing_of_an_address_is_counted_apart(accounts, ada):
    for number in range(5):
        code(accounts.sign_in, " " * number + EMAIL[:2].upper() + EMAIL[2:], "x", HERE)
    with pytest.raises(Problem) as caught:
        accounts.sign_in(EMAIL, PASSWORD, HERE)
    assert caught.value.code == "too_many_attempts"
    for unseen in "\u200b\0":
        assert code(accounts.sign_in, EMAIL[:2] + unseen + EMAIL[2:], PASSWORD, HERE) == "wrong_credentials"


def test_many_attempts_at_once_are_not_more(accounts, ada):
    def attempt(_):
        try:
            accounts.sign_in(EMAIL, "x", HERE)
        except Problem as problem:
            return problem.code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(attempt, range(12)))
    assert sorted(codes) == ["too_many_attempts"] * 7 + ["wrong_credentials"] * 5


def test_closed_registration_is_closed(db):
    accounts = LocalAccounts(db, AccessTokens("s"), Throttle("memory://"), open_to_all=False)
    with pytest.raises(Problem) as caught:
        accounts.register(EMAIL, PASSWORD, "", HERE)
    assert (caught.value.code, caught.value.status) == ("registration_closed", 403)


def test_an_address_registers_ten_times_an_hour_and_mistakes_do_not_count(accounts):
    for _ in range(20):
        with pytest.raises(Problem):
            accounts.register(EMAIL, "short", "", HERE)
    refused = []
    accounts.register(EMAIL, PASSWORD, "", HERE)
    for _ in range(10):
        with pytest.raises(Problem) as caught:
            accounts.register(EMAIL, PASSWORD, "", HERE)
        refused.append(caught.value.code)
    assert refused == ["email_taken"] * 9 + ["too_many_attempts"]


def test_a_hash_of_older_parameters_is_renewed_when_its_owner_signs_in(accounts, ada, monkeypatch):
    with accounts.db.reading() as session:
        before = session.scalar(select(Account.password_hash))
    monkeypatch.setattr("webapp.accounts.local.is_outdated", lambda _: True)
    accounts.sign_in(EMAIL, PASSWORD, HERE)
    with accounts.db.reading() as session:
        assert session.scalar(select(Account.password_hash)) != before
    monkeypatch.undo()
    accounts.sign_in(EMAIL, PASSWORD, HERE)


def test_a_refresh_token_gives_new_tokens_of_the_same_sign_in(accounts, ada):
    renewed = accounts.refresh(ada.refresh_token, HERE)
    assert renewed.cookie == ada.cookie
    assert renewed.refresh_token != ada.refresh_token
    assert accounts.caller(Credentials(bearer=renewed.access_token, address=HERE)) == ada.caller
    assert accounts.refresh(renewed.refresh_token, HERE).caller == ada.caller


def test_a_refresh_token_that_comes_again_ends_the_sign_in_of_both_who_have_it(accounts, ada):
    elsewhere = accounts.sign_in(EMAIL, PASSWORD, HERE)
    renewed = accounts.refresh(ada.refresh_token, HERE)
    assert code(accounts.refresh, ada.refresh_token, HERE) == "refresh_token_reused"
    assert code(accounts.refresh, renewed.refresh_token, HERE) == "invalid_refresh_token"
    for given in (ada.access_token, renewed.access_token):
        assert code(accounts.caller, Credentials(bearer=given)) == "invalid_token"
    assert accounts.caller(Credentials(bearer=elsewhere.access_token)).signed_in
    assert events(accounts)[-1] == (ada.caller.id, "token_reused")


def test_of_two_who_refresh_at_once_one_is_found_out(accounts, ada):
    def refresh(_):
        try:
            return accounts.refresh(ada.refresh_token, HERE) and "new tokens"
        except Problem as problem:
            return problem.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(refresh, range(2))) == ["new tokens", "refresh_token_reused"]
    assert count(accounts, SignIn) == 0


@pytest.mark.parametrize("token", ["", "x", "\ud800", "tb_x"])
def test_what_is_no_refresh_token_is_refused(accounts, ada, token):
    assert code(accounts.refresh, token, HERE) == "invalid_refresh_token"
    assert code(accounts.refresh, ada.access_token, HERE) == "invalid_refresh_token"


def test_of_tokens_only_hashes_are_kept(accounts, ada):
    with accounts.db.reading() as session:
        assert session.scalar(select(RefreshToken.token_sha256)) not in (ada.refresh_token, None)


@pytest.mark.parametrize("by", ["access_token", "refresh_token", "cookie"])
def test_signing_out_holds_at_once_for_everything_of_that_sign_in(accounts, ada, by):
    shown = {"cookie": ada.cookie} if by == "cookie" else {"bearer": getattr(ada, by)}
    accounts.sign_out(Credentials(address=HERE, **shown))
    assert code(accounts.caller, Credentials(bearer=ada.access_token)) == "invalid_token"
    assert code(accounts.caller, Credentials(cookie=ada.cookie)) == "invalid_token"
    assert code(accounts.refresh, ada.refresh_token, HERE) == "invalid_refresh_token"
    accounts.sign_out(Credentials(address=HERE, **shown))
    assert events(accounts)[1:] == [(ada.caller.id, "signed_out")]


@pytest.mark.parametrize("given", [Credentials(), Credentials(bearer="x"), Credentials(cookie={"sign_in": "x"})])
def test_signing_out_of_nothing_is_fine(accounts, ada, given):
    accounts.sign_out(given)
    assert count(accounts, SignIn) == 1


def test_a_sign_in_ends_by_itself(accounts, ada):
    changed(accounts, SignIn, expires_at=utc_now() - timedelta(seconds=1))
    assert code(accounts.caller, Credentials(bearer=ada.access_token)) == "invalid_token"
    assert code(accounts.caller, Credentials(cookie=ada.cookie)) == "invalid_token"
    assert code(accounts.refresh, ada.refresh_token, HERE) == "invalid_refresh_token"
    accounts.sign_in(EMAIL, PASSWORD, HERE)
    assert (count(accounts, SignIn), count(accounts, RefreshToken)) == (1, 1)


def test_a_new_password_and_a_removed_account_end_every_sign_in(accounts, ada):
    directory.set_password(accounts.db, EMAIL, "another one altogether")
    assert code(accounts.caller, Credentials(cookie=ada.cookie)) == "invalid_token"
    again = accounts.sign_in(EMAIL, "another one altogether", HERE)
    directory.remove_account(accounts.db, EMAIL)
    assert code(accounts.caller, Credentials(bearer=again.access_token)) == "invalid_token"


def test_a_key_is_taken_as_either_header(accounts, ada):
    with accounts.db.session() as session:
        key = make_key(session, ada.caller, "CI", ["read"], 1)
    for given in (Credentials(bearer=key.text), Credentials(api_key=key.text), Credentials(key.text, key.text)):
        assert accounts.caller(given).permissions == {"read"}
    assert code(accounts.caller, Credentials(api_key=ada.access_token)) == "invalid_key"


KEY = AccessTokens("the secret")._key


def signed(claims, key=KEY, algorithm="HS256"):
    return jwt.encode(claims, key, algorithm)


def claims_of(ada, **changes):
    claims = jwt.decode(ada.access_token, options={"verify_signature": False}) | changes
    return {name: value for name, value in claims.items() if value is not None}


def unsigned(claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


PAST, FUTURE = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(hours=1)
FORGED = {
    "another key": lambda ada: signed(claims_of(ada), b"x" * 32),
    "the secret itself": lambda ada: signed(claims_of(ada), b"the secret".ljust(32, b"\0")),
    "no algorithm": lambda ada: unsigned(claims_of(ada)),
    "another algorithm": lambda ada: signed(claims_of(ada), KEY * 2, "HS512"),
    "another audience": lambda ada: signed(claims_of(ada, aud="x")),
    "another issuer": lambda ada: signed(claims_of(ada, iss="x")),
    "no expiry": lambda ada: signed(claims_of(ada, exp=None)),
    "no subject": lambda ada: signed(claims_of(ada, sub=None)),
    "no sign-in": lambda ada: signed(claims_of(ada, sid=None)),
    "another sign-in": lambda ada: signed(claims_of(ada, sid="x")),
    "another account": lambda ada: signed(claims_of(ada, sub="x")),
    "not yet": lambda ada: signed(claims_of(ada, nbf=FUTURE)),
    "the refresh token": lambda ada: ada.refresh_token,
    "nonsense": lambda _: "a.b.c",
    "not even text": lambda _: "\ud800",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_token_that_was_not_given_out_is_refused(accounts, ada, forge):
    assert accounts.caller(Credentials(bearer=signed(claims_of(ada)))).signed_in
    assert code(accounts.caller, Credentials(bearer=forge(ada))) == "invalid_token"


def test_an_expired_token_says_so(accounts, ada):
    assert code(accounts.caller, Credentials(bearer=signed(claims_of(ada, exp=PAST)))) == "token_expired"


def test_a_cookie_never_needs_renewing(accounts, ada):
    assert accounts.renewed(ada.cookie) is None


def test_the_account_is_confirmed_by_its_password_and_guessing_is_stopped(accounts, ada):
    accounts.confirm(ada.caller, PASSWORD)
    for _ in range(5):
        assert code(accounts.confirm, ada.caller, "not the password") == "wrong_credentials"
    assert events(accounts)[-1] == (ada.caller.id, "sign_in_failed")
    with pytest.raises(Problem) as caught:
        accounts.confirm(ada.caller, PASSWORD)
    assert (caught.value.code, caught.value.status) == ("too_many_attempts", 429)


def test_a_removed_account_signs_in_no_more_and_leaves_nothing(accounts, ada):
    assert accounts.remove(ada.caller)
    assert [count(accounts, table) for table in (Account, SignIn, RefreshToken, AuditEvent)] == [0, 0, 0, 0]
    for shown in (Credentials(bearer=ada.access_token), Credentials(cookie=ada.cookie)):
        assert code(accounts.caller, shown) == "invalid_token"
