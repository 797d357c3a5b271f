"""The accounts kept here, as whoever runs the app changes them."""

import pytest
from sqlalchemy import func, select

from webapp.accounts import directory
from webapp.accounts.keys import make_key
from webapp.accounts.passwords import is_password
from webapp.errors import Problem
from webapp.storage.people import Account, ApiKey, AuditEvent
from webapp.storage.tables import Dataset

pytestmark = pytest.mark.usefixtures("quick_passwords")
EMAIL, PASSWORD = "ada@example.org", "correct horse battery"


@pytest.fixture
def ada(db):
    return directory.add_account(db, EMAIL, PASSWORD, "Ada")


def key_of(db, account):
    with db.session() as session:
        return make_key(session, directory.caller_of_account(account, ""), "CI", ["read"], None)


def test_an_email_is_one_account_however_it_is_written(db, ada):
    with pytest.raises(Problem) as caught:
        directory.add_account(db, " ADA@Example.org ", PASSWORD)
    assert (caught.value.code, caught.value.status) == ("email_taken", 409)
    with db.reading() as session:
        assert directory.find_account(session, "Ada@EXAMPLE.org").id == ada.id


@pytest.mark.parametrize(
    "email", ["", "ada", "@example.org", "ada@", "a da@b.org", "a\x00@b.org", "é@b.org", "a" * 260 + "@b.org"]
)
def test_what_is_no_email_address_is_refused(db, email):
    with pytest.raises(Problem) as caught:
        directory.add_account(db, email, PASSWORD)
    assert (caught.value.code, caught.value.param) == ("invalid_email", "email")


@pytest.mark.parametrize("email", ["a\x00@b.org", "\ud800@b.org", "nobody@example.org", ""])
def test_whatever_is_looked_for_is_found_or_not(db, ada, email):
    with db.reading() as session:
        assert directory.find_account(session, email) is None


def test_a_name_keeps_what_can_be_seen(db):
    assert directory.add_account(db, EMAIL, PASSWORD, "A\x00d\u202ea \ud800").name == "Ada"


def test_a_tier_is_that_of_the_account_and_its_keys(db, ada):
    key_of(db, ada)
    directory.set_tier(db, EMAIL, "pro")
    with db.reading() as session:
        assert session.scalar(select(Account.tier)) == session.scalar(select(ApiKey.tier)) == "pro"


def test_a_new_password_is_the_one_that_counts(db, ada):
    directory.set_password(db, EMAIL, "another one altogether")
    with db.reading() as session:
        account = directory.find_account(session, EMAIL)
    assert is_password("another one altogether", account.password_hash)
    assert not is_password(PASSWORD, account.password_hash)


def test_nothing_is_left_of_a_removed_account(db, ada):
    key_of(db, ada)
    directory.remove_account(db, EMAIL)
    with db.reading() as session:
        left = [session.scalar(select(func.count()).select_from(table)) for table in (Account, ApiKey, AuditEvent)]
    assert left == [0, 0, 0]


def test_an_account_that_has_data_stays(db, ada):
    with db.session() as session:
        session.add(Dataset(owner=ada.id, filename="f", size=1, sha256="", blob=""))
    with pytest.raises(Problem) as caught:
        directory.remove_account(db, EMAIL)
    assert (caught.value.code, caught.value.details) == ("account_owns_data", {"datasets": 1})
    assert [account.email for account in directory.list_accounts(db)] == [EMAIL]


@pytest.mark.parametrize(
    "change",
    [
        lambda db: directory.set_tier(db, "x@example.org", "pro"),
        lambda db: directory.set_password(db, "x@example.org", PASSWORD),
        lambda db: directory.remove_account(db, "x@example.org"),
    ],
)
def test_an_account_that_is_not_there_is_said_so(db, change):
    with pytest.raises(Problem) as caught:
        change(db)
    assert caught.value.code == "account_not_found"
