"""What people call a job and note about it, how long it may take, and the order in which jobs are listed.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Jobs that are there have no name, and the time that their kind has."""
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("name", sa.Text))
        table.add_column(sa.Column("note", sa.Text))
        table.add_column(sa.Column("timeout_seconds", sa.Double))
    op.create_index("ix_jobs_created_at_id", "jobs", ["created_at", "id"])


def downgrade() -> None:
    """Names, notes and limits are lost."""
    op.drop_index("ix_jobs_created_at_id", "jobs")
    with op.batch_alter_table("jobs") as table:
        for name in ("name", "note", "timeout_seconds"):
            table.drop_column(name)
