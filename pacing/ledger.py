"""The ledger: what was bought, for whom, and what is owed for it. Double entry, in nanos.

A *settlement* is one billed bid with the fees that it was made under, unique by its bid id, or a correction of its
price, which has the bid's next number. The settlements of a batch and day that move money between the same accounts are
summed up in one *transaction*, whose *postings* sum to zero in every currency; that is checked each time. Nothing of
these is ever changed or deleted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from domain.campaign import FeeTerms
from domain.events import Mark
from domain.exchange import Exchange
from domain.fees import split
from domain.money import convert
from pacing import bulk, chain, counters
from pacing.accounts import Accounts
from pacing.protocol import ExchangeBooks, Settlement
from pacing.tables import accounts, exchange_totals, postings, settlements, transactions

SUMS = ("billed", "spend", "late", "estimated")
"""What is summed up for each exchange."""


class Unbalanced(AssertionError):
    """A transaction does not sum to zero: a bug, and nothing is booked."""


@dataclass(frozen=True)
class Bill:
    """A billable notice, priced. ``settlement`` has no id and no account price yet."""

    settlement: Settlement
    rate: int
    per_unit: int
    """Account nanos for 10⁹ exchange nanos."""
    day: str
    """Of receiving, in the advertiser's time zone."""
    fees: FeeTerms | None = None
    """That the bid was made under."""
    charged: tuple[int, ...] = ()
    """Account nanos of each of these fees; of a correction, by how much they change."""
    old_price: int | None = None
    """Of a correction: the price that it replaces. The settlement's prices are differences then."""
    reason: str = ""
    """Of a correction: who said so."""
    was_estimated: bool = False
    """Of a correction: the price that it replaces was an estimate."""


@dataclass(frozen=True)
class Entry:
    """A transaction to be booked: what it moves, by account, and what is to be known of it."""

    kind: str
    moves: Mapping[int, int]
    day: str | None = None
    """Of settlements: their day, also of a correction. None is an entry by hand."""
    by: str = ""
    reason: str = ""
    reference: str | None = None
    reverses: int | None = None


def book(conn: Connection, open_accounts: Accounts, bills: Iterable[Bill], now_ns: int) -> list[Bill]:
    """Books what has not been booked before; returns that, with ids and account prices. One bid is booked once."""
    first: dict[int, Bill] = {}
    for bill in bills:
        first.setdefault(bill.settlement.bid, bill)
    known = _booked(conn, list(first))
    priced = []
    for bid, bill in first.items():
        if bid not in known:
            account_price = convert(bill.settlement.price, bill.per_unit)
            settlement = msgspec.structs.replace(bill.settlement, account_price=account_price)
            priced.append(replace(bill, settlement=settlement, charged=tuple(split(account_price, bill.fees))))
    return settle(conn, open_accounts, "media", priced, now_ns)


def settle(
    conn: Connection, open_accounts: Accounts, kind: Literal["media", "correction"], bills: list[Bill], now_ns: int
) -> list[Bill]:
    """Books bills that have their account prices and fees; returns them with ids."""
    if not bills:
        return []
    next_id = counters.take(conn, "settlements", len(bills))
    booked = []
    for id_, bill in enumerate(bills, next_id):
        settlement = msgspec.structs.replace(bill.settlement, id=id_, fees=sum(bill.charged))
        booked.append(replace(bill, settlement=settlement))
    groups: dict[tuple[int, int, str, str, str], list[Bill]] = defaultdict(list)
    for bill in booked:
        s = bill.settlement
        groups[s.line_item, s.exchange, s.currency, s.account_currency, bill.day].append(bill)
    entries = [Entry(kind, _moves(conn, open_accounts, group), group[0].day) for group in groups.values()]
    bulk.add(
        conn,
        settlements,
        [
            msgspec.structs.asdict(bill.settlement)
            | {"transaction_id": id_, "rate": bill.rate, "terms": bill.fees.id if bill.fees else 0}
            | {"old_price": bill.old_price, "reason": bill.reason}
            for id_, group in zip(enter(conn, entries, now_ns), groups.values(), strict=True)
            for bill in group
        ],
    )
    _total(conn, booked)
    return booked


def enter(conn: Connection, entries: Sequence[Entry], now_ns: int) -> list[int]:
    """Books transactions; returns their ids. Raises Unbalanced."""
    first = counters.take(conn, "transactions", len(entries))
    before = chain.end(conn)
    rows: list[dict[str, Any]] = []
    for id_, entry in enumerate(entries, first):
        row = {
            "id": id_,
            "kind": entry.kind,
            "booked_ns": now_ns,
            "by": entry.by,
            "reason": entry.reason,
            "reference": entry.reference,
            "reverses": entry.reverses,
            "day": entry.day,
        }
        row["hash"] = before = chain.link(before, row, entry.moves)
        rows.append(row)
    bulk.add(conn, transactions, rows)
    post_all(conn, {id_: entry.moves for id_, entry in enumerate(entries, first)})
    return list(range(first, first + len(entries)))


def _booked(conn: Connection, bids: Sequence[int]) -> set[int]:
    known: set[int] = set()
    for asked in bulk.among(conn, settlements.c.bid, bids):
        known |= set(conn.execute(select(settlements.c.bid).where(asked)).scalars())
    return known


def _moves(conn: Connection, open_accounts: Accounts, group: Sequence[Bill]) -> dict[int, int]:
    """What settlements of one line item on one exchange move, by account."""
    s = group[0].settlement
    cost = sum(bill.settlement.account_price for bill in group)
    owed = sum(bill.settlement.price for bill in group)
    fees: dict[tuple[str, int], int] = defaultdict(int)
    for bill in group:
        if bill.fees:
            for part, nanos in zip(bill.fees.parts, bill.charged, strict=True):
                fees[part.kind, part.of] += nanos
    gross = cost + sum(fees.values())
    moves = {
        open_accounts.line_item(conn, s.line_item, s.campaign, s.advertiser, s.account_currency): gross,
        open_accounts.payable(conn, s.exchange, s.currency): -owed,
    }
    for (kind, of), nanos in fees.items():
        if nanos:
            moves[open_accounts.revenue(conn, kind, of, s.account_currency)] = -nanos
    if s.currency != s.account_currency:
        moves[open_accounts.fx(conn, s.account_currency)] = -cost
        moves[open_accounts.fx(conn, s.currency)] = owed
    return moves


def post(conn: Connection, transaction: int, moves: dict[int, int]) -> None:
    """Posts amounts to accounts. Raises Unbalanced unless they sum to zero in each currency."""
    post_all(conn, {transaction: moves})


def post_all(conn: Connection, moved: Mapping[int, Mapping[int, int]]) -> None:
    """Posts amounts to accounts, by transaction. Raises Unbalanced unless each sums to zero in each currency."""
    raised: dict[int, int] = defaultdict(int)
    for moves in moved.values():
        for account, amount in moves.items():
            raised[account] += amount
    currency: dict[int, str] = {}
    for asked in bulk.among(conn, accounts.c.id, raised):
        found = conn.execute(select(accounts.c.id, accounts.c.currency).where(asked))
        currency |= {account: of for account, of in found}
    for transaction, moves in moved.items():
        sums: dict[str, int] = defaultdict(int)
        for account, amount in moves.items():
            sums[currency[account]] += amount
        if any(sums.values()):
            raise Unbalanced(f"transaction {transaction} does not sum to zero: {dict(sums)}")
    rows = [
        {"transaction_id": transaction, "account_id": account, "amount": amount}
        for transaction, moves in moved.items()
        for account, amount in moves.items()
    ]
    bulk.add(conn, postings, rows)
    change = update(accounts).where(accounts.c.id == bindparam("account"))
    change = change.values(balance=accounts.c.balance + bindparam("by"))
    conn.execute(change, [{"account": account, "by": amount} for account, amount in raised.items()])


def _total(conn: Connection, booked: Sequence[Bill]) -> None:
    """Sums of each exchange, which are asked for often."""
    exchanges: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for bill in booked:
        s = bill.settlement
        first = int(s.number == 0)
        total = exchanges[s.exchange, s.currency]
        total.update(billed=first, spend=s.price, late=first * bool(s.marks & Mark.LATE))
        total["estimated"] += s.estimated if first else -bill.was_estimated
    rows = [
        {"exchange": exchange, "currency": currency, **{name: sums[name] for name in SUMS}}
        for (exchange, currency), sums in exchanges.items()
    ]
    bulk.add_up(conn, exchange_totals, rows, SUMS)


def read_settlements(conn: Connection, after: int, limit: int) -> tuple[Settlement, ...]:
    """Settlements with ids above ``after``, ascending."""
    columns = [settlements.c[name] for name in Settlement.__struct_fields__]
    asked = select(*columns).where(settlements.c.id > after).order_by(settlements.c.id).limit(limit)
    return tuple(Settlement(*row) for row in conn.execute(asked))


def read_books(conn: Connection, exchanges: Iterable[Exchange]) -> tuple[ExchangeBooks, ...]:
    """Sums of each exchange, in its currency."""
    t = exchange_totals.c
    rows = conn.execute(select(t.exchange, t.currency, *(t[name] for name in SUMS)))
    sums = {(exchange, currency): amounts for exchange, currency, *amounts in rows}
    return tuple(ExchangeBooks(e.key, e.currency, *sums.get((e.id, e.currency), (0,) * len(SUMS))) for e in exchanges)
