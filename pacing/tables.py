"""Tables of the money side: rates, the ledger, and what bidders hold of the budgets. Amounts are nanos."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)

from domain.naming import signed

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Unsigned64(TypeDecorator[int]):
    """Bid ids and name ids use all 64 bits; databases have signed ones."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else signed(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else value & 0xFFFF_FFFF_FFFF_FFFF


counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("last", BigInteger, nullable=False),
    comment="The last id given of each kind; ids are never used again, whatever is deleted or rolled back later",
)

rates = Table(
    "rates",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("base", String(3), nullable=False),
    Column("quote", String(3), nullable=False),
    Column("day", String(10), nullable=False),
    Column("per_unit", BigInteger, nullable=False),
    comment="Rows are never changed, because bids in flight name them: a corrected rate is a newer row",
)

fee_terms = Table(
    "fee_terms",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("parts", JSON, nullable=False, comment="[kind, of, share_ppm, cpm] of each"),
    comment="Rows are never changed, because bids in flight name them",
)

workers = Table(
    "workers",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("registered_ns", BigInteger, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("worker", BigInteger, nullable=False),
    Column("line_item", BigInteger, nullable=False),
    Column("opened_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False, comment="the worker may bid from it until then"),
    Column("granted", BigInteger, nullable=False),
    Column("released", BigInteger, nullable=False, comment="reservations of bids that were billed or lost"),
    Column("closed_ns", BigInteger, comment="control told the worker to stop, or took it for dead"),
    Column("reserved", BigInteger, comment="the worker's final figure; without it all that was granted counts"),
    Column("granted_bids", BigInteger, comment="null: bids are not counted"),
    Column("released_bids", BigInteger, nullable=False),
    Column("reserved_bids", BigInteger),
)

flights = Table(
    "flights",
    metadata,
    Column("bid", Unsigned64, primary_key=True, autoincrement=False),
    Column("lease", BigInteger, nullable=False, index=True),
    Column("released", Boolean, nullable=False, comment="the reservation was given back once; never again"),
    Column("win_price", BigInteger, comment="told by the win notice: the price if the billing tells none"),
    comment="What notices said about bids of leases that are not over yet",
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False, comment="advertiser, campaign, line_item, payable or fx"),
    Column("owner", BigInteger, nullable=False, comment="id of the advertiser, …, exchange; 0 for fx"),
    Column("parent", BigInteger, ForeignKey("accounts.id")),
    Column("currency", String(3), nullable=False),
    Column("balance", BigInteger, nullable=False, comment="sum of its postings; debits are positive"),
    UniqueConstraint("kind", "owner", "currency"),
)

transactions = Table(
    "transactions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("booked_ns", BigInteger, nullable=False),
)

postings = Table(
    "postings",
    metadata,
    Column("transaction_id", BigInteger, ForeignKey("transactions.id"), primary_key=True),
    Column("account_id", BigInteger, ForeignKey("accounts.id"), primary_key=True),
    Column("amount", BigInteger, nullable=False, comment="debits are positive; they sum to 0 in each currency"),
    Index(None, "account_id"),
)

settlements = Table(
    "settlements",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("transaction_id", BigInteger, ForeignKey("transactions.id"), nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Column("bid", Unsigned64, nullable=False, unique=True),
    Column("exchange", BigInteger, nullable=False),
    Column("advertiser", BigInteger, nullable=False),
    Column("campaign", BigInteger, nullable=False),
    Column("line_item", BigInteger, nullable=False),
    Column("creative", BigInteger, nullable=False),
    Column("deal", BigInteger, nullable=False),
    Column("site", Unsigned64, nullable=False),
    Column("rate", BigInteger, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("account_price", BigInteger, nullable=False),
    Column("account_currency", String(3), nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("marks", Integer, nullable=False),
    comment="One row a billed bid: the journal that the transactions sum up",
)

exchange_totals = Table(
    "exchange_totals",
    metadata,
    Column("exchange", BigInteger, primary_key=True, autoincrement=False),
    Column("currency", String(3), primary_key=True),
    Column("billed", BigInteger, nullable=False),
    Column("spend", BigInteger, nullable=False),
)

spend_days = Table(
    "spend_days",
    metadata,
    Column("line_item", BigInteger, primary_key=True, autoincrement=False),
    Column("day", String(10), primary_key=True, comment="of receiving, in the advertiser's time zone: YYYY-MM-DD"),
    Column("campaign", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
)

spend_totals = Table(
    "spend_totals",
    metadata,
    Column("line_item", BigInteger, primary_key=True, autoincrement=False),
    Column("campaign", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="fees included"),
    Column("impressions", BigInteger, nullable=False),
)

spend_quarters = Table(
    "spend_quarters",
    metadata,
    Column("line_item", BigInteger, primary_key=True, autoincrement=False),
    Column("quarter", BigInteger, primary_key=True, comment="of an hour, of receiving: counted from 1970 in UTC"),
    Column("campaign", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="fees included"),
    Column("impressions", BigInteger, nullable=False),
    comment="Of the last days: hours and days of any time zone are sums of these",
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("log", String(255), primary_key=True),
    Column("position", BigInteger, nullable=False),
)
