"""The ledger and the settler, on real stores."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event, func, select
from sqlalchemy.exc import IntegrityError

from campaigns.store import Store
from domain.campaign import Advertiser, Campaign, Limits, LineItem, Rate, Snapshot, Targeting
from domain.clock import SECOND, ManualClock
from domain.creative import every_format
from domain.events import Event, Kind, Mark, Notice, encode
from domain.exchange import Exchange
from domain.money import convert, convert_up
from eventlog.consumers import positions
from eventlog.segments import read_mark
from eventlog.writer import LogWriter
from pacing import tables
from pacing.ledger import Unbalanced, post, read_books, read_settlements
from pacing.protocol import Heartbeat, LeaseUse, Register
from pacing.treasury import Treasury

NOON = 1_790_000_000 // 86_400 * 86_400 * SECOND + 12 * 3600 * SECOND
USD_EUR = 917_431_193
OLD_RATE = Rate(2, "USD", "EUR", "2019-01-01", 900_000_000)
BID = 2_000_000

EXCHANGES = (Exchange(1, "usx", "USD", every_format("burl")), Exchange(2, "cnx", "CNY", every_format("impression")))
ADVERTISERS = (
    Advertiser(1, "bank", "Bank", "USD", "America/New_York", "bank.example", ()),
    Advertiser(2, "later", "Later", "EUR", "Europe/Berlin", "later.example", ()),
)
SNAPSHOT = Snapshot(
    version=1,
    published_ns=0,
    exchanges=EXCHANGES,
    rates=(Rate(1, "USD", "EUR", "2020-01-01", USD_EUR),),
    advertisers=ADVERTISERS,
    campaigns=tuple(Campaign(a.id, a.key, a.id, "", 0, 2**62, Limits(daily_budget=10**12)) for a in ADVERTISERS),
    line_items=tuple(LineItem(a.id, a.key, a.id, "", BID, Targeting(), (1,), pacing="asap") for a in ADVERTISERS),
    creatives=(),
    deals=(),
    audiences=(),
)


def notice(bid: int, kind: Kind = Kind.BILLING, price: int = BID, **fields: int) -> Notice:
    advertiser = fields.get("advertiser", 1)
    given = {
        "marks": 0, "received_ns": NOON, "imp": 0, "bid_ns": NOON, "exchange": 1, "advertiser": advertiser,
        "campaign": advertiser, "line_item": advertiser, "creative": 1, "deal": 0, "site": 2**63 + 5,
        "person": 2**63 + 7, "lease": 0, "rate": 0, "max_price": BID,
        "basis": Kind.BILLING, "loss_reason": 0, "min_to_win": 0,
    }  # fmt: skip
    return Notice(kind=kind, bid=bid, price=price, **(given | fields))


class Books:
    """A treasury on a directory, which can be dropped and opened again, and a writer of its money log."""

    def __init__(self, data: Path, store: Store) -> None:
        self.data, self.clock, self.store = data, ManualClock(NOON), store
        with self.store.write() as conn:
            for rate in (*SNAPSHOT.rates, OLD_RATE):
                conn.execute(tables.rates.insert().values(msgspec.structs.asdict(rate)))
        self.open()

    def open(self) -> Treasury:
        self.treasury = Treasury(self.store.write, self.data, self.clock, SNAPSHOT)
        return self.treasury

    def log(self, *events: Event, slot: str = "0") -> None:
        writer = LogWriter(self.data / "log" / "money" / slot)
        for happened in events:
            writer.append(encode(happened))
        writer.close()

    def settle(self, limit: int = 1000) -> None:
        while self.treasury.settle(limit):
            pass

    def checkpoint(self) -> int:
        with self.store.read() as conn:
            return conn.execute(select(tables.checkpoints.c.position)).scalar() or 0

    def passed(self) -> int:
        """Up to where the ledger lets the log go."""
        return positions(self.data / "log" / "money" / "0").get("ledger", 0)

    def balances(self) -> dict[tuple[str, int, str], int]:
        a = tables.accounts.c
        with self.store.read() as conn:
            rows = conn.execute(select(a.kind, a.owner, a.currency, a.balance))
            return {(kind, owner, currency): balance for kind, owner, currency, balance in rows if balance}

    def settlements(self) -> list[tuple[int, int, int, bool]]:
        with self.store.read() as conn:
            return [(s.bid, s.price, s.account_price, s.estimated) for s in read_settlements(conn, 0, 10_000)]

    def everything(self) -> tuple[object, ...]:
        with self.store.read() as conn:
            return (
                self.balances(),
                self.settlements(),
                read_books(conn, EXCHANGES),
                sorted(map(tuple, conn.execute(select(tables.spend_quarters)))),
                sorted(map(tuple, conn.execute(select(tables.spend_totals)))),
            )

    def check(self) -> None:
        """Every transaction sums to zero in each currency, and every balance is the sum of its postings."""
        p, a = tables.postings.c, tables.accounts.c
        with self.store.read() as conn:
            joined = select(func.sum(p.amount)).join_from(tables.postings, tables.accounts, p.account_id == a.id)
            assert set(conn.execute(joined.group_by(p.transaction_id, a.currency)).scalars()) <= {0}
            sums = dict(conn.execute(select(p.account_id, func.sum(p.amount)).group_by(p.account_id)).fetchall())
            assert {id_: sums.get(id_, 0) for id_, _ in conn.execute(select(a.id, a.balance))} == {
                id_: balance for id_, balance in conn.execute(select(a.id, a.balance))
            }


@pytest.fixture
def books(tmp_path: Path, store: Store) -> Iterator[Books]:
    made = Books(tmp_path, store)
    yield made
    made.check()


def test_one_currency_is_two_postings_and_two_are_four(books: Books) -> None:
    books.log(notice(1, price=1_500_001), notice(2, advertiser=2, rate=1, price=1_000_003))
    books.settle()
    euros = convert(1_000_003, USD_EUR)
    assert books.balances() == {
        ("line_item", 1, "USD"): 1_500_001,
        ("line_item", 2, "EUR"): euros,
        ("payable", 1, "USD"): -2_500_004,
        ("fx", 0, "USD"): 1_000_003,
        ("fx", 0, "EUR"): -euros,
    }
    assert books.settlements() == [(1, 1_500_001, 1_500_001, False), (2, 1_000_003, euros, False)]


def test_a_bid_is_booked_once_however_often_and_wherever_it_is_told(books: Books) -> None:
    books.log(notice(1), notice(1, price=5), notice(2))
    books.settle(limit=1)
    books.log(notice(1), notice(2, price=1), slot="1")
    books.settle()
    assert [row[:2] for row in books.settlements()] == [(1, BID), (2, BID)]


def test_the_database_itself_refuses_a_second_booking(books: Books) -> None:
    books.log(notice(1))
    books.settle()
    with pytest.raises(IntegrityError), books.store.write() as conn:
        row = conn.execute(select(tables.settlements)).one()._asdict()
        conn.execute(tables.settlements.insert().values(row | {"id": 99}))


@pytest.mark.parametrize("mark", [Mark.DUPLICATE, Mark.AUDIT, Mark.TEST])
def test_what_counts_nowhere_books_nothing(books: Books, mark: Mark) -> None:
    books.log(notice(1, marks=mark))
    books.settle()
    assert books.settlements() == []


def test_late_and_capped_events_book(books: Books) -> None:
    books.log(notice(1, marks=Mark.LATE), notice(2, marks=Mark.CAPPED | Mark.FIRST))
    books.settle()
    assert len(books.settlements()) == 2


def test_only_the_basis_books(books: Books) -> None:
    others = (Kind.WIN, Kind.IMPRESSION, Kind.CLICK, Kind.LOSS)
    books.log(*(notice(n, kind) for n, kind in enumerate(others)), notice(9, Kind.IMPRESSION, basis=Kind.IMPRESSION))
    books.settle()
    assert [row[0] for row in books.settlements()] == [9]


def test_without_a_price_the_win_price_counts_else_the_bid_as_an_estimate(books: Books) -> None:
    worker = books.treasury.register(Register("h", 1))
    lease = {g.line_item: g.lease for g in books.treasury.heartbeat(Heartbeat(worker)).grants}[1]
    books.log(
        notice(1, Kind.WIN, price=700, lease=lease), notice(2, Kind.WIN, price=0, marks=Mark.NO_PRICE, lease=lease)
    )
    books.settle()
    books.log(
        notice(1, price=0, marks=Mark.NO_PRICE, lease=lease),
        notice(2, price=0, marks=Mark.NO_PRICE, lease=lease),
        notice(3, price=0, lease=lease),
    )
    books.settle()
    assert books.settlements() == [(1, 700, 700, False), (2, BID, BID, True), (3, 0, 0, False)]


def test_an_exchange_rate_that_is_no_longer_published_still_books(books: Books) -> None:
    books.log(notice(1, advertiser=2, rate=2, price=1_000_000))
    books.settle()
    assert books.settlements() == [(1, 1_000_000, 900_000, False)]


def test_spend_is_of_the_day_of_receiving_in_the_accounts_zone(books: Books) -> None:
    before_midnight = NOON - 9 * 3600 * SECOND  # 03:00 UTC: the day before in New York, the same in Berlin
    books.log(notice(1, received_ns=before_midnight), notice(2, received_ns=before_midnight, advertiser=2, rate=1))
    books.settle()
    with books.store.read() as conn:
        s, t = tables.settlements.c, tables.transactions.c
        of = select(s.line_item, t.day).where(t.id == s.transaction_id)
        days = {line_item: day for line_item, day in conn.execute(of)}
    assert days[1] < days[2]


def test_reservations_are_given_back_once_by_billing_or_loss(books: Books) -> None:
    worker = books.treasury.register(Register("h", 1))
    grants = books.treasury.heartbeat(Heartbeat(worker)).grants
    lease = {g.line_item: g.lease for g in grants}
    final = (LeaseUse(lease[1], 4 * BID), LeaseUse(lease[2], 3 * convert_up(BID, USD_EUR)))
    books.treasury.heartbeat(Heartbeat(worker, (), final, stopping=True))

    def held() -> list[int]:
        return [row.reserved for row in books.treasury.delivery()]

    assert held() == [4 * BID, 3 * convert_up(BID, USD_EUR)]
    books.log(
        notice(1, Kind.LOSS, lease=lease[1]), notice(1, lease=lease[1]), notice(2, lease=lease[1], marks=Mark.AUDIT)
    )
    books.log(notice(3, Kind.LOSS, lease=lease[2], advertiser=2, rate=1))
    books.settle(limit=1)
    assert held() == [2 * BID, 2 * convert_up(BID, USD_EUR)]
    books.log(notice(2, Kind.LOSS, lease=lease[1]))
    books.open()
    books.settle()
    assert held() == [2 * BID, 2 * convert_up(BID, USD_EUR)]


def test_an_unknown_name_stops_the_settler_and_loses_nothing(books: Books) -> None:
    books.log(notice(1), notice(2, advertiser=1, exchange=77))
    with pytest.raises(LookupError, match="77"):
        books.settle()
    assert books.settlements() == []
    with pytest.raises(LookupError, match="77"):
        books.settle()


def test_a_transaction_that_does_not_sum_to_zero_is_refused(books: Books) -> None:
    books.log(notice(1))
    books.settle()
    with books.store.write() as conn:
        ids = list(conn.execute(select(tables.accounts.c.id)).scalars())
        with pytest.raises(Unbalanced, match="'USD': 1"):
            post(conn, 99, {ids[0]: 2, ids[1]: -1})


class Killed(Exception):
    pass


@contextmanager
def killed_at(engine: Engine, statement: int) -> Iterator[None]:
    """The process "dies" before its n-th statement, or before the commit if there are fewer."""
    count = 0

    def before(*args: object) -> None:
        nonlocal count
        count += 1
        if count == statement:
            raise Killed

    def commit(conn: Connection) -> None:
        if count < statement:
            raise Killed

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "commit", commit)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "commit", commit)


def test_killed_anywhere_in_a_batch_the_balances_come_out_the_same(
    tmp_path: Path, new_store_url: Callable[[], str]
) -> None:
    stream = [notice(n % 9, price=1000 + n, advertiser=1 + n % 2, rate=n % 2) for n in range(20)]
    (tmp_path / "whole").mkdir()
    whole = Books(tmp_path / "whole", Store(new_store_url()))
    whole.log(*stream)
    whole.settle()
    (tmp_path / "torn").mkdir()
    torn = Books(tmp_path / "torn", Store(new_store_url()))
    torn.log(*stream)
    deaths = 0
    for statement in range(1, 60):
        try:
            with killed_at(torn.store.engine, statement):
                torn.treasury.settle(7)
        except Killed:
            deaths += 1
            if statement % 2:
                torn.open()  # a new process; else the same one goes on after a failed transaction
        assert torn.passed() <= torn.checkpoint()
    assert deaths > 40
    torn.settle(7)
    assert torn.passed() == torn.checkpoint() == read_mark(torn.data / "log" / "money" / "0")
    assert torn.everything() == whole.everything()
    torn.check()
    for made in (whole, torn):
        made.store.close()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 12), st.sampled_from([Kind.BILLING, Kind.LOSS, Kind.WIN]), st.integers(0, BID),
            st.sampled_from([0, 0, 0, Mark.DUPLICATE, Mark.AUDIT, Mark.LATE, Mark.NO_PRICE]), st.booleans(),
        ),
        max_size=40,
    ),
    st.integers(1, 9),
)  # fmt: skip
def test_any_stream_adds_up(
    new_store_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory, stream: list[tuple], limit: int
) -> None:
    """The oracle: the first counting billing of each bid, at the price told, else at the first told after it, else the
    bid. (No lease is known here, so what was told before is not remembered.)
    """
    with closing(Store(new_store_url())) as store:
        _check_stream(Books(tmp_path_factory.mktemp("books"), store), stream, limit)


def _check_stream(books: Books, stream: list[tuple], limit: int) -> None:
    events = [
        notice(bid, kind, price, marks=marks, advertiser=1 + bid % 2, rate=bid % 2)
        for bid, kind, price, marks, _ in stream
    ]
    books.log(*events)
    expected: dict[int, int] = {}
    estimated: set[int] = set()
    for bid, kind, price, marks, _ in stream:
        told = marks not in (Mark.AUDIT, Mark.NO_PRICE)
        if kind == Kind.BILLING and marks not in (Mark.DUPLICATE, Mark.AUDIT) and bid not in expected:
            expected[bid] = price if told else BID
            estimated |= set() if told else {bid}
        elif bid in estimated and told and kind != Kind.LOSS:
            expected[bid] = price
            estimated.remove(bid)
    for (*_, reopen), _ in zip(stream, range(5), strict=False):
        books.treasury.settle(limit)
        if reopen:
            books.open()
    books.settle(limit)
    booked: Counter[int] = Counter()
    for bid, price, *_ in books.settlements():
        booked[bid] += price
    assert booked == expected
    with books.store.read() as conn:
        (usx, _) = read_books(conn, EXCHANGES)
    assert (usx.billed, usx.spend, usx.estimated) == (len(expected), sum(expected.values()), len(estimated))
    books.check()
