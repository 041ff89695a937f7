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
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
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


def _partial(column: str, where: str, *, unique: bool) -> Index:
    """An index of a few rows: the settler's, which are nearly all, cost nothing in it."""
    return Index(None, column, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


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
    Column("told_price", BigInteger, comment="the first that was told: it counts if the billing tells none"),
    comment="What notices said about bids of leases that are not over yet",
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False, comment="see docs/money.md, chart of accounts"),
    Column("owner", BigInteger, nullable=False, comment="id of the advertiser, exchange, fee …; 0 where there is one"),
    Column("parent", BigInteger, ForeignKey("accounts.id")),
    Column("currency", String(3), nullable=False),
    Column("balance", BigInteger, nullable=False, comment="sum of its postings; debits are positive"),
    UniqueConstraint("kind", "owner", "currency"),
)

# Rows of the journal, and of what it rests on (rates, fee terms), are never changed or deleted: triggers refuse it.
transactions = Table(
    "transactions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("booked_ns", BigInteger, nullable=False),
    Column("by", String(255), nullable=False, comment="who booked it; empty: the settler"),
    Column("reason", Text, nullable=False),
    Column("reference", String(255), comment="what whoever booked it calls it; never twice"),
    Column("reverses", BigInteger, ForeignKey("transactions.id"), comment="it is the exact opposite of that one"),
    Column("day", String(10), comment="of the settlements in it, in the advertiser's time zone; null: by hand"),
    Column("hash", String(64), nullable=False, comment="see pacing.chain; empty: older than the chain"),
    _partial("reference", "reference IS NOT NULL", unique=True),
    _partial("reverses", "reverses IS NOT NULL", unique=True),
    _partial("booked_ns", "day IS NULL", unique=False),
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
    Column("bid", Unsigned64, nullable=False),
    Column("number", Integer, nullable=False, comment=">0: a correction, in order"),
    Column("exchange", BigInteger, nullable=False),
    Column("advertiser", BigInteger, nullable=False),
    Column("campaign", BigInteger, nullable=False),
    Column("line_item", BigInteger, nullable=False),
    Column("creative", BigInteger, nullable=False),
    Column("deal", BigInteger, nullable=False),
    Column("site", Unsigned64, nullable=False),
    Column("rate", BigInteger, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("old_price", BigInteger, comment="of a correction: what it replaces"),
    Column("currency", String(3), nullable=False),
    Column("account_price", BigInteger, nullable=False),
    Column("account_currency", String(3), nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("marks", Integer, nullable=False),
    Column("reason", String(255), nullable=False),
    Column("terms", BigInteger, nullable=False, comment="fee terms; 0: no fees"),
    Column("fees", BigInteger, nullable=False, comment="nanos of the account's currency, beside the account price"),
    Column("context", BigInteger, nullable=False, server_default="0", comment="domain.context_word; 0: older than it"),
    UniqueConstraint("bid", "number"),
    Index(None, "received_ns"),
    comment="One row a billed bid, and one a correction of its price: the journal that the transactions sum up",
)

credited_bids = Table(
    "credited_bids",
    metadata,
    Column("transaction_id", BigInteger, ForeignKey("transactions.id"), primary_key=True),
    Column("bid", Unsigned64, primary_key=True, autoincrement=False),
    Index(None, "bid"),
    comment="What invalid traffic was given back for: once a bid, unless that was reversed",
)

exchange_totals = Table(
    "exchange_totals",
    metadata,
    Column("exchange", BigInteger, primary_key=True, autoincrement=False),
    Column("currency", String(3), primary_key=True),
    Column("billed", BigInteger, nullable=False),
    Column("spend", BigInteger, nullable=False),
    Column("late", BigInteger, nullable=False),
    Column("estimated", BigInteger, nullable=False),
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

supply = Table(
    "supply",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("owner", BigInteger, primary_key=True, autoincrement=False),
    Column("learned", LargeBinary, nullable=False, comment="msgpack: impressions and seconds by quarter of the week"),
    Column("today", LargeBinary, nullable=False, comment="msgpack: what is not learned yet, and how hard to push"),
    comment="What pacing knows of the traffic that an account's line items could bid on",
)

results = Table(
    "results",
    metadata,
    Column("line_item", BigInteger, primary_key=True, autoincrement=False),
    Column("creative", BigInteger, primary_key=True, autoincrement=False),
    Column("impressions", BigInteger, nullable=False),
    Column("clicks", BigInteger, nullable=False),
    Column("conversions", BigInteger, nullable=False, comment="those that the line item's strategy counts"),
    Column("value", BigInteger, nullable=False, comment="of these: nanos of the advertiser's currency"),
    Column("valued", BigInteger, nullable=False, comment="how many of these told a value"),
    comment="What came of impressions, by the notices of trackers: what priors and goals are worked out from",
)

goals = Table(
    "goals",
    metadata,
    Column("line_item", BigInteger, primary_key=True, autoincrement=False),
    Column("state", LargeBinary, nullable=False, comment="msgpack of `pacing.goals.Kept`"),
    comment="What the controllers of line items' goals know",
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("log", String(255), primary_key=True),
    Column("position", BigInteger, nullable=False),
)
