"""Several writers book overlapping batches at the same time; some change their mind, some die. The books add up.

The oracle is plain Python: each bid costs what it costs, once, whoever booked it first and however often it was told.
"""

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from campaigns.store import Store
from domain.exchange import Exchange
from pacing import tables
from pacing.accounts import Accounts
from pacing.ledger import Bill, book, read_books, read_settlements
from pacing.protocol import Settlement

UNIT = 10**9
EURO = 917_431_193  # nanos for 10⁹ nanos of a dollar
EXCHANGES = (Exchange(1, "usx", "USD", "burl"), Exchange(2, "eux", "EUR", "burl"))
CURRENCY = {1: "USD", 2: "EUR"}
RATES = {("USD", "USD"): UNIT, ("EUR", "EUR"): UNIT, ("USD", "EUR"): EURO, ("EUR", "USD"): 1_090_000_000}
DAYS = ("2026-06-01", "2026-06-02")


@dataclass(frozen=True)
class Sale:
    """What the exchange knows of one bid."""

    bid: int
    exchange: int
    line_item: int
    price: int
    day: str

    @property
    def advertiser(self) -> int:
        return 1 + self.line_item % 2

    @property
    def currencies(self) -> tuple[str, str]:
        """The exchange's, and the account's."""
        return CURRENCY[self.exchange], CURRENCY[self.advertiser]

    @property
    def cost(self) -> int:
        """In the account's currency, half-even; Fraction rounds so."""
        return round(Fraction(self.price * RATES[self.currencies], UNIT))

    def bill(self) -> Bill:
        currency, account_currency = self.currencies
        settlement = Settlement(
            id=0, received_ns=1, bid=self.bid, exchange=self.exchange, advertiser=self.advertiser,
            campaign=self.advertiser, line_item=self.line_item, creative=1, deal=0, site=2**64 - self.line_item,
            price=self.price, currency=currency, account_price=0, account_currency=account_currency,
            estimated=False, marks=0,
        )  # fmt: skip
        return Bill(settlement, 0, RATES[currency, account_currency], self.day)


class ChangedItsMind(Exception):
    pass


@dataclass
class Plan:
    """Of one writer: batches of bids, and whether each is committed, rolled back, or dies with its connection."""

    batches: list[tuple[list[int], str]]


sales = st.builds(
    Sale,
    bid=st.integers(0, 2**64 - 1),
    exchange=st.sampled_from([1, 2]),
    line_item=st.integers(1, 4),
    price=st.integers(0, 5_000_000),
    day=st.sampled_from(DAYS),
)


def write(store: Store, plan: Plan, sold: list[Sale], begin: Callable[[], object], booked: Counter[int]) -> None:
    """Books what is planned, through connections of its own. ``booked`` counts what was booked and committed."""
    begin()
    accounts = Accounts()
    for batch, end in plan.batches:
        bills = [sold[n].bill() for n in batch]
        try:
            with store.write() as conn:
                done = book(conn, accounts, bills, 1)
                if end == "rollback":
                    raise ChangedItsMind
                if end == "death":
                    conn.invalidate()  # the connection is cut; the database is left with half a transaction
                    raise ChangedItsMind
        except ChangedItsMind:
            accounts = Accounts()  # opened in vain
        else:
            booked.update(bill.settlement.bid for bill in done)


@settings(max_examples=12)
@given(
    sold=st.lists(sales, min_size=1, max_size=40, unique_by=lambda sale: sale.bid),
    writers=st.integers(2, 4),
    seed=st.integers(0, 2**32),
)
def test_whoever_books_what_when_each_bid_is_booked_once_and_all_adds_up(
    new_store_url: Callable[[], str], sold: list[Sale], writers: int, seed: int
) -> None:
    rng = random.Random(seed)
    plans = []
    for _ in range(writers):
        batches = [
            (rng.choices(range(len(sold)), k=rng.randint(1, 12)), rng.choice(["commit"] * 3 + ["rollback", "death"]))
            for _ in range(rng.randint(1, 5))
        ]
        plans.append(Plan(batches))
    url, start, booked = new_store_url(), threading.Barrier(writers), [Counter[int]() for _ in plans]
    stores = [Store(url) for _ in plans]
    failed: list[BaseException] = []

    def work(n: int) -> None:
        try:
            write(stores[n], plans[n], sold, start.wait, booked[n])
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(writers)]
    with ExitStack() as opened:
        for store in stores:
            opened.callback(store.close)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        told = {n for plan in plans for batch, end in plan.batches if end == "commit" for n in batch}
        check(stores[0], [sold[n] for n in told], sum(booked, Counter()))


def check(store: Store, expected: list[Sale], booked: Counter[int]) -> None:
    """The whole store against what plain Python makes of the same sales."""
    # each bid once, and exactly one writer was told that it had booked it
    assert booked == Counter(sale.bid for sale in expected)
    balances: dict[tuple[str, int, str], int] = defaultdict(int)
    spent: dict[tuple[int, str], int] = defaultdict(int)
    for sale in expected:
        currency, account_currency = sale.currencies
        balances["line_item", sale.line_item, account_currency] += sale.cost
        balances["payable", sale.exchange, currency] -= sale.price
        spent[sale.line_item, sale.day] += sale.cost
        if currency != account_currency:
            balances["fx", 0, account_currency] -= sale.cost
            balances["fx", 0, currency] += sale.price
    a, p, t = tables.accounts.c, tables.postings.c, tables.transactions.c
    with store.read() as conn:
        settled = read_settlements(conn, 0, 10_000)
        books = read_books(conn, EXCHANGES)
        found = {tuple(key): balance for *key, balance in conn.execute(select(a.kind, a.owner, a.currency, a.balance))}
        joined = select(func.sum(p.amount)).join_from(tables.postings, tables.accounts, p.account_id == a.id)
        of_transactions = set(conn.execute(joined.group_by(p.transaction_id, a.currency)).scalars())
        of_postings = dict(conn.execute(select(p.account_id, func.sum(p.amount)).group_by(p.account_id)).fetchall())
        balance = dict(conn.execute(select(a.id, a.balance)).fetchall())
        by_day = select(a.owner, t.day, func.sum(p.amount)).where(p.account_id == a.id, p.transaction_id == t.id)
        by_day = by_day.where(a.kind == "line_item").group_by(a.owner, t.day)
        days = {(line_item, day): amount for line_item, day, amount in conn.execute(by_day)}
    assert sorted((s.bid, s.price, s.account_price, s.site) for s in settled) == sorted(
        (sale.bid, sale.price, sale.cost, 2**64 - sale.line_item) for sale in expected
    )
    assert len({s.id for s in settled}) == len(settled)
    assert {key: value for key, value in found.items() if value} == {key: n for key, n in balances.items() if n}
    assert of_transactions <= {0}
    assert {id_: of_postings.get(id_, 0) for id_ in balance} == balance
    assert days == spent
    for exchange, line in zip(EXCHANGES, books, strict=True):
        theirs = [sale.price for sale in expected if sale.exchange == exchange.id]
        assert (line.billed, line.spend) == (len(theirs), sum(theirs))
