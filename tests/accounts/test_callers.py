"""Whose is this? One function, every table."""

import pytest
from sqlalchemy import select

from webapp.accounts import LOCAL, VISITOR, VISITORS, Caller, owned, reachable
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, Notebook


@pytest.fixture
def db(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'tunebook.db'}")
    database.migrate()
    with database.session() as session:
        for owner in ("ada", "bob", VISITORS, None):
            session.add(dataset := Dataset(owner=owner, filename="f", size=1, sha256="", blob=""))
            session.flush()
            given = {"owner": owner, "dataset_id": dataset.id}
            session.add(Notebook(**given, model_id="m", config={}, blob="", filename="", sha256=""))
            session.add(Job(**given, kind="analysis"))
    yield database
    database.close()


@pytest.mark.parametrize("table", [Dataset, Notebook, Job])
@pytest.mark.parametrize(
    ("caller", "owners"),
    [
        (LOCAL, {"ada", "bob", VISITORS, None}),
        (Caller("ada"), {"ada"}),
        (Caller("eve"), set()),
        (Caller(""), set()),
        (Caller(None), set()),
        (VISITOR, set()),
    ],
)
def test_each_sees_their_own(db, table, caller, owners):
    with db.reading() as session:
        rows = session.scalars(owned(select(table), table, caller)).all()
    assert {row.owner for row in rows} == owners


@pytest.mark.parametrize("table", [Dataset, Notebook, Job])
@pytest.mark.parametrize(
    ("caller", "owners"),
    [
        (LOCAL, {"ada", "bob", VISITORS, None}),
        (Caller("ada"), {"ada", VISITORS}),
        (VISITOR, {VISITORS}),
        (Caller(None), set()),
    ],
)
def test_what_visitors_made_is_reached_by_its_id(db, table, caller, owners):
    with db.reading() as session:
        rows = session.scalars(reachable(select(table), table, caller)).all()
    assert {row.owner for row in rows} == owners
