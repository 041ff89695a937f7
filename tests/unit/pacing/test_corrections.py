"""Prices that are told after the booking: what the ledger, budgets and journal say then."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from campaigns.store import Store
from domain.campaign import FeePart
from domain.clock import SECOND
from domain.events import Kind, Mark
from pacing import tables
from pacing.corrections import Told, correct, standing
from pacing.ledger import read_books
from tests.unit.pacing.test_ledger import BID, EXCHANGES, NOON, Books, notice

UNTOLD = {"price": 0, "marks": Mark.NO_PRICE}
DAY = 86_400


@pytest.fixture
def books(tmp_path: Path, store: Store) -> Iterator[Books]:
    made = Books(tmp_path, store)
    yield made
    made.check()


def journal(books: Books) -> list[tuple[object, ...]]:
    """(bid, number, price, old price, account price, estimated, reason, kind of transaction) of each settlement."""
    s, t = tables.settlements.c, tables.transactions.c
    columns = s.bid, s.number, s.price, s.old_price, s.account_price, s.estimated, s.reason, t.kind
    joined = select(*columns).join(tables.transactions, s.transaction_id == t.id).order_by(s.id)
    with books.store.read() as conn:
        return [tuple(row) for row in conn.execute(joined)]


def days(books: Books) -> dict[tuple[int, str], int]:
    """What settlements of each line item and day cost, media and fees."""
    s, t = tables.settlements.c, tables.transactions.c
    of = select(s.line_item, t.day, func.sum(s.account_price + s.fees)).where(t.id == s.transaction_id)
    with books.store.read() as conn:
        return {(item, day): int(amount) for item, day, amount in conn.execute(of.group_by(s.line_item, t.day))}


def test_an_estimate_is_corrected_between_the_same_accounts_at_the_bids_own_rate(books: Books) -> None:
    with books.store.write() as conn:
        parts = [
            FeePart("fee", 3, 100_000, 0),
            FeePart("data", 4, 0, 9),
        ]
        conn.execute(tables.fee_terms.insert().values(id=7, parts=msgspec.to_builtins(parts)))
    books.log(notice(1, advertiser=2, rate=2, terms=7, **UNTOLD))
    books.settle()
    books.log(notice(1, Kind.WIN, price=1_000_003, advertiser=2, rate=2))
    books.settle()
    before, after = BID * 9 // 10, 900_003  # of 1_000_003 it is 900_002.7
    fee = 90_000  # of 900_003 it is 90_000.3
    assert journal(books) == [
        (1, 0, BID, None, before, True, "", "media"),
        (1, 1, 1_000_003 - BID, BID, after - before, False, "win", "correction"),
    ]
    assert books.balances() == {
        ("line_item", 2, "EUR"): after + fee + 9,
        ("fee", 3, "EUR"): -fee,
        ("data", 4, "EUR"): -9,
        ("payable", 1, "USD"): -1_000_003,
        ("fx", 0, "USD"): 1_000_003,
        ("fx", 0, "EUR"): -after,
    }
    with books.store.read() as conn:
        assert set(conn.execute(select(tables.settlements.c.terms)).scalars()) == {7}
        (usx, _) = read_books(conn, EXCHANGES)
    assert (usx.billed, usx.spend, usx.estimated) == (1, 1_000_003, 0)


def test_a_correction_belongs_to_the_day_of_the_billing_and_budgets_follow(books: Books) -> None:
    """The price is told two days later; a treasury that is opened again knows the same."""
    books.log(notice(1, **UNTOLD), notice(2, price=100))
    books.settle()
    (today,) = days(books).values()
    assert today == BID + 100
    books.clock.advance(2 * DAY)
    books.log(notice(1, Kind.IMPRESSION, price=500, received_ns=NOON + 2 * DAY * SECOND))
    books.settle()
    assert list(days(books).values()) == [600]
    noon = NOON // 3600 // SECOND * 3600 * SECOND
    for treasury in (books.treasury, books.open()):
        purse = treasury._leases.purses.lines[1].purse
        assert (purse.money.spent, purse.money.by_hour[noon]) == (600, 600)
        assert (purse.impressions.spent, purse.impressions.by_hour[noon]) == (2, 2)


def test_an_estimate_that_was_right_is_no_estimate_any_more(books: Books) -> None:
    books.log(notice(1, **UNTOLD), notice(1, Kind.WIN, price=BID), notice(1, Kind.IMPRESSION, price=5))
    books.settle()
    assert [row[:3] for row in journal(books)] == [(1, 0, BID), (1, 1, 0)]
    with books.store.read() as conn:
        assert read_books(conn, EXCHANGES)[0].estimated == 0


def test_a_price_told_before_in_the_same_batch_corrects_nothing(books: Books) -> None:
    """As in another batch: without a known lease it is not remembered, and it is no later price."""
    books.log(notice(1, Kind.WIN, price=5), notice(1, **UNTOLD))
    books.settle()
    assert [row[:3] for row in journal(books)] == [(1, 0, BID)]


def test_late_billings_are_counted_once_and_apart(books: Books) -> None:
    books.log(notice(1, marks=Mark.LATE), notice(2, price=0, marks=Mark.LATE | Mark.NO_PRICE), notice(3))
    books.log(notice(2, Kind.WIN, price=7, marks=Mark.LATE))
    books.settle()
    with books.store.read() as conn:
        (usx, _) = read_books(conn, EXCHANGES)
    assert (usx.billed, usx.late, usx.estimated, usx.spend) == (3, 2, 0, 2 * BID + 7)


def test_corrections_of_corrections_add_up(books: Books) -> None:
    books.log(notice(1, price=100))
    books.settle()
    for price, reason in ((700, "a.csv"), (50, "b.csv" * 100)):
        with books.store.write() as conn:
            (bid,) = standing(conn, [1, 2]).values()
            booked = correct(conn, books.treasury._accounts, [(bid, Told(1, price, reason))], lambda _: "UTC", NOON)
            assert len(booked) == 1
    with books.store.read() as conn:
        (bid,) = standing(conn, [1]).values()
    assert (bid.settlement.price, bid.settlement.account_price, bid.settlement.number) == (50, 50, 2)
    assert [row[1:4] for row in journal(books)] == [(0, 100, None), (1, 600, 100), (2, -650, 700)]
    assert books.balances() == {("line_item", 1, "USD"): 50, ("payable", 1, "USD"): -50}


def test_the_database_itself_refuses_a_number_twice(books: Books) -> None:
    books.log(notice(1, **UNTOLD), notice(1, Kind.WIN, price=5))
    books.settle()
    with pytest.raises(IntegrityError), books.store.write() as conn:
        row = conn.execute(select(tables.settlements).where(tables.settlements.c.number == 1)).one()._asdict()
        conn.execute(tables.settlements.insert().values(row | {"id": 99}))
