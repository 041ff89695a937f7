"""How line items bid, what came of their impressions, and what their goals' controllers know."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COLUMNS = (
    ("strategy", sa.JSON(), "{}", "the fields of `domain.strategy.Strategy` that are set"),
    ("bid_cap_cpm", sa.BigInteger(), "0", "0: bid_cpm"),
    ("multipliers", sa.JSON(), "[]", None),
)


def upgrade() -> None:
    """Line items that are there bid a fixed CPM; what came of their impressions before is not counted."""
    with op.batch_alter_table("line_items") as table:
        for name, kind, default, comment in COLUMNS:
            table.add_column(sa.Column(name, kind, nullable=False, server_default=default, comment=comment))
    with op.batch_alter_table("line_items") as table:
        for name, _, _, _ in COLUMNS:
            table.alter_column(name, server_default=None)
    op.create_table(
        "results",
        sa.Column("line_item", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("creative", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("conversions", sa.BigInteger(), nullable=False, comment="those that the line item's strategy counts"),
        sa.Column("value", sa.BigInteger(), nullable=False, comment="of these: nanos of the advertiser's currency"),
        sa.Column("valued", sa.BigInteger(), nullable=False, comment="how many of these told a value"),
        comment="What came of impressions, by the notices of trackers: what priors and goals are worked out from",
    )
    op.create_table(
        "goals",
        sa.Column("line_item", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("state", sa.LargeBinary(), nullable=False, comment="msgpack of `pacing.goals.Kept`"),
        comment="What the controllers of line items' goals know",
    )


def downgrade() -> None:
    """All bid a fixed CPM: those that worked bids out are paused, for they have none."""
    op.drop_table("goals")
    op.drop_table("results")
    items = sa.table("line_items", sa.column("bid_cpm"), sa.column("bid_cap_cpm"), sa.column("status"))
    none = items.c.bid_cpm == 0
    op.execute(items.update().where(none).values(bid_cpm=items.c.bid_cap_cpm, status="paused"))
    with op.batch_alter_table("line_items") as table:
        for name, _, _, _ in reversed(COLUMNS):
            table.drop_column(name)
