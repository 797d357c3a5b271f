"""Migrations: from nothing, again, from two processes at once, and never behind the tables."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from webapp.errors import Problem
from webapp.storage import Database, migrate, tables
from webapp.storage.engine import database_url, open_engine
from webapp.storage.files import make_folder

pytestmark = pytest.mark.timeout(60)

START = """
import sys
from webapp.storage import Database
db = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
db.migrate()
db.close()
"""


def test_an_empty_place_becomes_a_store(empty_url):
    db = Database(empty_url)
    db.migrate()
    names = set(inspect(db.engine).get_table_names())
    db.close()
    assert names == {
        "accounts",
        "alembic_version",
        "api_keys",
        "audit_events",
        "refresh_tokens",
        "sign_ins",
        "upload_parts",
        "uploads",
        "datasets",
        "notebooks",
        "data_links",
        "jobs",
        "job_events",
        "measurements",
        "stream_tickets",
    }


def test_a_second_start_changes_nothing(db):
    with db.session() as session:
        session.add(tables.Dataset(filename="f", size=1, sha256="", blob=""))
    db.migrate()
    with db.reading() as session:
        assert session.query(tables.Dataset).count() == 1


def test_the_migrations_lead_to_exactly_the_tables_in_the_code(db):
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, tables.Base.metadata) == []


def test_two_processes_may_start_at_once(empty_url):
    command = [sys.executable, "-W", "error", "-c", START, empty_url]
    starts = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for start in starts:
        assert start.stdout.readline() == "ready\n"
    for start in starts:
        start.stdin.write("go\n")
        start.stdin.flush()
    answers = [start.communicate(timeout=30) for start in starts]
    assert [start.returncode for start in starts] == [0, 0, 0], answers
    db = Database(empty_url)
    assert "jobs" in inspect(db.engine).get_table_names()
    db.close()


def test_a_store_from_a_newer_version_is_left_alone(db):
    with db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Problem) as caught:
        db.migrate()
    assert caught.value.code == "storage_unavailable"


def test_a_folder_with_odd_signs_is_fine(tmp_path):
    db = Database(f"sqlite:///{tmp_path / 'a %d folder, not ours'}/tunebook.db")
    db.migrate()
    db.close()
    assert (tmp_path / "a %d folder, not ours" / "tunebook.db").exists()


def test_a_store_from_before_versions_keeps_its_datasets_and_their_notebooks(empty_url):
    url = database_url(empty_url)
    if url.get_backend_name() == "sqlite":
        make_folder(Path(url.database).parent)
    engine = open_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO datasets (id, filename, size, sha256, blob, created_at) "
            "VALUES ('d', 'f', 1, '', '', '2026-01-01')"
        )
        connection.exec_driver_sql(
            "INSERT INTO notebooks (id, dataset_id, model_id, config, blob, filename, sha256, created_at) "
            "VALUES ('n', 'd', 'm', '{}', '', 'f', '', '2026-01-01')"
        )
    engine.dispose()
    db = Database(empty_url)
    db.migrate()
    with db.reading() as session:
        dataset = session.get_one(tables.Dataset, "d")
        assert (dataset.version, dataset.root_id, dataset.current_id, dataset.operations) == (1, None, None, None)
        notebook = session.get_one(tables.Notebook, "n")
        assert (notebook.dataset_id, notebook.data_blob, notebook.encrypted) == ("d", None, False)
    db.close()


def test_nobody_else_may_read_an_sqlite_database(tmp_path):
    tmp_path.chmod(0o755)
    db = Database(f"sqlite:///{tmp_path}/tunebook.db")
    db.migrate()
    with db.session() as session:
        session.add(tables.Dataset(filename="f", size=1, sha256="", blob=""))
        session.flush()
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("tunebook.db*")}
    db.close()
    del modes["tunebook.db.lock"]
    assert modes == dict.fromkeys(("tunebook.db", "tunebook.db-wal", "tunebook.db-shm"), 0o600)
