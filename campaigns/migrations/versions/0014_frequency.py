"""Frequency caps of advertisers, creatives and audiences."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLES = ("advertisers", "creatives", "audiences")


def upgrade() -> None:
    """Those that are there have none."""
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("frequency_caps", sa.JSON(), nullable=False, server_default="[]"))
        with op.batch_alter_table(name) as table:
            table.alter_column("frequency_caps", server_default=None)


def downgrade() -> None:
    """These caps are lost, and those of campaigns and line items that count by device or household."""
    for name in ("campaigns", "line_items"):
        rows = sa.table(name, sa.column("id", sa.BigInteger()), sa.column("frequency_caps", sa.JSON()))
        for id_, caps in op.get_bind().execute(sa.select(rows.c.id, rows.c.frequency_caps)).all():
            kept = [cap for cap in caps if "by" not in cap]
            if kept != caps:
                op.execute(rows.update().where(rows.c.id == id_).values(frequency_caps=kept))
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.drop_column("frequency_caps")
