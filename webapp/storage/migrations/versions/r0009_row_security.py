"""Row-level security on PostgreSQL: whoever comes to the tables by another way than the app sees their own rows.

That way is Supabase's own API, open to everyone who has its publishable key: it sets `request.jwt.claims` to the claims
of the token that it has checked. The app owns the tables, and what owns a table is not held up by its policies.

Revision ID: 0009
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# A table without a policy shows nothing, and none can be written.
TABLES = (
    "datasets",
    "uploads",
    "upload_parts",
    "notebooks",
    "data_links",
    "jobs",
    "job_events",
    "stream_tickets",
    "measurements",
    "accounts",
    "sign_ins",
    "refresh_tokens",
    "api_keys",
    "audit_events",
    "alembic_version",
)
# As a query of its own it is asked once, not for every row. What the setting was put back to is '', not JSON.
_PERSON = "(SELECT nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub')"
_SEEN = {
    "datasets": f"owner = {_PERSON}",
    "uploads": f"owner = {_PERSON}",
    "notebooks": f"owner = {_PERSON}",
    "jobs": f"owner = {_PERSON}",
    "job_events": "type <> 'traceback' AND EXISTS "
    f"(SELECT FROM jobs WHERE jobs.id = job_events.job_id AND jobs.owner = {_PERSON})",
}


def upgrade() -> None:
    """Nothing on SQLite, which nobody else reaches."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    for table, condition in _SEEN.items():
        op.execute(f"CREATE POLICY own_rows ON {table} FOR SELECT USING ({condition})")


def downgrade() -> None:
    """Every role that was granted a table sees all of it again."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in _SEEN:
        op.execute(f"DROP POLICY own_rows ON {table}")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
