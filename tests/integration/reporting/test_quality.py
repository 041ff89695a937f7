"""Data quality: a clean deployment has no findings, and each kind of damage is one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domain.clock import ManualClock
from domain.events import NOT_COUNTED, Kind, Mark, Notice, encode
from eventlog.reader import LogReader
from eventlog.remote import origin
from eventlog.segments import segments
from eventlog.writer import LogWriter
from pacing.protocol import LedgerHour, LedgerHours, Settlement
from reporting import schema
from reporting.findings import CHECKS, Finding, Report, counts, hour_text
from reporting.names import Dictionary, of_snapshot
from reporting.quality import Auditor
from reporting.shipper import Shipper
from reporting.sources import SettlementSource, logs
from reporting.store import Store, migrate, open_store
from reporting.tallies import HOUR_NS
from tests.clickhouse_server import ClickHouseServer
from tests.integration.reporting.conftest import Control
from tests.integration.reporting.test_shipping import write_logs
from tests.trade import START_NS, Trade, snapshot

FIRST = START_NS // HOUR_NS
LAST = FIRST + 34


class Books:
    """Control's part: sums of bookings by hour and account, by plain counting."""

    def __init__(self, rows: list[Settlement], settled_ns: int = 1 << 62) -> None:
        self.rows, self.settled_ns = rows, settled_ns

    def hours(self, first: int, last: int, through: int) -> LedgerHours:
        found: dict[tuple[int, int], list[int]] = {}
        for row in self.rows:
            hour = row.received_ns // HOUR_NS
            if first <= hour <= last and row.id <= through:
                sums = found.setdefault((hour, row.advertiser), [0] * 5)
                new = 1, int(row.number == 0), row.price, row.account_price, row.fees
                sums[:] = [old + more for old, more in zip(sums, new, strict=True)]
        return LedgerHours(tuple(LedgerHour(*key, *sums) for key, sums in found.items()), self.settled_ns)


@dataclass
class World:
    store: Store
    data: Path
    trade: Trade
    control: Control
    books: Books
    clock: ManualClock
    shipper: Shipper

    def ship(self) -> None:
        while self.shipper.round():
            pass

    def auditor(self, **options: Any) -> Auditor:
        name = origin(self.data)
        return Auditor(
            self.store, self.data, name, lambda: self.shipper.positions, self.clock, self.books,
            **{"tolerated": 1.0, **options},
        )  # fmt: skip

    def check(self, **options: Any) -> Report:
        return self.auditor(**options).run(range(FIRST, LAST + 1))

    def put(self, *notices: Notice) -> None:
        """Into the store as if they had been shipped."""
        for notice in notices:
            table = {Kind.CLICK: schema.CLICKS, Kind.IMPRESSION: schema.IMPRESSIONS, Kind.EVENT: schema.EVENTS}[
                Kind(notice.kind)
            ]
            columns = {name: [getattr(notice, name)] for name in table.columns if name != "batch"}
            self.store.insert(table, {**columns, "batch": [1]})


@contextmanager
def opened(address: str, data: Path, control: Control) -> Iterator[World]:
    store = open_store(address, data, owner=origin(data))
    migrate(store)
    trade = Trade(seed=6, auctions=400, days=1.2)
    trade.money.sort(key=lambda event: event.received_ns)  # as a tracker logs them
    control.settlements = trade.settlements
    write_logs(data, trade)
    name = origin(data)
    ledger = SettlementSource(f"{name}/settlements", control.base)
    shipper = Shipper(store, lambda: [*logs(data, name), ledger], 1_000)
    Dictionary().write(store, of_snapshot(snapshot()), 1)
    clock = ManualClock((LAST + 2) * HOUR_NS)
    yield World(store, data, trade, control, Books(trade.settlements), clock, shipper)
    store.close()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporting.quality.LOOK_AGAIN_S", 0.0)


@pytest.fixture
def world(at_once: None, tmp_path: Path, control: Control) -> Iterator[World]:
    with opened("chdb", tmp_path, control) as made:
        yield made


@pytest.fixture
def on_server(at_once: None, clickhouse: ClickHouseServer, tmp_path: Path, control: Control) -> Iterator[World]:
    """On the oldest engine, for a test that comes by every query."""
    with opened(clickhouse.address("quality"), tmp_path, control) as made:
        yield made


def found(report: Report) -> dict[str, list[Finding]]:
    assert sum(counts(report).values()) == len(report.findings)
    return {check: [one for one in report.findings if one.check == check] for check, n in counts(report).items() if n}


def changed(notice: Notice, **fields: Any) -> Notice:
    return replace(notice, **fields)


def test_no_findings_where_all_is_well(world: World) -> None:
    """Duplicates, late notices, audits and corrections among the events; nothing shipped, a part, all of it."""
    early = world.check()
    assert (early.findings, early.hours) == ((), 0) or not [f for f in early.findings if f.check != "freshness"]
    assert "not in the store" in next(iter(early.pending.values()))
    world.shipper.round()
    assert not [one for one in world.check().findings if one.check != "freshness"]
    world.ship()
    report = world.check()
    assert report.findings == () and report.pending == {} and report.hours == LAST - FIRST + 1
    assert set(report.newest) == {table.name for table in schema.FACTS} and all(
        report.newest[name] for name in ("bids", "wins", "clicks", "settlements")
    )
    # What was counted once is not counted again, by another auditor neither.
    assert world.check(grace_s=3600.0) == report
    assert counts(report) == dict.fromkeys(CHECKS, 0)
    # Two hosts share a store: what the other's log has is known once its reporter has counted it.
    other = world.data / "other"
    trade = Trade(seed=7, auctions=150)
    shift = 1 << 40
    writer = LogWriter(other / "log" / "bids" / "0")
    for event in trade.bids:
        writer.append(encode(replace(event, bid=event.bid + shift) if hasattr(event, "bid") else event))
    writer.close()
    theirs = Shipper(world.store, lambda: logs(other, origin(other)))
    while theirs.round():
        pass
    waiting = world.check()
    assert waiting.findings == () and waiting.hours == 0 and origin(other) in next(iter(waiting.pending.values()))
    Auditor(world.store, other, origin(other), lambda: theirs.positions, world.clock, None).count()
    both = world.check()
    assert both.findings == () and both.hours == LAST - FIRST + 1
    # Hours that are not over, and such that the ledger has not come to, wait.
    world.books.settled_ns = (FIRST + 10) * HOUR_NS + HOUR_NS // 2
    waiting = world.check()
    assert waiting.hours == 10 and waiting.findings == ()
    assert waiting.pending[hour_text(FIRST + 10)] == "the ledger has not booked beyond the hour"
    world.books.settled_ns = 1 << 62
    world.clock.time_ns = (FIRST + 5) * HOUR_NS + HOUR_NS // 2
    assert world.check().last == hour_text(FIRST + 4)


def lose_click(world: World) -> Finding:
    """Takes a click out of the store; what is to be found then."""
    clicks = [e for e in world.trade.money if isinstance(e, Notice) and e.kind == Kind.CLICK]
    gone = next(one for one in clicks if not one.marks & NOT_COUNTED)
    batches = world.store.query(f"SELECT batch FROM clicks WHERE bid = {gone.bid} AND marks = {gone.marks}")
    assert len(batches) == 1
    hour = gone.received_ns // HOUR_NS
    expected = sum(c.received_ns // HOUR_NS == hour and c.advertiser == gone.advertiser for c in clicks)
    day = int(gone.received_ns // (24 * HOUR_NS))
    columns = ", ".join(f"`{name}`" for name in schema.CLICKS.columns)
    world.store.command(world.store.dialect.create(schema.CLICKS, "kept"))
    world.store.command(
        f"INSERT INTO kept ({columns}) SELECT {columns} FROM clicks WHERE day = toDate({day}) AND bid != {gone.bid}"
    )
    partition = world.store.query(f"SELECT toString(toDate({day}))")[0][0]
    world.store.command(f"ALTER TABLE clicks REPLACE PARTITION '{partition}' FROM kept")
    world.store.command(world.store.dialect.drop("kept"))
    return Finding(
        "store_rows", "rows of clicks", hour_text(hour), gone.advertiser, expected,
        expected - sum(c.bid == gone.bid and c.received_ns // HOUR_NS == hour for c in clicks), "",
    )  # fmt: skip


def test_each_relation_between_events_is_looked_at(on_server: World) -> None:
    world = on_server
    world.ship()
    shown = [
        e for e in world.trade.money
        if isinstance(e, Notice) and e.kind == Kind.IMPRESSION and not e.marks & NOT_COUNTED and e.marks & Mark.FIRST
    ]  # fmt: skip
    one, two = shown[0], shown[1]
    lost = 1 << 40
    before = found(world.check(tolerated=0.0))
    assert set(before) <= {"clicks_without_impression", "completes_without_start"}
    # Not one of these is in the logs, so the rows of tables differ besides.
    put = {
        "impressions_without_win": changed(one, bid=lost, marks=0),
        "wins_without_bid": changed(one, bid=lost + 1),
        "clicks_without_impression": changed(one, kind=Kind.CLICK, bid=lost + 2, marks=0),
        "completes_without_start": changed(one, kind=Kind.EVENT, event=5, bid=lost + 3, marks=0),
        "duplicates": two,
        "names_missing": changed(one, bid=lost + 4, line_item=77, marks=0),
    }
    world.put(*put.values())
    after = found(world.check(tolerated=0.0))
    for check, notice in put.items():
        hour = hour_text(notice.received_ns // HOUR_NS)
        was, now = (
            sum(f.found for f in of.get(check, ()) if f.hour == hour and f.account in (0, notice.advertiser))
            for of in (before, after)
        )
        assert now - was >= 1, check
    assert {f.what for f in after["duplicates"]} >= {
        "impressions that count twice",
        "bids that are won twice",
    }
    billed = next(row for row in world.books.rows if row.number == 0)
    dear = replace(billed, id=10**9, number=7, price=1 << 50)
    columns = {name: [int(v) if isinstance(v := getattr(dear, name), bool) else v] for name in dear.__struct_fields__}
    world.store.insert(schema.SETTLEMENTS, {**columns, "batch": [1]})
    (above,) = found(world.check())["spend_above_maximum"]
    assert (above.found, above.account) == (1, billed.advertiser)


def test_damage_is_found_where_it_is(world: World) -> None:
    world.ship()
    # A sum in the ledger is another one by a nano.
    rows, moved = world.books.rows, world.control.settlements[7]
    world.books.rows = [replace(r, account_price=r.account_price + 1) if r is moved else r for r in rows]
    (one,) = world.check().findings
    assert (one.check, one.what) == ("ledger_store", "account_price of settlements")
    assert (one.account, one.hour) == (moved.advertiser, hour_text(moved.received_ns // HOUR_NS))
    assert one.expected == one.found + 1

    # A row of the ledger is gone.
    gone = next(row for row in rows if row.number == 0 and row.fees)
    world.books.rows = [row for row in rows if row is not gone]
    checks = found(world.check())
    told = {one.what.split()[0] for one in checks["ledger_store"]}
    assert told == {"rows", "billed", "price", "account_price", "fees"}
    (billed,) = checks["ledger_log"]
    assert billed.expected == billed.found + 1 and billed.account == gone.advertiser
    world.books.rows = rows

    # A click is gone from the store. The rollups have it still.
    expected = lose_click(world)
    auditor = world.auditor()
    report = auditor.run(range(FIRST, LAST + 1))
    (row,) = [one for one in report.findings if one.what == "rows of clicks"]
    assert replace(row, since="") == expected
    assert {f.what for f in found(report)["rollups"]} >= {"clicks of delivery_hour"}
    # Since when it is known stays as the finding stays, over a restart too.
    world.clock.advance(3600)
    heir = world.auditor()
    heir.known(report.findings)
    later = heir.run(range(FIRST, LAST + 1))
    assert {one.since for one in later.findings} == {report.at} and later.at > report.at

    # A batch of impressions came twice.
    columns = ", ".join(f"`{name}`" for name in schema.IMPRESSIONS.columns)
    (batch, day, n), *_ = world.store.query(
        f"SELECT batch, toString(day), count() FROM impressions WHERE bitAnd(marks, {int(NOT_COUNTED)}) = 0"
        " GROUP BY batch, day ORDER BY count() DESC LIMIT 1"
    )
    world.store.command(world.store.dialect.create(schema.IMPRESSIONS, "twice"))
    world.store.command(f"INSERT INTO twice ({columns}) SELECT {columns} FROM impressions WHERE batch = {batch}")
    world.store.command(f"INSERT INTO impressions ({columns}) SELECT {columns} FROM twice")
    world.store.command(world.store.dialect.drop("twice"))
    checks = found(world.check())
    twice = [one for one in checks["duplicates"] if one.what.startswith("impressions that count twice")]
    assert sum(one.found for one in twice) == int(n) and all(one.hour.startswith(day) for one in twice)
    more = [one for one in checks["store_rows"] if one.what == "counted of impressions"]
    assert sum(one.found - one.expected for one in more) == int(n)

    # A day of a rollup is gone.
    (day,) = world.store.query("SELECT toString(min(day)) FROM delivery_hour")[0]
    world.store.command(f"ALTER TABLE delivery_hour DROP PARTITION '{day}'")
    bids = [one for one in found(world.check())["rollups"] if one.what == "bids of delivery_hour"]
    number = int(world.store.query(f"SELECT toUInt32(toDate('{day}'))")[0][0])
    real = [bid for bid in world.trade.bids if getattr(bid, "test", True) is False]
    assert sum(one.expected for one in bids) == sum(bid.time_ns // (24 * HOUR_NS) == number for bid in real)
    assert {one.found for one in bids} == {0}


def test_logs_that_are_damaged_or_behind_or_lack_something_are_found(world: World) -> None:
    directory = world.data / "log" / "bids" / "0"
    path = directory / f"{segments(directory)[0]:010d}.log"
    data = bytearray(path.read_bytes())
    data[9] ^= 0xFF
    path.write_bytes(data)
    money = world.data / "log" / "money" / "0"
    lost = segments(money)[1]
    assert len(segments(money)) > 2 and LogReader(money, lost << 40).read(10_000, (lost + 1) << 40)[0]
    shutil.move(money / f"{lost:010d}.log", world.data / "lost")
    world.ship()
    (damaged,) = found(world.check(fresh_s=60.0))["log_unreadable"]
    assert "damaged at byte 0" in damaged.what
    data[9] ^= 0xFF
    path.write_bytes(data)
    (late,) = found(world.check(fresh_s=60.0))["freshness"]
    assert late.what.endswith("/bids/0") and late.found > 3600
    world.ship()
    checks = found(world.check(fresh_s=60.0))
    assert [one.found for one in checks["log_gaps"]] == [1] and not checks.keys() & {"freshness", "log_unreadable"}
    assert checks["ledger_log"], "the ledger has booked what the log does not have any more"
