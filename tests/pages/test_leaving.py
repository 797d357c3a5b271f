"""Deleting one's account in the browser, without scripts: a link, a page that says what goes, a password, a button."""

import itertools

import pytest

from webapp import workflow
from webapp.accounts import directory
from webapp.jobs import claim
from webapp.settings import Settings
from webapp.workflow import deleting

pytestmark = pytest.mark.usefixtures("quick_passwords")
PASSWORD = "correct horse battery"
NUMBERS = itertools.count()
PATH = "/settings/delete"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("home"), auth="local")


@pytest.fixture
def ada(visitor, services):
    """A browser that has signed in."""
    email = f"ada{next(NUMBERS)}@example.org"
    directory.add_account(services.db, email, PASSWORD, "Ada <script>")
    visitor.send(visitor.visit("/sign-in").form("/sign-in"), email=email, password=PASSWORD)
    visitor.person = directory.find_person(services.db, email)
    return visitor


def test_the_settings_lead_to_it_and_it_says_what_goes(ada, services, work):
    workflow.upload_sample(services, ada.person)
    workflow.begin_upload(services, ada.person, size=9, filename="a", mime_type="", purpose="fine-tune")
    work()
    assert PATH in ada.visit("/settings").links
    page = ada.visit(PATH)
    assert ada.status == 200
    for words in (
        f"The account {ada.person.email} is deleted for good",
        "1 dataset, in 1 version of the rows",
        "1 job of analysing, mending and running, with all logs",
        "1 upload under way",
        "1 sign-in, this one among them",
    ):
        assert words in page.text
    for words in ("notebook", "API key:"):  # there are none
        assert words not in page.text
    assert "/settings" in page.links
    assert page.form(PATH).fields == {"confirmation": ""}


def test_it_goes_signs_out_and_the_start_says_so_once(ada, services, client):
    dataset = workflow.upload_sample(services, ada.person).id
    kept = client.get_cookie("tunebook_session").value
    page = ada.send(ada.visit(PATH).form(PATH), confirmation=PASSWORD)
    assert (ada.path, ada.status) == ("/", 200)
    assert "Your account and everything in it is deleted." in page.text
    assert "Sign in" in page.text
    assert "is deleted." not in ada.visit("/").text
    assert client.get_cookie("tunebook_session") is None
    client.set_cookie("tunebook_session", kept)
    assert client.get(f"/analyze/{dataset}").json["error"]["code"] == "sign_in_required"
    page = ada.send(ada.visit("/sign-in").form("/sign-in"), email=ada.person.email, password=PASSWORD)
    assert "No account has this email address and this password." in page.text


def test_a_wrong_password_is_told_above_the_page_and_nothing_goes(ada):
    page = ada.send(ada.visit(PATH).form(PATH), confirmation="not the password")
    assert (ada.path, ada.status) == (PATH, 401)
    assert "This is not the password of your account." in page.text
    assert page.form(PATH).fields == {"confirmation": ""}
    for _ in range(5):
        ada.send(page.form(PATH), confirmation="not the password")
    assert ada.status == 429
    assert "Ada <script>" in ada.visit("/settings").text


def test_while_a_job_runs_it_says_when_to_try_again(ada, services, monkeypatch):
    monkeypatch.setattr(deleting, "WAIT_SECONDS", 0.0)
    dataset = workflow.upload_sample(services, ada.person).id
    while (job := claim(services.db, "test", 60)) and job.dataset_id != dataset:
        pass
    page = ada.send(ada.visit(PATH).form(PATH), confirmation=PASSWORD)
    assert ada.status == 409
    assert "It has been asked to stop: try again in a few seconds." in page.text


def test_who_has_not_signed_in_is_led_to_where_one_does(visitor):
    visitor.visit(PATH)
    assert visitor.path == "/sign-in"


def test_no_other_website_sends_the_form(ada, client):
    sent = client.post(PATH, data={"confirmation": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"})
    assert sent.status_code == 403
    assert ada.visit("/settings").text
    assert ada.path == "/settings"
