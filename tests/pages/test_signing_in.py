"""Making an account, signing in and out, in a browser without scripts."""

import itertools
from http.cookies import SimpleCookie

import pytest

from webapp import create_app
from webapp.accounts import directory
from webapp.accounts.local import LocalAccounts
from webapp.api.leading import UNDONE, local_path
from webapp.errors import Problem
from webapp.settings import Settings

pytestmark = pytest.mark.usefixtures("quick_passwords")

PASSWORD = "correct horse battery"
NUMBERS = itertools.count()
COOKIE = "tunebook_session"
HEADERS = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("home"), auth="local")


@pytest.fixture
def client(app):
    """A browser at an address of its own."""
    made = app.test_client()
    made.environ_base["REMOTE_ADDR"] = f"198.51.100.{next(NUMBERS)}"
    return made


@pytest.fixture
def email(services):
    """The address of an account."""
    given = f"p{next(NUMBERS)}@example.org"
    directory.add_account(services.db, given, PASSWORD, "Ada L.")
    return given


def sign_in(visitor, email, password=PASSWORD, path="/sign-in", **more):
    form = visitor.visit(path).form("/sign-in")
    return visitor.send(form, email=email, password=password, **more)


def test_who_has_not_signed_in_sees_the_start_page_and_nothing_to_send(visitor):
    page = visitor.visit("/")
    assert "Sign in to upload" in page.text
    assert page.forms == []
    sample = page.html[page.html.index("No dataset at hand?") :]
    assert 'href="/sign-in">Sign in to try the sample</a>' in sample
    assert "/settings" not in page.links


def test_a_page_that_asks_for_it_leads_to_the_form_and_back(visitor, email):
    page = visitor.visit("/settings?before=7")
    assert visitor.path == "/sign-in"
    page = visitor.send(page.form("/sign-in"), email=email, password=PASSWORD)
    assert visitor.path == "/settings"
    assert "Ada L." in page.text


def test_an_account_is_made_and_signed_in(visitor):
    form = visitor.visit("/register").form("/register")
    address = f"p{next(NUMBERS)}@example.org"
    page = visitor.send(form, email=address, password=PASSWORD, name="Grace")
    assert visitor.path == "/"
    assert "Grace" in page.text
    assert address in visitor.visit("/settings").text


@pytest.mark.parametrize(
    ("sent_from", "leads_to"),
    [
        ("http://localhost/datasets/x/plan?model_id=qwen3-0.6b", "/datasets/x/plan?model_id=qwen3-0.6b"),
        ("http://localhost/datasets/x/plan/check", "/"),  # it answers forms only
        ("http://localhost//evil.example/", "/"),
        ("http://localhost.evil.example/settings", "/"),
        ("https://evil.example/settings", "/"),
        ("http://localhost/nothing/here", "/"),
        (None, "/"),
    ],
)
def test_a_form_sent_while_signed_out_says_that_it_was_not_done_and_leads_back_to_it(
    visitor, client, email, sent_from, leads_to
):
    answer = client.post("/datasets/x/notebooks", headers=HEADERS | ({"Referer": sent_from} if sent_from else {}))
    assert answer.status_code == 303
    page = visitor.visit(answer.headers["Location"])
    assert visitor.path == "/sign-in"
    assert UNDONE in page.text
    assert page.form("/sign-in").fields["next"] == leads_to
    assert UNDONE not in visitor.visit("/sign-in").text


def test_who_only_looks_while_signed_out_is_told_of_nothing_undone(visitor):
    assert UNDONE not in visitor.visit("/settings").text


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"password": "short"}, 400, "at least 10 characters"),
        ({"email": "nobody"}, 400, "This is no email address."),
        ({"email": "{taken}"}, 409, "sign in instead"),
    ],
)
def test_a_refused_account_is_told_above_the_form(visitor, email, change, status, sentence):
    form = visitor.visit("/register").form("/register")
    fields = {"email": "new@example.org", "password": PASSWORD, "name": 'Grace "Amazing" Hopper'} | change
    fields["email"] = fields["email"].format(taken=email)
    page = visitor.send(form, **fields)
    assert visitor.status == status
    assert sentence in page.text
    assert page.form("/register").fields["email"] == fields["email"]
    assert page.form("/register").fields["name"] == fields["name"]
    assert "password" in page.form("/register").fields
    assert page.form("/register").fields["password"] == ""


def test_a_wrong_password_is_told_above_the_form_and_keeps_where_to_go(visitor, email):
    page = sign_in(visitor, email, "not the password", "/sign-in?next=/settings")
    assert visitor.status == 401
    assert "No account has this email address and this password." in page.text
    page = visitor.send(page.form("/sign-in"), email=email, password=PASSWORD)
    assert visitor.path == "/settings"


def test_trying_too_often_says_how_long_to_wait(visitor, client, email):
    for _ in range(6):
        page = sign_in(visitor, email, "not the password")
    assert visitor.status == 429
    assert "Try again in" in page.text


@pytest.mark.parametrize(
    "given",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
    ],
)
def test_nobody_is_led_to_another_site(client, email, given):
    assert local_path(given) == "/"
    fields = {"email": email, "password": PASSWORD, "next": given}
    answer = client.post("/sign-in", data=fields, headers=HEADERS)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("given", ["/", "/settings?before=3", "/datasets/x#fixes", "/a//b"])
def test_an_address_on_this_site_is_kept(given):
    assert local_path(given) == given


def test_signing_out_ends_the_sign_in_everywhere_it_is_kept(visitor, client, email):
    sign_in(visitor, email)
    kept = client.get_cookie(COOKIE).value
    page = visitor.send(visitor.visit("/").form("/sign-out"))
    assert "Sign in" in page.text
    client.set_cookie(COOKIE, kept)
    assert client.get("/settings", headers=HEADERS).status_code == 303


def test_a_cookie_that_no_longer_holds_is_cleared_and_shows_the_page_to_nobody(visitor, client, email, services):
    sign_in(visitor, email)
    directory.set_password(services.db, email, PASSWORD)
    assert "Sign in to upload" in visitor.visit("/").text
    assert client.get_cookie(COOKIE) is None


def test_a_forged_cookie_is_none(client):
    client.set_cookie(COOKIE, "eyJhY2NvdW50Ijp7InNpZ25faW4iOiJ4In19.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
    assert client.get("/jobs").json["error"]["code"] == "sign_in_required"
    assert client.get("/settings", headers=HEADERS).status_code == 303


def test_the_cookie_serves_the_api_of_the_same_site_too(visitor, client, email):
    sign_in(visitor, email)
    assert client.get("/jobs").status_code == 200
    foreign = client.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert client.get("/jobs").status_code == 200


@pytest.mark.parametrize(
    ("base_url", "public_url", "secure"),
    [
        ("http://localhost", None, False),
        ("https://localhost", None, True),
        ("http://localhost", "https://tunebook.example", True),
    ],
)
def test_the_cookie_is_out_of_reach_of_scripts_other_sites_and_plain_http(
    settings, app, email, base_url, public_url, secure
):
    public = create_app(settings.model_copy(update={"public_url": public_url}))
    answer = public.test_client().post(
        "/sign-in", base_url=base_url, data={"email": email, "password": PASSWORD}, headers=HEADERS
    )
    public.extensions["tunebook"].db.close()
    cookie = SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert bool(cookie["secure"]) == secure
    assert cookie["path"] == "/"
    assert cookie["expires"]
    assert PASSWORD not in cookie.value


def test_pages_without_a_sign_in_set_no_cookie(client):
    assert "Set-Cookie" not in client.get("/", headers=HEADERS).headers


def test_closed_registration_says_who_makes_accounts(settings, app):
    closed = create_app(settings.model_copy(update={"registration": "closed"}))
    browser = closed.test_client()
    page = browser.get("/register", headers=HEADERS).text
    assert "ask them for one" in page
    assert 'name="password"' not in page
    assert "/register" not in browser.get("/sign-in", headers=HEADERS).text
    sent = browser.post("/register", data={"email": "x@example.org", "password": PASSWORD}, headers=HEADERS)
    assert sent.status_code == 403
    closed.extensions["tunebook"].db.close()


def test_what_is_kept_is_prolonged_before_it_is_judged(visitor, client, email, monkeypatch):
    sign_in(visitor, email)
    with client.session_transaction() as session:
        good = session["account"]
        session["account"] = {"sign_in": "has run out"}
    monkeypatch.setattr(LocalAccounts, "renewed", lambda *_: good)
    assert client.get("/jobs").status_code == 200
    monkeypatch.undo()
    assert client.get("/jobs").status_code == 200


def test_a_sign_in_that_cannot_be_prolonged_is_over(visitor, client, email, monkeypatch):
    sign_in(visitor, email)
    monkeypatch.setattr(LocalAccounts, "renewed", lambda *_: {})
    assert client.get("/jobs").json["error"]["code"] == "sign_in_required"


def test_while_nothing_can_be_prolonged_the_sign_in_is_kept(visitor, client, email, monkeypatch):
    def away(*_):
        raise Problem("supabase_unavailable", "The project does not answer.", status=503)

    sign_in(visitor, email)
    monkeypatch.setattr(LocalAccounts, "renewed", away)
    assert client.get("/jobs").status_code == 503
    assert "does not answer" in visitor.visit("/settings").text
    monkeypatch.undo()
    assert client.get("/jobs").status_code == 200
