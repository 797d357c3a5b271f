"""What is kept of a person beside their data, and that all of it goes."""

import pytest

from webapp.accounts import Caller, audit
from webapp.accounts.keys import make_key
from webapp.accounts.traces import Traces, forget, traces
from webapp.errors import Problem
from webapp.storage.people import Account, SignIn
from webapp.storage.tables import Dataset, Job, StreamTicket, utc_now

NOTHING = Traces(0, 0, 0)


@pytest.fixture
def people(db):
    """Two, with the same of each; the second has a dataset, too."""
    made = []
    for name in ("ada", "ben"):
        with db.session() as session:
            session.add(account := Account(email=f"{name}@example.org", name=name, password_hash=""))
            session.flush()
            session.add(SignIn(account_id=account.id, expires_at=utc_now()))
            make_key(session, Caller(account.id), "CI", ["read"], None)
            audit.record(session, Caller(account.id), "downloaded", "x")
            made.append(account.id)
    with db.session() as session:
        session.add(dataset := Dataset(owner=made[1], filename="f", size=1, sha256="", blob=""))
        session.flush()
        session.add(job := Job(kind="analysis", owner=made[1], dataset_id=dataset.id))
        session.flush()
        for number, owner in enumerate(made):
            session.add(StreamTicket(ticket_sha256=f"{number}", job_id=job.id, owner=owner, expires_at=utc_now()))
    return made


def kept(db, owner):
    with db.reading() as session:
        return traces(session, owner), [
            ticket for ticket in ("0", "1") if (row := session.get(StreamTicket, ticket)) and row.owner == owner
        ]


def test_one_is_forgotten_and_the_other_is_not(db, people):
    ada, ben = people
    # The sign-in is there besides; a key made is written down, too.
    assert kept(db, ada) == (Traces(1, 1, 2), ["0"])
    with db.session() as session:
        forget(session, ada)
    assert kept(db, ada) == (NOTHING, [])
    assert kept(db, ben) == (Traces(1, 1, 2), ["1"])


def test_who_has_data_is_not_forgotten(db, people):
    _, ben = people
    with pytest.raises(Problem) as caught, db.session() as session:
        forget(session, ben)
    assert (caught.value.code, caught.value.details) == ("account_owns_data", {"datasets": 1})
    assert kept(db, ben) == (Traces(1, 1, 2), ["1"])
