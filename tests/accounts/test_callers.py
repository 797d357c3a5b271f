"""Whose is this? One function, every table."""

import pytest
from sqlalchemy import select

from webapp.accounts import LOCAL, Caller, owned
from webapp.storage import Database
from webapp.storage.tables import Dataset, Job, Notebook


@pytest.fixture
def db(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'tunebook.db'}")
    database.migrate()
    with database.session() as session:
        for owner in ("ada", "bob", None):
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
        (LOCAL, {"ada", "bob", None}),
        (Caller("ada"), {"ada"}),
        (Caller("eve"), set()),
        (Caller(""), set()),
        (Caller(None), set()),
    ],
)
def test_each_sees_their_own(db, table, caller, owners):
    with db.reading() as session:
        rows = session.scalars(owned(select(table), table, caller)).all()
    assert {row.owner for row in rows} == owners
