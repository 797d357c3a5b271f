"""Versions of a dataset: where each came from, what made it, and which is in use.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_RELATIVES = {"root_id": "CASCADE", "parent_id": "CASCADE", "current_id": "SET NULL"}


def upgrade() -> None:
    """Every dataset that is there becomes the first version of its own."""
    with op.batch_alter_table("datasets") as table:
        for name, on_delete in _RELATIVES.items():
            table.add_column(sa.Column(name, sa.String(36)))
            table.create_foreign_key(f"fk_datasets_{name}", "datasets", [name], ["id"], ondelete=on_delete)
        table.add_column(sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")))
        table.add_column(sa.Column("operations", sa.JSON(none_as_null=True)))
        table.create_index("ix_datasets_root_id", ["root_id"])


def downgrade() -> None:
    """Later versions are datasets of their own again."""
    with op.batch_alter_table("datasets") as table:
        table.drop_index("ix_datasets_root_id")
        for name in _RELATIVES:
            table.drop_constraint(f"fk_datasets_{name}", type_="foreignkey")
        for name in (*_RELATIVES, "version", "operations"):
            table.drop_column(name)
