"""Who comes to PostgreSQL by another way than the app sees their own rows, and nothing without a token."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.exc import DBAPIError

from tests.databases import on_postgresql
from webapp.storage.people import Account, ApiKey, AuditEvent
from webapp.storage.tables import Base, Dataset, Job, JobEvent, Measurement, Notebook, Upload, utc_now

pytestmark = on_postgresql
ADA, EVE = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000e"
TABLES = sorted(Base.metadata.tables)
OWNED = ("datasets", "uploads", "notebooks", "jobs", "job_events")


@pytest.fixture
def rows(db) -> None:
    """Of Ada, of Eve, of visitors and of nobody, in every table that has an owner."""
    with db.session() as session:
        for number, owner in enumerate((ADA, EVE, "anonymous", None)):
            name = f"{number}"
            session.add(Dataset(id=name, owner=owner, filename="f", size=1, sha256="0" * 64, blob="b"))
            session.flush()
            session.add(
                Upload(
                    owner=owner,
                    filename="f",
                    mime_type="text/plain",
                    purpose="fine-tune",
                    size=1,
                    expires_at=utc_now(),
                )
            )
            session.add(
                Notebook(
                    id=name, owner=owner, dataset_id=name, model_id="m", config={}, blob="b", filename="f", sha256="0"
                )
            )
            session.add(Job(id=name, kind="analysis", owner=owner, dataset_id=name, params={}))
            session.flush()
            for kind in ("status", "traceback"):
                session.add(JobEvent(job_id=name, attempt=1, type=kind, data={}))
            measured = {"predicted_seconds": 1.0, "measured_seconds": 1.0, "predicted_bytes": 1}
            session.add(Measurement(job_id=name, model_id="m", method="lora", gpu="t4", miniature=False, **measured))
            session.add(AuditEvent(owner=owner, action="deleted", details={}, address=""))
        session.add(Account(email="ada@example.org", name="Ada", password_hash="x"))
        session.add(ApiKey(owner=ADA, name="k", prefix="tb_", key_sha256="0" * 64, permissions=["read"]))


@pytest.fixture
def stranger(db, rows) -> Iterator[Callable[..., Connection]]:
    """A connection of a role that was granted all tables, as Supabase grants them, with the claims of a token."""
    with db.engine.connect() as connection:
        connection.execute(
            text("""
            DO $$ BEGIN CREATE ROLE stranger NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            GRANT USAGE ON SCHEMA public TO stranger;
            GRANT ALL ON ALL TABLES IN SCHEMA public TO stranger;
            GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO stranger;
        """)
        )
        connection.execute(text("SET LOCAL ROLE stranger"))

        def with_claims(claims: dict[str, Any] | str | None) -> Connection:
            if claims is None:
                return connection
            given = claims if isinstance(claims, str) else json.dumps(claims)
            connection.execute(text("SELECT set_config('request.jwt.claims', :claims, true)"), {"claims": given})
            return connection

        yield with_claims
        connection.rollback()


def count(connection: Connection, table: str) -> int:
    return connection.execute(select(func.count()).select_from(text(table))).scalar_one()


def test_a_person_sees_what_is_theirs_and_no_other_table(stranger):
    connection = stranger({"sub": ADA, "role": "authenticated"})
    seen = {table: count(connection, table) for table in (*TABLES, "alembic_version")}
    assert {table for table, rows in seen.items() if rows} == set(OWNED)
    assert {seen[table] for table in OWNED} == {1}


def test_it_is_theirs_and_no_others(stranger):
    owners = {
        person: stranger({"sub": person}).execute(text("SELECT owner FROM datasets")).scalars().all()
        for person in (ADA, EVE)
    }
    assert owners == {ADA: [ADA], EVE: [EVE]}


def test_nobody_sees_nothing(stranger):
    for claims in (None, "", {"role": "anon"}, {"sub": None}, {"sub": ""}, {"sub": "0"}):
        connection = stranger(claims)
        assert [table for table in TABLES if count(connection, table)] == []


def test_where_the_app_broke_is_for_nobody_else(stranger):
    kinds = stranger({"sub": ADA}).execute(text("SELECT type FROM job_events")).scalars().all()
    assert kinds == ["status"]


def test_what_is_theirs_is_changed_through_the_app_alone(stranger):
    connection = stranger({"sub": ADA})
    assert [table for table in OWNED if connection.execute(delete(Base.metadata.tables[table])).rowcount] == []


def test_nobody_adds_rows_by_another_way(stranger):
    added = text(
        "INSERT INTO stream_tickets (ticket_sha256, job_id, owner, expires_at) VALUES ('x', '0', :owner, now())"
    )
    with pytest.raises(DBAPIError, match="row-level security"):
        stranger({"sub": ADA}).execute(added, {"owner": ADA})


def test_the_app_itself_sees_everything(db, rows):
    with db.engine.connect() as connection:
        assert count(connection, "datasets") == 4


def test_no_table_is_without_it(db):
    unguarded = text("""
        SELECT relname FROM pg_class
        WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND NOT relrowsecurity
    """)
    with db.engine.connect() as connection:
        assert connection.execute(unguarded).scalars().all() == []


def test_no_view_goes_around_it(db):
    views = text("SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace")
    with db.engine.connect() as connection:
        assert connection.execute(views).scalars().all() == []
