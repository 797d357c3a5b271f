"""The card that a notebook's settings were chosen for.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every notebook that is there was made for a T4."""
    with op.batch_alter_table("notebooks") as table:
        table.add_column(sa.Column("gpu", sa.String(64), nullable=False, server_default="t4"))
        table.add_column(sa.Column("colab_gpu", sa.String(64), nullable=False, server_default="T4"))


def downgrade() -> None:
    """The notebooks keep their settings."""
    with op.batch_alter_table("notebooks") as table:
        for name in ("gpu", "colab_gpu"):
            table.drop_column(name)
