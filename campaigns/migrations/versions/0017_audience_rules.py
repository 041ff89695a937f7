"""Rules of audiences, and the stages that conversions bring people to."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Audiences that are there are lists; no conversion changes a stage."""
    with op.batch_alter_table("audiences") as table:
        table.add_column(sa.Column("rule", sa.JSON(), nullable=True, comment="null: it is a list"))
    with op.batch_alter_table("advertisers") as table:
        table.add_column(
            sa.Column("lifecycle", sa.JSON(), nullable=False, server_default="{}", comment="stages by conversions")
        )
    with op.batch_alter_table("advertisers") as table:
        table.alter_column("lifecycle", server_default=None)


def downgrade() -> None:
    """Audiences by rules become lists of whoever is in them."""
    with op.batch_alter_table("audiences") as table:
        table.drop_column("rule")
    with op.batch_alter_table("advertisers") as table:
        table.drop_column("lifecycle")
