"""Corrections of booked prices, and what of each exchange's spend is late or estimated."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ADDED = {
    "settlements": (
        sa.Column("number", sa.Integer(), nullable=False, server_default="0", comment=">0: a correction, in order"),
        sa.Column("old_price", sa.BigInteger(), nullable=True, comment="of a correction: what it replaces"),
        sa.Column("reason", sa.String(length=255), nullable=False, server_default=""),
        sa.Column("terms", sa.BigInteger(), nullable=False, server_default="0", comment="fee terms; 0: no fees"),
    ),
    "exchange_totals": (
        sa.Column("late", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("estimated", sa.BigInteger(), nullable=False, server_default="0"),
    ),
}
OLD = (
    "told by the win notice: the price if the billing tells none",
    "One row a billed bid: the journal that the transactions sum up",
)
NEW = (
    "the first that was told: it counts if the billing tells none",
    "One row a billed bid, and one a correction of its price: the journal that the transactions sum up",
)
"""Comments: of flights.told_price, and of settlements."""
LATE = 4
"""`domain.events.Mark.LATE`"""


def upgrade() -> None:
    with op.batch_alter_table("settlements") as table:
        for column in ADDED["settlements"]:
            table.add_column(column)
        table.drop_constraint("uq_settlements_bid", type_="unique")
        table.create_unique_constraint("uq_settlements_bid_number", ["bid", "number"])
    with op.batch_alter_table("exchange_totals") as table:
        for column in ADDED["exchange_totals"]:
            table.add_column(column)
    same = "s.exchange = exchange_totals.exchange AND s.currency = exchange_totals.currency"
    for name, of in (("late", f"(s.marks & {LATE}) != 0"), ("estimated", "s.estimated")):
        counted = f"SELECT count(*) FROM settlements s WHERE {same} AND {of}"
        op.execute(f"UPDATE exchange_totals SET {name} = ({counted})")
    with op.batch_alter_table("flights") as table:
        table.alter_column("win_price", new_column_name="told_price")
    _comment(*NEW)
    for changed, columns in ADDED.items():
        with op.batch_alter_table(changed) as table:
            for column in columns:
                if column.server_default is not None:
                    table.alter_column(column.name, server_default=None)


def downgrade() -> None:
    """Corrections go into the settlements that they correct: the older schema has one row a bid."""
    sums = "SELECT sum({0}) FROM settlements s WHERE s.bid = settlements.bid"
    changed = ", ".join(f"{name} = ({sums.format(name)})" for name in ("price", "account_price"))
    op.execute(f"UPDATE settlements SET {changed} WHERE number = 0")
    op.execute("DELETE FROM settlements WHERE number > 0")
    _comment(*OLD)
    with op.batch_alter_table("flights") as table:
        table.alter_column("told_price", new_column_name="win_price")
    with op.batch_alter_table("exchange_totals") as table:
        for column in ADDED["exchange_totals"]:
            table.drop_column(column.name)
    with op.batch_alter_table("settlements") as table:
        table.drop_constraint("uq_settlements_bid_number", type_="unique")
        table.create_unique_constraint("uq_settlements_bid", ["bid"])
        for column in ADDED["settlements"]:
            table.drop_column(column.name)


def _comment(price: str, settlements: str) -> None:
    if op.get_bind().dialect.name != "sqlite":  # which keeps none
        op.alter_column("flights", "told_price", comment=price, existing_type=sa.BigInteger(), existing_nullable=True)
        op.create_table_comment("settlements", settlements)
