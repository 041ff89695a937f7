"""What line items ask of people's risk and credit scores."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Line items that are there ask nothing."""
    comment = "the fields of `domain.worth.RiskRules` that are set"
    with op.batch_alter_table("line_items") as table:
        table.add_column(sa.Column("risk", sa.JSON(), nullable=False, server_default="{}", comment=comment))
    with op.batch_alter_table("line_items") as table:
        table.alter_column("risk", server_default=None)


def downgrade() -> None:
    """What was bid by credit value is paused, and would bid a fixed CPM: its cap."""
    items = sa.table(
        "line_items",
        sa.column("id"),
        sa.column("strategy", sa.JSON()),
        sa.column("bid_cpm"),
        sa.column("bid_cap_cpm"),
        sa.column("status"),
    )
    found = op.get_bind().execute(sa.select(items.c.id, items.c.strategy)).all()
    for id_, strategy in found:
        if strategy.get("name") == "credit_value":
            changed = items.update().where(items.c.id == id_)
            op.execute(changed.values(strategy={}, bid_cpm=items.c.bid_cap_cpm, status="paused"))
    with op.batch_alter_table("line_items") as table:
        table.drop_column("risk")
