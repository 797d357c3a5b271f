"""API keys: shown once, hashed, bounded in what they may do, ended at once."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from webapp.accounts import Caller, keys
from webapp.errors import Problem
from webapp.storage.people import ApiKey, AuditEvent
from webapp.storage.tables import utc_now

ADA = Caller("ada", tier="pro", address="192.0.2.1")


def make(db, caller=ADA, name="CI", permissions=("read",), expires_days=30):
    with db.session() as session:
        return keys.make_key(session, caller, name, permissions, expires_days)


def refused(db, key, address=""):
    with pytest.raises(Problem) as caught:
        keys.caller_of_key(db, key, address)
    assert caught.value.status == 401
    return caught.value.code


def test_a_key_asks_in_its_owners_place_with_its_own_permissions(db):
    made = make(db, permissions=("write", "read"))
    asking = keys.caller_of_key(db, made.text, "192.0.2.7")
    assert (asking.id, asking.tier, asking.address) == ("ada", "pro", "192.0.2.7")
    assert asking.permissions == {"read", "write"}
    assert asking.signed_in
    assert not asking.local


def test_only_its_hash_and_its_beginning_are_kept(db):
    made = make(db)
    with db.reading() as session:
        row = session.scalar(select(ApiKey))
        texts = [str(value) for value in vars(row).values()]
        texts += [str(event.details) for event in session.scalars(select(AuditEvent))]
    assert made.text.startswith(row.prefix)
    assert len(row.prefix) < len(made.text) / 4
    assert not any(made.text in text for text in texts)


def test_two_keys_are_never_the_same(db):
    assert make(db).text != make(db).text


def test_a_key_with_one_letter_changed_is_refused_without_asking_the_database(db):
    made = make(db)
    other = "A" if made.text[20] != "A" else "B"
    db.close()
    assert refused(None, made.text[:20] + other + made.text[21:]) == "invalid_key"


@pytest.mark.parametrize("text", ["", "tb_", "tb_" + "x" * 51, "nonsense", "tb_é" * 20, "\ud800" * 60])
def test_what_is_no_key_is_refused(db, text):
    assert refused(db, text) == "invalid_key"


def test_a_revoked_key_is_refused_at_once(db):
    made = make(db)
    with db.session() as session:
        keys.revoke_key(session, ADA, made.row.id)
    assert refused(db, made.text) == "invalid_key"


def test_nobody_revokes_anothers_key(db):
    made = make(db)
    with pytest.raises(Problem) as caught, db.session() as session:
        keys.revoke_key(session, Caller("bob"), made.row.id)
    assert caught.value.code == "key_not_found"
    assert keys.caller_of_key(db, made.text, "").id == "ada"


def test_an_expired_key_says_so(db):
    made = make(db)
    with db.session() as session:
        session.execute(update(ApiKey).values(expires_at=utc_now()))
    assert refused(db, made.text) == "key_expired"


def test_a_key_without_an_end_has_none(db):
    assert make(db, expires_days=None).row.expires_at is None


def test_everyone_lists_their_own_newest_first(db):
    make(db, name="first")
    make(db, Caller("bob"), name="bob's")
    make(db, name="second")
    with db.reading() as session:
        assert [row.name for row in keys.keys_of(session, ADA)] == ["second", "first"]


def test_a_key_makes_keys_only_with_admin_and_none_that_may_do_more(db):
    reader = Caller("ada", permissions=frozenset({"read"}))
    keeper = Caller("ada", permissions=frozenset({"read", "admin"}))
    assert make(db, keeper, permissions=("read", "admin")).row.permissions == ["read", "admin"]
    for caller, wanted, missing in ((reader, "read", "admin"), (keeper, "delete", "delete")):
        with pytest.raises(Problem) as caught:
            make(db, caller, permissions=(wanted,))
        assert (caught.value.code, caught.value.details) == ("permission_missing", {"permission": missing})


def test_there_is_an_end_to_how_many_there_are(db, monkeypatch):
    monkeypatch.setattr(keys, "MAX_KEYS", 1)
    make(db)
    make(db, Caller("bob"))
    with pytest.raises(Problem) as caught:
        make(db)
    assert caught.value.code == "too_many_keys"


def test_its_use_is_noted_once_a_minute(db):
    made = make(db)

    def used():
        keys.caller_of_key(db, made.text, "")
        with db.reading() as session:
            return session.scalar(select(ApiKey.last_used_at))

    first = used()
    assert utc_now() - first < timedelta(minutes=1)
    assert used() == first
    with db.session() as session:
        session.execute(update(ApiKey).values(last_used_at=first - timedelta(minutes=2)))
    assert used() > first - timedelta(minutes=1)


def test_making_and_revoking_are_written_down(db):
    made = make(db)
    with db.session() as session:
        keys.revoke_key(session, ADA, made.row.id)
    with db.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [(event.action, event.subject, event.address) for event in events] == [
        ("key_made", made.row.id, "192.0.2.1"),
        ("key_revoked", made.row.id, "192.0.2.1"),
    ]
