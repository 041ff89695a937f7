"""What is spent by quarters of an hour and altogether; leases that count bids."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

QUARTER_NS = 900 * 10**9


def upgrade() -> None:
    op.create_table(
        "spend_totals",
        sa.Column("line_item", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="fees included"),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("line_item", name="pk_spend_totals"),
    )
    op.create_table(
        "spend_quarters",
        sa.Column("line_item", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "quarter",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="of an hour, of receiving: counted from 1970 in UTC",
        ),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="fees included"),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("line_item", "quarter", name="pk_spend_quarters"),
        comment="Of the last days: hours and days of any time zone are sums of these",
    )
    op.execute(
        "INSERT INTO spend_totals (line_item, campaign, amount, impressions) "
        "SELECT line_item, campaign, SUM(account_price), COUNT(*) FROM settlements GROUP BY line_item, campaign"
    )
    op.execute(
        "INSERT INTO spend_quarters (line_item, quarter, campaign, amount, impressions) "
        f"SELECT line_item, received_ns / {QUARTER_NS}, campaign, SUM(account_price), COUNT(*) FROM settlements "
        f"WHERE received_ns > (SELECT MAX(received_ns) FROM settlements) - {288 * QUARTER_NS} "
        f"GROUP BY line_item, received_ns / {QUARTER_NS}, campaign"
    )
    with op.batch_alter_table("leases") as table:
        table.add_column(sa.Column("granted_bids", sa.BigInteger(), comment="null: bids are not counted"))
        table.add_column(sa.Column("released_bids", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("reserved_bids", sa.BigInteger()))
    with op.batch_alter_table("leases") as table:
        table.alter_column("released_bids", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("leases") as table:
        for column in ("granted_bids", "released_bids", "reserved_bids"):
            table.drop_column(column)
    op.drop_table("spend_quarters")
    op.drop_table("spend_totals")
