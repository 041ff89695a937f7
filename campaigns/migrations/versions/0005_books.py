"""The ledger's whole shape: fees, entries by hand, and rows that nobody can change any more."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ONLY_GROW = ("transactions", "postings", "settlements", "credited_bids", "rates", "fee_terms")

TRANSACTIONS: tuple[sa.Column[Any], ...] = (
    sa.Column(
        "by", sa.String(length=255), nullable=False, server_default="", comment="who booked it; empty: the settler"
    ),
    sa.Column("reason", sa.Text(), nullable=False, server_default=""),
    sa.Column(
        "reference", sa.String(length=255), nullable=True, comment="what whoever booked it calls it; never twice"
    ),
    sa.Column("reverses", sa.BigInteger(), nullable=True, comment="it is the exact opposite of that one"),
    sa.Column(
        "day",
        sa.String(length=10),
        nullable=True,
        comment="of the settlements in it, in the advertiser's time zone; null: by hand",
    ),
    sa.Column(
        "hash",
        sa.String(length=64),
        nullable=False,
        server_default="",
        comment="see pacing.chain; empty: older than the chain",
    ),
)
SETTLEMENTS: tuple[sa.Column[Any], ...] = (
    sa.Column(
        "fees",
        sa.BigInteger(),
        nullable=False,
        server_default="0",
        comment="nanos of the account's currency, beside the account price",
    ),
)
COMMENTS: dict[tuple[str, str], tuple[Any, str, str]] = {
    ("accounts", "kind"): (
        sa.String(length=16),
        "advertiser, campaign, line_item, payable or fx",
        "see docs/money.md, chart of accounts",
    ),
    ("accounts", "owner"): (
        sa.BigInteger(),
        "id of the advertiser, …, exchange; 0 for fx",
        "id of the advertiser, exchange, fee …; 0 where there is one",
    ),
}
INDEXES = (
    ("reference", "reference IS NOT NULL", True),
    ("reverses", "reverses IS NOT NULL", True),
    ("booked_ns", "day IS NULL", False),
)


def upgrade() -> None:
    with op.batch_alter_table("transactions") as table:
        for column in TRANSACTIONS:
            table.add_column(column)
        table.create_foreign_key("fk_transactions_reverses", "transactions", ["reverses"], ["id"])
    with op.batch_alter_table("settlements") as table:
        for column in SETTLEMENTS:
            table.add_column(column)
    _date_transactions()
    for name, columns in (("transactions", TRANSACTIONS), ("settlements", SETTLEMENTS)):
        with op.batch_alter_table(name) as table:
            for column in columns:
                if column.server_default is not None:
                    table.alter_column(column.name, server_default=None)
    for name, where, unique in INDEXES:
        condition = sa.text(where)
        op.create_index(
            f"ix_transactions_{name}",
            "transactions",
            [name],
            unique=unique,
            sqlite_where=condition,
            postgresql_where=condition,
        )
    op.create_table(
        "credited_bids",
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("bid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["transaction_id"], ["transactions.id"], name="fk_credited_bids_transaction_id"),
        sa.PrimaryKeyConstraint("transaction_id", "bid", name="pk_credited_bids"),
        comment="What invalid traffic was given back for: once a bid, unless that was reversed",
    )
    op.create_index("ix_credited_bids_bid", "credited_bids", ["bid"], unique=False)
    op.drop_table("spend_days")  # sums by quarters of an hour stand for it
    _comment(new=True)
    _forbid_changes()


def downgrade() -> None:
    """Who booked what, and why, is lost."""
    _allow_changes()
    _comment(new=False)
    _sum_up_days()
    op.drop_table("credited_bids")
    for name, _, _ in INDEXES:
        op.drop_index(f"ix_transactions_{name}", "transactions")
    with op.batch_alter_table("settlements") as table:
        for column in SETTLEMENTS:
            table.drop_column(column.name)
    with op.batch_alter_table("transactions") as table:
        table.drop_constraint("fk_transactions_reverses", type_="foreignkey")
        for column in TRANSACTIONS:
            table.drop_column(column.name)


def _comment(*, new: bool) -> None:
    if op.get_bind().dialect.name == "sqlite":
        return  # it keeps none
    for (table, column), (kind, *texts) in COMMENTS.items():
        before, after = texts if new else reversed(texts)
        op.alter_column(
            table, column, comment=after, existing_comment=before, existing_type=kind, existing_nullable=False
        )


def _date_transactions() -> None:
    """What was booked before belongs to the day of its first settlement."""
    conn = op.get_bind()
    first = sa.text(
        "SELECT s.transaction_id, min(s.received_ns), coalesce(min(a.time_zone), 'UTC') FROM settlements s "
        "LEFT JOIN advertisers a ON a.id = s.advertiser GROUP BY s.transaction_id"
    )
    days = [
        {"id": id_, "day": datetime.fromtimestamp(received_ns // 10**9, ZoneInfo(zone)).date().isoformat()}
        for id_, received_ns, zone in conn.execute(first)
    ]
    if days:
        conn.execute(sa.text("UPDATE transactions SET day = :day WHERE id = :id"), days)


def _sum_up_days() -> None:
    op.create_table(
        "spend_days",
        sa.Column("line_item", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "day",
            sa.String(length=10),
            nullable=False,
            comment="of receiving, in the advertiser's time zone: YYYY-MM-DD",
        ),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("line_item", "day", name="pk_spend_days"),
    )
    op.execute(
        "INSERT INTO spend_days (line_item, day, campaign, amount) "
        "SELECT s.line_item, t.day, MIN(s.campaign), SUM(s.account_price) FROM settlements s "
        "JOIN settlements first ON first.bid = s.bid AND first.number = 0 "
        "JOIN transactions t ON t.id = first.transaction_id GROUP BY s.line_item, t.day"
    )


def _forbid_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in ONLY_GROW:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} only grows: its rows are never changed or deleted'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION outbid_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'% only grows: its rows are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; "
        "END $$"
    )
    for table in ONLY_GROW:
        for change, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            name = f"{table}_no_{change.split()[0].lower()}"
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {change} ON {table} FOR EACH {each} EXECUTE FUNCTION outbid_only_grows()"
            )


def _allow_changes() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in ONLY_GROW:
        for change in ("update", "delete" if sqlite else "truncate"):
            op.execute(f"DROP TRIGGER {table}_no_{change}" + ("" if sqlite else f" ON {table}"))
    if not sqlite:
        op.execute("DROP FUNCTION outbid_only_grows()")
