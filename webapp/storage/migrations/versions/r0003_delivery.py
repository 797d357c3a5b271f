"""How a notebook's rows travel: the file that they are, and the links to such files.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Every notebook that is there carries its rows in the clear."""
    with op.batch_alter_table("notebooks") as table:
        table.add_column(sa.Column("data_blob", sa.Text))
        table.add_column(sa.Column("encrypted", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "data_links",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("owner", sa.String(255)),
        sa.Column("notebook_id", sa.String(36), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("blob", sa.Text, nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("revoked_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_data_links"),
        sa.ForeignKeyConstraint(
            ["notebook_id"], ["notebooks.id"], name="fk_data_links_notebook_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("token_sha256", name="uq_data_links_token_sha256"),
    )
    op.create_index("ix_data_links_owner", "data_links", ["owner"])
    op.create_index("ix_data_links_notebook_id", "data_links", ["notebook_id"])


def downgrade() -> None:
    """The links end; notebooks that fetch their rows need them by hand."""
    op.drop_table("data_links")
    with op.batch_alter_table("notebooks") as table:
        for name in ("data_blob", "encrypted"):
            table.drop_column(name)
