"""`tunebook accounts`: the first account, and those of people who cannot register."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from webapp.accounts import directory
from webapp.accounts.passwords import is_password
from webapp.cli import main
from webapp.storage import Blobs, Database
from webapp.storage.people import AuditEvent
from webapp.storage.tables import Dataset, Job, new_id
from webapp.workflow import deleting

pytestmark = pytest.mark.usefixtures("quick_passwords")
EMAIL, PASSWORD = "ada@example.org", "correct horse battery"


@pytest.fixture
def db(database_url):
    made = Database(database_url)
    yield made
    made.close()


@pytest.fixture
def tunebook(database_url):
    def run(*arguments, typed=None):
        return CliRunner().invoke(main, ["accounts", *arguments], input=typed, env={"DATABASE_URL": database_url})

    return run


def account(db):
    with db.reading() as session:
        return directory.find_account(session, EMAIL)


@pytest.fixture
def ada(tunebook, db):
    assert tunebook("add", EMAIL, "--name", "Ada", "--password-stdin", typed=PASSWORD + "\n").exit_code == 0
    return account(db)


def test_a_password_comes_from_stdin(ada):
    assert (ada.name, ada.tier) == ("Ada", "free")
    assert is_password(PASSWORD, ada.password_hash)


def test_or_is_asked_for_twice_and_never_shown(tunebook, db):
    done = tunebook("add", EMAIL, "--tier", "pro", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0
    assert PASSWORD not in done.output
    assert account(db).tier == "pro"


def test_the_tables_are_made_where_there_are_none(tmp_path):
    environment = {"TUNEBOOK_HOME": str(tmp_path / "home")}
    arguments = ["accounts", "add", EMAIL, "--password-stdin"]
    assert CliRunner().invoke(main, arguments, input=PASSWORD, env=environment).exit_code == 0
    assert EMAIL in CliRunner().invoke(main, ["accounts", "list"], env=environment).output


def test_the_list_is_one_json_document(tunebook, ada):
    (listed,) = json.loads(tunebook("list", "--json").stdout)
    assert listed["email"] == EMAIL
    assert set(listed) == {"id", "email", "name", "tier", "created_at"}
    assert EMAIL in tunebook("list").stdout


def test_a_tier_is_changed(tunebook, ada, db):
    assert tunebook("tier", EMAIL, "pro").exit_code == 0
    assert account(db).tier == "pro"


def test_a_password_is_changed(tunebook, ada, db):
    assert tunebook("password", EMAIL, "--password-stdin", typed="another one altogether").exit_code == 0
    assert is_password("another one altogether", account(db).password_hash)


def test_an_account_is_removed(tunebook, ada, db):
    assert tunebook("remove", EMAIL).exit_code == 0
    assert account(db) is None


def test_an_account_with_data_is_not(tunebook, ada, db):
    with db.session() as session:
        session.add(Dataset(owner=ada.id, filename="f", size=1, sha256="", blob=""))
    done = tunebook("remove", EMAIL)
    assert done.exit_code == 1
    assert "has 1 datasets" in done.stderr
    assert account(db).id == ada.id


def test_an_account_goes_with_its_data_where_that_is_asked_for(tunebook, ada, db, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEBOOK_HOME", str(tmp_path / "home"))
    tunebook("add", "ben@example.org", "--password-stdin", typed=PASSWORD)
    blobs = Blobs(tmp_path / "home" / "files")
    for owner in (ada.id, directory.find_person(db, "ben@example.org").id):
        dataset = Dataset(id=new_id(), owner=owner, filename="f", size=3, sha256="", blob="")
        blobs.add(f"datasets/{dataset.id}", [b"abc"])
        with db.session() as session:
            session.add(dataset)
    done = tunebook("remove", EMAIL, "--with-data")
    assert done.exit_code == 0, done.output
    assert "deleted: 1 versions of datasets, 0 notebooks, 0 jobs, 0 uploads; 1 files of 3 bytes" in done.output
    assert f"removed: {EMAIL}" in done.output
    assert account(db) is None
    with db.reading() as session:
        (left,) = session.scalars(select(Dataset))
        assert [event for event in session.scalars(select(AuditEvent)) if event.owner == ada.id] == []
    assert left.id == dataset.id
    assert [path.name for path in (tmp_path / "home" / "files" / "datasets").iterdir()] == [dataset.id]


def test_its_data_stay_while_a_job_of_it_runs(tunebook, ada, db, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNEBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(deleting, "WAIT_SECONDS", 0.0)
    with db.session() as session:
        session.add(dataset := Dataset(owner=ada.id, filename="f", size=1, sha256="", blob=""))
        session.flush()
        session.add(Job(kind="analysis", owner=ada.id, dataset_id=dataset.id, status="running"))
    done = tunebook("remove", EMAIL, "--with-data")
    assert done.exit_code == 1
    assert "still running" in done.stderr
    assert account(db).id == ada.id


@pytest.mark.parametrize(
    ("arguments", "typed", "sentence"),
    [
        (["add", "nobody", "--password-stdin"], PASSWORD, "no email address"),
        (["add", EMAIL, "--password-stdin"], "short", "at least 10 characters"),
        (["tier", "x@example.org", "pro"], None, "no account"),
        (["remove", "x@example.org"], None, "no account"),
        (["remove", "x@example.org", "--with-data"], None, "no account"),
    ],
)
def test_what_does_not_work_is_told_in_a_sentence(tunebook, arguments, typed, sentence):
    done = tunebook(*arguments, typed=typed)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.output


def test_the_command_loads_what_it_works_with_when_it_is_called():
    code = "import sys, webapp.commands.accounts; print(*({'sqlalchemy', 'argon2', 'alembic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
