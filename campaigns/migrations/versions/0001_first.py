"""The first schema: campaigns, ledger, leases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "kind", sa.String(length=16), nullable=False, comment="advertiser, campaign, line_item, payable or fx"
        ),
        sa.Column("owner", sa.BigInteger(), nullable=False, comment="id of the advertiser, …, exchange; 0 for fx"),
        sa.Column("parent", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False, comment="sum of its postings; debits are positive"),
        sa.ForeignKeyConstraint(["parent"], ["accounts.id"], name="fk_accounts_parent"),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("kind", "owner", "currency", name="uq_accounts_kind_owner_currency"),
    )
    op.create_table(
        "advertisers",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_advertisers"),
        sa.UniqueConstraint("key", name="uq_advertisers_key"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("log", sa.String(length=255), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log", name="pk_checkpoints"),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
        comment="The last id given of each kind; ids are never used again, whatever is deleted or rolled back later",
    )
    op.create_table(
        "exchange_totals",
        sa.Column("exchange", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("billed", sa.BigInteger(), nullable=False),
        sa.Column("spend", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("exchange", "currency", name="pk_exchange_totals"),
    )
    op.create_table(
        "exchanges",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("billing", sa.String(length=16), nullable=False),
        sa.Column("auction_type", sa.Integer(), nullable=False),
        sa.Column("price_source", sa.String(length=8), nullable=False),
        sa.Column("seat", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.String(length=255), nullable=False),
        sa.Column("bid_expiry_s", sa.Integer(), nullable=False),
        sa.Column("no_bid", sa.String(length=8), nullable=False),
        sa.Column("network_ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exchanges"),
        sa.UniqueConstraint("key", name="uq_exchanges_key"),
    )
    op.create_table(
        "flights",
        sa.Column("bid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False, comment="the reservation was given back once; never again"),
        sa.Column(
            "win_price",
            sa.BigInteger(),
            nullable=True,
            comment="told by the win notice: the price if the billing tells none",
        ),
        sa.PrimaryKeyConstraint("bid", name="pk_flights"),
        comment="What notices said about bids of leases that are not over yet",
    )
    op.create_index("ix_flights_lease", "flights", ["lease"], unique=False)
    op.create_table(
        "leases",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("worker", sa.BigInteger(), nullable=False),
        sa.Column("line_item", sa.BigInteger(), nullable=False),
        sa.Column("opened_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False, comment="the worker may bid from it until then"),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=False, comment="reservations of bids that were billed or lost"),
        sa.Column(
            "closed_ns", sa.BigInteger(), nullable=True, comment="control told the worker to stop, or took it for dead"
        ),
        sa.Column(
            "reserved",
            sa.BigInteger(),
            nullable=True,
            comment="the worker's final figure; without it all that was granted counts",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_leases"),
    )
    op.create_table(
        "rates",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("base", sa.String(length=3), nullable=False),
        sa.Column("quote", sa.String(length=3), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("per_unit", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rates"),
        comment="Rows are never changed, because bids in flight name them: a corrected rate is a newer row",
    )
    op.create_table(
        "revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="rises with every change to anything above"),
        sa.Column("published", sa.BigInteger(), nullable=False, comment="the version that control published last"),
        sa.Column("published_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
        comment="One row",
    )
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
    op.create_table(
        "transactions",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("booked_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_transactions"),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("registered_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "audiences",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("advertiser", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["advertiser"], ["advertisers.id"], name="fk_audiences_advertiser"),
        sa.PrimaryKeyConstraint("id", name="pk_audiences"),
        sa.UniqueConstraint("key", name="uq_audiences_key"),
    )
    op.create_index("ix_audiences_advertiser", "audiences", ["advertiser"], unique=False)
    op.create_table(
        "campaigns",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("advertiser", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("daily_budget", sa.BigInteger(), nullable=True),
        sa.Column("total_budget", sa.BigInteger(), nullable=True),
        sa.Column("frequency_caps", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(["advertiser"], ["advertisers.id"], name="fk_campaigns_advertiser"),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
        sa.UniqueConstraint("key", name="uq_campaigns_key"),
    )
    op.create_index("ix_campaigns_advertiser", "campaigns", ["advertiser"], unique=False)
    op.create_table(
        "creatives",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("advertiser", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("landing_url", sa.Text(), nullable=False),
        sa.Column("image_url", sa.Text(), nullable=False),
        sa.Column("markup", sa.Text(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("mime", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(["advertiser"], ["advertisers.id"], name="fk_creatives_advertiser"),
        sa.PrimaryKeyConstraint("id", name="pk_creatives"),
        sa.UniqueConstraint("key", name="uq_creatives_key"),
    )
    op.create_index("ix_creatives_advertiser", "creatives", ["advertiser"], unique=False)
    op.create_table(
        "deals",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=255), nullable=False),
        sa.Column("exchange", sa.BigInteger(), nullable=False),
        sa.Column("advertiser", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["advertiser"], ["advertisers.id"], name="fk_deals_advertiser"),
        sa.ForeignKeyConstraint(["exchange"], ["exchanges.id"], name="fk_deals_exchange"),
        sa.PrimaryKeyConstraint("id", name="pk_deals"),
        sa.UniqueConstraint("key", name="uq_deals_key"),
    )
    op.create_index("ix_deals_advertiser", "deals", ["advertiser"], unique=False)
    op.create_index("ix_deals_exchange", "deals", ["exchange"], unique=False)
    op.create_table(
        "postings",
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "amount", sa.BigInteger(), nullable=False, comment="debits are positive; they sum to 0 in each currency"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_postings_account_id"),
        sa.ForeignKeyConstraint(["transaction_id"], ["transactions.id"], name="fk_postings_transaction_id"),
        sa.PrimaryKeyConstraint("transaction_id", "account_id", name="pk_postings"),
    )
    op.create_index("ix_postings_account_id", "postings", ["account_id"], unique=False)
    op.create_table(
        "settlements",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("received_ns", sa.BigInteger(), nullable=False),
        sa.Column("bid", sa.BigInteger(), nullable=False),
        sa.Column("exchange", sa.BigInteger(), nullable=False),
        sa.Column("advertiser", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("line_item", sa.BigInteger(), nullable=False),
        sa.Column("creative", sa.BigInteger(), nullable=False),
        sa.Column("deal", sa.BigInteger(), nullable=False),
        sa.Column("site", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("account_price", sa.BigInteger(), nullable=False),
        sa.Column("account_currency", sa.String(length=3), nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("marks", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["transaction_id"], ["transactions.id"], name="fk_settlements_transaction_id"),
        sa.PrimaryKeyConstraint("id", name="pk_settlements"),
        sa.UniqueConstraint("bid", name="uq_settlements_bid"),
        comment="One row a billed bid: the journal that the transactions sum up",
    )
    op.create_table(
        "line_items",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bid_cpm", sa.BigInteger(), nullable=False),
        sa.Column(
            "targeting", sa.JSON(), nullable=False, comment="hours of the week are the advertiser's own here, not UTC"
        ),
        sa.Column("daily_budget", sa.BigInteger(), nullable=True),
        sa.Column("total_budget", sa.BigInteger(), nullable=True),
        sa.Column("pacing", sa.String(length=8), nullable=False),
        sa.Column("frequency_caps", sa.JSON(), nullable=False),
        sa.Column("activated_ns", sa.BigInteger(), nullable=False, comment="0: not published yet"),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(["campaign"], ["campaigns.id"], name="fk_line_items_campaign"),
        sa.PrimaryKeyConstraint("id", name="pk_line_items"),
        sa.UniqueConstraint("key", name="uq_line_items_key"),
    )
    op.create_index("ix_line_items_campaign", "line_items", ["campaign"], unique=False)
    op.create_table(
        "line_item_creatives",
        sa.Column("line_item", sa.BigInteger(), nullable=False),
        sa.Column("creative", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["creative"], ["creatives.id"], name="fk_line_item_creatives_creative"),
        sa.ForeignKeyConstraint(["line_item"], ["line_items.id"], name="fk_line_item_creatives_line_item"),
        sa.PrimaryKeyConstraint("line_item", "creative", name="pk_line_item_creatives"),
    )
    op.create_table(
        "line_item_deals",
        sa.Column("line_item", sa.BigInteger(), nullable=False),
        sa.Column("deal", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["deal"], ["deals.id"], name="fk_line_item_deals_deal"),
        sa.ForeignKeyConstraint(["line_item"], ["line_items.id"], name="fk_line_item_deals_line_item"),
        sa.PrimaryKeyConstraint("line_item", "deal", name="pk_line_item_deals"),
    )
    op.execute("INSERT INTO revision (id, version, published, published_ns) VALUES (1, 0, 0, 0)")


def downgrade() -> None:
    for table in (
        "line_item_deals",
        "line_item_creatives",
        "line_items",
        "settlements",
        "postings",
        "deals",
        "creatives",
        "campaigns",
        "audiences",
        "workers",
        "transactions",
        "spend_days",
        "revision",
        "rates",
        "leases",
        "flights",
        "exchanges",
        "exchange_totals",
        "counters",
        "checkpoints",
        "advertisers",
        "accounts",
    ):
        op.drop_table(table)
