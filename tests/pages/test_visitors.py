"""What was uploaded without an account becomes the dataset of whoever signs in there."""

import pytest

from webapp.accounts import NOBODY, VISITOR, VISITORS, Caller, directory
from webapp.accounts.local import LocalAccounts
from webapp.settings import Settings
from webapp.storage.tables import Dataset
from webapp.workflow import claim_dataset

pytestmark = pytest.mark.usefixtures("quick_passwords")
EMAIL, PASSWORD = "ada@example.org", "correct horse battery"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("home"), auth="local", retention_days=3, max_stored_bytes=5 * 2**30)


@pytest.fixture(autouse=True)
def visitors_come_in(monkeypatch):
    """As they do with a Supabase project."""
    asked = LocalAccounts.caller

    def caller(accounts, given):
        found = asked(accounts, given)
        return VISITOR if found is NOBODY else found

    monkeypatch.setattr(LocalAccounts, "caller", caller)


@pytest.fixture(scope="module")
def ada(services):
    return directory.add_account(services.db, EMAIL, PASSWORD)


def sign_in(visitor):
    return visitor.send(visitor.visit("/sign-in").form("/sign-in"), email=EMAIL, password=PASSWORD)


def upload(visitor):
    visitor.send(visitor.visit("/").form("/datasets/sample"))
    return visitor.path.rpartition("/")[2]


def owner(services, dataset_id):
    with services.db.reading() as session:
        return session.get_one(Dataset, dataset_id).owner


def test_their_uploads_are_theirs_once_they_sign_in(visitor, services, ada):
    uploads = [upload(visitor), upload(visitor)]
    assert {owner(services, dataset_id) for dataset_id in uploads} == {VISITORS}
    sign_in(visitor)
    assert {owner(services, dataset_id) for dataset_id in uploads} == {ada.id}


def test_what_the_script_has_sent_is_theirs_too(visitor, client, services, ada):
    dataset_id = client.post("/samples/harbour-bikes").json["session_id"]
    client.post(f"/datasets/{dataset_id}/arrival")
    sign_in(visitor)
    assert owner(services, dataset_id) == ada.id


def test_the_start_says_who_sees_the_data_and_when_they_go(visitor, ada):
    text = visitor.visit("/").text
    assert "It is deleted by itself 3 days after the upload, with everything made from it." in text
    assert "whoever has the address of its page can open it" in text
    sign_in(visitor)
    text = visitor.visit("/").text
    assert "Only you can open it, with your account." in text
    assert "It is kept until you delete it; your datasets together may take 5 GiB." in text
    assert "3 days" not in text


def test_what_somebody_else_took_meanwhile_stays_theirs(visitor, services, ada):
    dataset_id = upload(visitor)
    claim_dataset(services, Caller("bob"), dataset_id)
    sign_in(visitor)
    assert visitor.status == 200
    assert owner(services, dataset_id) == "bob"


def test_other_browsers_uploads_are_left_alone(visitor, app, services, ada):
    other = app.test_client().post("/samples/harbour-bikes").json["session_id"]
    upload(visitor)
    sign_in(visitor)
    assert owner(services, other) == VISITORS


def test_the_cookie_stays_small(visitor, client, ada):
    for _ in range(22):
        client.post("/datasets/sample", headers={"Accept": "text/html"})
    assert len(client.get_cookie("tunebook_session").value) < 2000
    with client.session_transaction() as session:
        assert len(session["uploaded"]) == 20


def test_settings_are_for_those_who_signed_in(visitor):
    visitor.visit("/settings")
    assert visitor.path == "/sign-in"
