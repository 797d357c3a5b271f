"""The settings page: profile, keys that are shown once, and what happened."""

import re

import pytest

from webapp.accounts import directory
from webapp.settings import Settings
from webapp.storage.people import AuditEvent

pytestmark = pytest.mark.usefixtures("quick_passwords")
EMAIL, PASSWORD = "ada@example.org", "correct horse battery"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("home"), auth="local")


@pytest.fixture
def ada(visitor, services):
    """A browser that has signed in."""
    with services.db.reading() as session:
        known = directory.find_account(session, EMAIL)
    if known is None:
        known = directory.add_account(services.db, EMAIL, PASSWORD, "Ada <script>")
    form = visitor.visit("/sign-in").form("/sign-in")
    visitor.send(form, email=EMAIL, password=PASSWORD)
    visitor.account = known
    return visitor


def make_key(visitor, **fields):
    form = next(form for form in visitor.visit("/settings").forms if form.action == "/settings/keys")
    del form.fields["permissions"]
    return visitor.send(form, **({"name": "Laptop", "permissions": ["read", "write"]} | fields))


def key_in(page):
    return re.search(r"tb_[\w-]{45,}", page.html)[0]


def test_it_says_who_signed_in_and_what_they_have(ada):
    page = ada.visit("/settings")
    assert ada.status == 200
    for words in ("Ada <script>", EMAIL, "free", "Datasets", "Stored"):
        assert words in page.text


def test_the_limits_stand_beside_what_is_used(ada):
    text = ada.visit("/settings").text
    assert "0 bytes of 20 GiB" in text
    assert "0 of 8" in text
    assert "Requests a minute, at most 60" in text


def test_a_new_key_is_shown_in_that_answer_and_never_again(ada, client):
    page = make_key(ada)
    key = key_in(page)
    assert client.get("/jobs", headers={"X-API-Key": key}).status_code == 200
    assert key not in ada.path
    assert key not in client.get_cookie("tunebook_session").value
    page = ada.visit("/settings")
    assert key not in page.html
    assert key[:11] in page.text


def test_it_may_do_what_was_ticked(ada, client):
    key = key_in(make_key(ada, permissions=["read"]))
    assert client.get("/jobs", headers={"X-API-Key": key}).status_code == 200
    assert client.post("/samples/harbour-bikes", headers={"X-API-Key": key}).status_code == 403


def test_revoking_it_is_one_click(ada, client):
    key = key_in(make_key(ada, name="To be revoked"))
    page = ada.visit("/settings")
    ada.send(next(form for form in page.forms if form.action.endswith("/revoke")))
    assert ada.path == "/settings"
    assert client.get("/jobs", headers={"X-API-Key": key}).status_code == 401


@pytest.mark.parametrize(("days", "words"), [("", "it is revoked"), ("30", "Laptop")])
def test_it_expires_when_it_was_said(ada, services, days, words):
    assert words in make_key(ada, expires_days=days).text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": " "}, "Say what the key is for"),
        ({"permissions": []}, "Tick at least one thing that the key may do."),
        ({"permissions": ["everything"]}, "permissions"),
    ],
)
def test_a_key_that_cannot_be_is_told_above_the_page(ada, fields, sentence):
    page = make_key(ada, **fields)
    assert ada.status == 400
    assert sentence in page.text
    assert "tb_" not in "".join(re.findall(r"tb_[\w-]{45,}", page.html))


def test_the_form_of_a_refused_key_keeps_what_was_chosen(ada):
    page = make_key(ada, permissions=[], expires_days="365")
    (form,) = [form for form in page.forms if form.action == "/settings/keys"]
    assert form.fields == {"name": "Laptop", "expires_days": "365"}
    page = ada.send(form, name=" ", permissions=["write", "train"])
    ticked = {control["value"] for control in page.controls if control.get("name") == "permissions"} & {
        control["value"] for control in page.controls if "checked" in control
    }
    assert ticked == {"write", "train"}


def test_the_form_is_fresh_once_the_key_is_made(ada):
    page = make_key(ada, name="Made", permissions=["write"], expires_days="30")
    (form,) = [form for form in page.forms if form.action == "/settings/keys"]
    assert form.fields == {"name": "", "permissions": "read", "expires_days": "90"}


def test_what_happened_is_there_newest_first_with_a_link_to_older(ada, services):
    with services.db.session() as session:
        for number in range(30):
            session.add(
                AuditEvent(owner=ada.account.id, action="downloaded", subject=f"file-{number}", details={}, address="")
            )
            session.flush()
        session.add(AuditEvent(owner="bob", action="deleted", subject="bobs", details={}, address=""))
    page = ada.visit("/settings")
    assert page.text.index("file-29") < page.text.index("file-28")
    assert "bobs" not in page.text
    assert "file-1 " not in page.text + " "
    (older,) = {link for link in page.links if "before=" in link}
    page = ada.visit(older)
    assert "file-1 " in page.text + " "
    assert "file-29" not in page.text


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "٣"])
def test_a_place_that_is_none_is_the_beginning(ada, before):
    assert ada.visit(f"/settings?before={before}").text
    assert ada.status == 200
