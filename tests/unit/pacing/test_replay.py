"""Bids whose billing is in the logs and not in the ledger are found and booked, as the settler would have; and the sums
of hours that control tells are those of the rows."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, text

from campaigns.store import Store
from domain.clock import SECOND
from domain.events import Kind, Mark
from pacing import replay, tables
from pacing.accounts import Accounts
from pacing.hours import HOUR_NS, read_hours
from pacing.ledger import read_settlements
from pacing.notices import Terms
from pacing.protocol import LedgerHour, Settlement
from pacing.verification import verify
from tests.unit.pacing.test_ledger import BID, NOON, SNAPSHOT, Books, notice

NO_PRICE = int(Mark.NO_PRICE)
EVENTS = [
    notice(1),
    notice(2, Kind.WIN, price=900_000),
    notice(2, marks=NO_PRICE, price=0),
    notice(3, marks=NO_PRICE, price=0),
    notice(3, Kind.WIN, price=700_000),
    notice(4, marks=int(Mark.DUPLICATE)),
    notice(5, Kind.WIN),
    notice(6, Kind.IMPRESSION, exchange=2, basis=Kind.IMPRESSION, rate=1, advertiser=2, received_ns=NOON + 2 * HOUR_NS),
    notice(7, marks=NO_PRICE, price=0, context=5),
    notice(8, marks=int(Mark.AUDIT), price=0),
]
BILLED = {1, 2, 3, 6, 7}


@pytest.fixture
def books(tmp_path: Path, store: Store) -> Books:
    made = Books(tmp_path, store)
    made.log(*EVENTS)
    made.settle()
    return made


def rows(conn: Connection) -> dict[tuple[int, int], Settlement]:
    """By bid and number; without their ids, which are never given twice."""
    return {(row.bid, row.number): replace(row, id=0) for row in read_settlements(conn, 0, 1000)}


def lose(conn: Connection, *bids: int) -> None:
    """As no one can, the triggers see to it: settlements are gone, and what they were summed up in."""
    for name in ("settlements", "postings", "transactions"):
        drop = f"DROP TRIGGER IF EXISTS {name}_no_delete" if conn.dialect.name == "sqlite" else ""
        conn.execute(text(drop or f"ALTER TABLE {name} DISABLE TRIGGER USER"))
    conn.execute(tables.settlements.delete().where(tables.settlements.c.bid.in_(bids)))


def test_what_was_never_booked_is_found_and_booked_as_it_would_have_been(books: Books) -> None:
    with books.store.read() as conn:
        whole = rows(conn)
        found = replay.compare(conn, books.data, lambda line: None)
    assert {bid for bid, _ in whole} == BILLED
    assert (found.events, found.billable, found.missing, found.otherwise) == (len(EVENTS), len(BILLED), {}, [])

    with books.store.write() as conn:
        lose(conn, 2, 3, 6, 7)
    with books.store.read() as conn:
        found = replay.compare(conn, books.data, lambda line: None)
    assert set(found.missing) == {2, 3, 6, 7} and found.otherwise == []
    with books.store.write() as conn:
        new = replay.complete(conn, books.data, Terms(SNAPSHOT), Accounts({}), found, NOON + SECOND)
    with books.store.read() as conn:
        # The settler knows a price that was told before the billing only while the bid's lease lasts; here is none.
        told = replace(whole[2, 0], price=900_000, account_price=900_000, estimated=False)
        assert rows(conn) == whole | {(2, 0): told} and len(new) == len(whole) - 1
        assert replay.compare(conn, books.data, lambda line: None).missing == {}
        assert not [fault for fault in verify(conn, NOON).faults if "hash" in fault or "sum to zero" in fault]


def test_a_bid_that_is_booked_otherwise_is_said_and_left(books: Books) -> None:
    with books.store.write() as conn:
        lose(conn, 1)
    books.log(notice(9, price=1_500_000))
    books.settle()
    with books.store.write() as conn:
        if conn.dialect.name == "sqlite":
            conn.execute(text("DROP TRIGGER IF EXISTS settlements_no_update"))
        conn.execute(tables.settlements.update().where(tables.settlements.c.bid == 9).values(price=1_400_000))
    with books.store.read() as conn:
        found = replay.compare(conn, books.data, lambda line: None)
    assert found.otherwise == [(9, 1_500_000, 1_400_000)] and set(found.missing) == {1}


def test_what_the_ledger_has_not_read_is_not_missing(books: Books) -> None:
    books.log(notice(10), notice(11))
    with books.store.read() as conn:
        assert replay.compare(conn, books.data, lambda line: None).missing == {}


def test_hours_are_the_sums_of_their_rows(books: Books) -> None:
    with books.store.read() as conn:
        all_rows = read_settlements(conn, 0, 1000)
        for through in (0, all_rows[2].id, 2**62):
            expected: dict[tuple[int, int], list[int]] = {}
            for row in all_rows:
                if row.id <= through:
                    sums = expected.setdefault((row.received_ns // HOUR_NS, row.advertiser), [0] * 5)
                    new = 1, int(row.number == 0), row.price, row.account_price, row.fees
                    sums[:] = [old + more for old, more in zip(sums, new, strict=True)]
            told = read_hours(conn, NOON // HOUR_NS, NOON // HOUR_NS + 2, through)
            assert {(r.hour, r.advertiser): r for r in told} == {
                key: LedgerHour(*key, *v) for key, v in expected.items()
            }
        assert len(read_hours(conn, NOON // HOUR_NS, NOON // HOUR_NS + 1, 2**62)) == 1
        assert {row.context for row in all_rows if row.bid == 7} == {5} and BID > 0
