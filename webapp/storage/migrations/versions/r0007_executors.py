"""Where a job runs and what it holds there, events that are kept once, and tickets for streams.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Jobs that are there run on this machine."""
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("executor", sa.String(16), nullable=False, server_default="local"))
        table.add_column(sa.Column("pid_started", sa.Double))
        table.add_column(sa.Column("device", sa.String(255)))
        table.add_column(sa.Column("remote", sa.Text))
    op.create_index("ix_jobs_device", "jobs", ["device"], unique=True)
    with op.batch_alter_table("job_events") as table:
        table.add_column(sa.Column("key", sa.String(120)))
    op.create_index("ix_job_events_job_id_key", "job_events", ["job_id", "key"], unique=True)
    op.create_table(
        "stream_tickets",
        sa.Column("ticket_sha256", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("owner", sa.String(255)),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_stream_tickets_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket_sha256", name="pk_stream_tickets"),
    )
    op.create_index("ix_stream_tickets_job_id", "stream_tickets", ["job_id"])


def downgrade() -> None:
    """What ran elsewhere looks as if it had run here."""
    op.drop_table("stream_tickets")
    op.drop_index("ix_job_events_job_id_key", "job_events")
    with op.batch_alter_table("job_events") as table:
        table.drop_column("key")
    op.drop_index("ix_jobs_device", "jobs")
    with op.batch_alter_table("jobs") as table:
        for name in ("executor", "pid_started", "device", "remote"):
            table.drop_column(name)
