"""What finished runs were predicted to take, and what they took.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs that were finished before are not measured after the fact."""
    op.create_table(
        "measurements",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("model_id", sa.String(255), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("gpu", sa.String(255), nullable=False),
        sa.Column("miniature", sa.Boolean, nullable=False),
        sa.Column("predicted_seconds", sa.Double, nullable=False),
        sa.Column("measured_seconds", sa.Double, nullable=False),
        sa.Column("predicted_bytes", sa.BigInteger, nullable=False),
        sa.Column("measured_bytes", sa.BigInteger),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_measurements"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_measurements_job_id", ondelete="CASCADE"),
        sa.UniqueConstraint("job_id", name="uq_measurements_job_id"),
    )


def downgrade() -> None:
    """The measurements are lost."""
    op.drop_table("measurements")
