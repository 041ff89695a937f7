"""Do the books still say what was booked? Everything is worked out again from the postings; nothing is changed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, case, func, select

from domain.clock import utc
from domain.money import format_nanos
from pacing import chain, counters
from pacing.days import QUARTER
from pacing.tables import (
    accounts,
    credited_bids,
    exchange_totals,
    postings,
    settlements,
    spend_quarters,
    spend_totals,
    transactions,
)

PAGE = 20_000
"""Transactions held in memory at once."""
CERTAIN_NS = 2 * 24 * 4 * QUARTER
"""Sums of quarters are kept for longer than that."""


BILLED = case((settlements.c.number == 0, 1), else_=0)
"""A correction is no other impression."""


@dataclass(frozen=True)
class Verdict:
    """``faults`` are sentences for people; ``last_hash`` may be noted elsewhere, to be found again later."""

    transactions: int
    postings: int
    settlements: int
    unsealed: int
    """Transactions that are older than the chain of hashes."""
    last_hash: str
    faults: tuple[str, ...]


def verify(conn: Connection, now_ns: int, expected_hash: str = "") -> Verdict:
    """``expected_hash``, noted earlier, must be in the chain."""

    def count(of: Table) -> int:
        return int(conn.execute(select(func.count()).select_from(of)).scalar_one())

    journal = _Journal()
    faults = [*journal.read(conn), *_balances(conn), *_totals(conn), *_settled(conn), *_spent(conn, now_ns)]
    if expected_hash and expected_hash not in journal.seen:
        faults.append(f"no transaction has the hash {expected_hash}, which was noted earlier")
    return Verdict(
        count(transactions), count(postings), count(settlements), journal.unsealed, journal.last, tuple(faults)
    )


class _Journal:
    def __init__(self) -> None:
        self.last, self.unsealed = "", 0
        self.seen: set[str] = set()
        self._at = 0

    def read(self, conn: Connection) -> Iterator[str]:
        """Every transaction sums to zero in each currency, and none was changed, taken out or put in."""
        currency = {id_: code for id_, code in conn.execute(select(accounts.c.id, accounts.c.currency))}
        while True:
            t, p = transactions.c, postings.c
            columns = [t[name] for name in (*chain.COVERED, "hash")]
            page = conn.execute(select(*columns).where(t.id > self._at).order_by(t.id).limit(PAGE)).fetchall()
            if not page:
                break
            between = p.transaction_id.between(page[0].id, page[-1].id)
            moved: dict[int, dict[int, int]] = {}
            for id_, account, amount in conn.execute(select(p.transaction_id, p.account_id, p.amount).where(between)):
                moved.setdefault(id_, {})[account] = amount
            for row in page:
                yield from self._check(row, moved.get(row.id, {}), currency)
            self._at = page[-1].id
        if (given := counters.last(conn, "transactions")) != self._at:
            yield f"the last transaction is {self._at}, though {given} were booked"
        lost = conn.execute(select(func.count()).select_from(postings).where(postings.c.transaction_id > self._at))
        if stray := lost.scalar_one():
            yield f"{stray} postings belong to no transaction"

    def _check(self, row: Row[Any], moves: dict[int, int], currency: dict[int, str]) -> Iterator[str]:
        if row.id != self._at + 1:
            yield f"between transactions {self._at} and {row.id} some are missing"
        self._at = row.id
        sums: Counter[str] = Counter()
        for account, amount in moves.items():
            sums[currency[account]] += amount
        for of, amount in sums.items():
            if amount:
                yield f"transaction {row.id} does not sum to zero: {format_nanos(amount)} {of} too much"
        if not row.hash and not self.last:
            self.unsealed += 1
            return
        if row.hash != chain.link(self.last, row._asdict(), moves):
            yield f"transaction {row.id}, or what came before it, was changed: its hash does not fit"
        self.last = row.hash
        self.seen.add(row.hash)


def _balances(conn: Connection) -> Iterator[str]:
    a, p = accounts.c, postings.c
    sums = select(p.account_id, func.sum(p.amount).label("amount")).group_by(p.account_id).subquery()
    asked = select(a.kind, a.owner, a.currency, a.balance, func.coalesce(sums.c.amount, 0).label("posted"))
    for row in conn.execute(asked.outerjoin_from(accounts, sums, sums.c.account_id == a.id).order_by(a.id)):
        if row.balance != row.posted:
            said, posted = format_nanos(row.balance), format_nanos(int(row.posted))
            yield f"account {row.kind} {row.owner} says {said} {row.currency}, its postings sum up to {posted}"


def _totals(conn: Connection) -> Iterator[str]:
    s, e = settlements.c, exchange_totals.c
    sums = select(s.exchange, s.currency, func.sum(s.price)).group_by(s.exchange, s.currency)
    booked = {(exchange, currency): int(price) for exchange, currency, price in conn.execute(sums)}
    said = {(row.exchange, row.currency): row.spend for row in conn.execute(select(e.exchange, e.currency, e.spend))}
    for key in sorted(booked.keys() | said.keys()):
        if booked.get(key, 0) != said.get(key, 0):
            yield (
                f"exchange {key[0]}: its total says {format_nanos(said.get(key, 0))} {key[1]}, "
                f"its settlements sum up to {format_nanos(booked.get(key, 0))}"
            )


def _settled(conn: Connection) -> Iterator[str]:
    """A transaction's settlements sum up to what it posted to their line item."""
    s, p, a, t = settlements.c, postings.c, accounts.c, transactions.c
    told = select(s.transaction_id.label("id"), func.sum(s.account_price + s.fees).label("amount"))
    told_sums = told.group_by(s.transaction_id).subquery()
    on_line_items = select(p.transaction_id.label("id"), func.sum(p.amount).label("amount"))
    on_line_items = on_line_items.join_from(postings, accounts, p.account_id == a.id).where(a.kind == "line_item")
    posted = on_line_items.group_by(p.transaction_id).subquery()
    asked = select(t.id, func.coalesce(told_sums.c.amount, 0), func.coalesce(posted.c.amount, 0))
    joined = transactions.outerjoin(told_sums, told_sums.c.id == t.id).outerjoin(posted, posted.c.id == t.id)
    asked = asked.select_from(joined).where(t.day.is_not(None))
    for id_, settled, moved in conn.execute(asked.order_by(t.id)):
        if settled != moved:
            yield (
                f"transaction {id_} posted {format_nanos(int(moved))} to its line item, "
                f"its settlements sum up to {format_nanos(int(settled))}"
            )
    c = credited_bids.c
    stray = select(c.bid).where(c.bid.not_in(select(s.bid)))
    for bid in conn.execute(stray).scalars():
        yield f"bid {bid} was credited, and never billed"


def _spent(conn: Connection, now_ns: int) -> Iterator[str]:
    """What budgets take for spent, altogether and by quarters of an hour, is what was settled."""
    s, t, q = settlements.c, spend_totals.c, spend_quarters.c
    sums = select(s.line_item, func.sum(s.account_price + s.fees), func.sum(BILLED)).group_by(s.line_item)
    booked = {line_item: (int(amount), int(bids)) for line_item, amount, bids in conn.execute(sums)}
    said = {id_: (amount, bids) for id_, amount, bids in conn.execute(select(t.line_item, t.amount, t.impressions))}
    for line_item in sorted(booked.keys() | said.keys()):
        yield from _compared(f"line item {line_item}", said.get(line_item, (0, 0)), booked.get(line_item, (0, 0)))
    first = (now_ns - CERTAIN_NS) // QUARTER
    recent: dict[tuple[int, int], tuple[int, int]] = {}
    rows = select(s.line_item, s.received_ns, s.account_price + s.fees, BILLED).where(s.received_ns >= first * QUARTER)
    for line_item, received_ns, cost, billed in conn.execute(rows).yield_per(PAGE):
        amount, bids = recent.get((line_item, received_ns // QUARTER), (0, 0))
        recent[line_item, received_ns // QUARTER] = amount + cost, bids + billed
    kept = select(q.line_item, q.quarter, q.amount, q.impressions).where(q.quarter >= first)
    said_of = {(line_item, quarter): (amount, bids) for line_item, quarter, amount, bids in conn.execute(kept)}
    for key in sorted(recent.keys() | said_of.keys()):
        of = f"line item {key[0]}, quarter of an hour from {utc(key[1] * QUARTER):%Y-%m-%d %H:%M} UTC"
        yield from _compared(of, said_of.get(key, (0, 0)), recent.get(key, (0, 0)))


def _compared(of: str, said: tuple[int, int], booked: tuple[int, int]) -> Iterator[str]:
    if said != booked:
        yield (
            f"{of}: budgets count {format_nanos(said[0])} in {said[1]} impressions as spent, "
            f"its settlements are {format_nanos(booked[0])} in {booked[1]}"
        )
