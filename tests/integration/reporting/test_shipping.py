"""Events and bookings reach both kinds of store exactly once, whatever is killed, and both report the same numbers."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import asdict

from domain.events import NOT_COUNTED, Bid, Kind, NoBid, Notice, encode
from eventlog.remote import origin
from eventlog.writer import LogWriter
from reporting import losses, report
from reporting.migrations import MIGRATIONS
from reporting.names import Dictionary, of_snapshot
from reporting.report import COUNTS
from reporting.schema import FACTS, SETTLEMENTS
from reporting.shipper import Shipper
from reporting.sources import SettlementSource, logs
from reporting.store import Store, migrate, open_store, revert
from tests.integration.reporting.conftest import Control
from tests.trade import Trade, snapshot

ROOT = Path(__file__).parents[3]
DIMENSIONS = ("day", "hour", "advertiser", "campaign", "line_item", "creative", "exchange", "site", "format")


@pytest.fixture
def opened(store_address: str, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the store, and closes it however the test ends (this process can hold one embedded store at a time)."""
    stores: list[Store] = []

    def opens() -> Store:
        stores.append(open_store(store_address, tmp_path))
        return stores[-1]

    yield opens
    for store in stores:
        store.close()


def write_logs(data: Path, trade: Trade) -> None:
    for name, events in (("bids/0", trade.bids), ("money/0", trade.money)):
        writer = LogWriter(data / "log" / name, segment_bytes=40_000)  # several segments
        for event in events:
            writer.append(encode(event))
        writer.close()


def shipped_exactly(store: Store, trade: Trade) -> None:
    """Every table holds the rows of its events, each once, none of another."""
    expected = {
        "bids": {event.bid for event in trade.bids if isinstance(event, Bid)},
        "no_bids": {event.auction for event in trade.bids if isinstance(event, NoBid)},
        "settlements": {row.id for row in trade.settlements},
    }
    for table, column in (("bids", "bid"), ("no_bids", "auction"), ("settlements", "id")):
        found = [row[0] for row in store.query(f"SELECT {column} FROM {table}")]
        assert len(found) == len(set(found)) and set(found) == expected[table], table
    for kind, table in enumerate(("wins", "billings", "losses", "impressions", "clicks"), start=1):
        wanted = sorted((e.bid, e.received_ns) for e in trade.money if isinstance(e, Notice) and e.kind == kind)
        assert sorted(map(tuple, store.query(f"SELECT bid, received_ns FROM {table}"))) == wanted, table
    played = sorted((e.bid, e.event, e.error) for e in trade.money if isinstance(e, Notice) and e.kind == Kind.EVENT)
    assert played and sorted(map(tuple, store.query("SELECT bid, event, error FROM events"))) == played


def reported(store: Store, by: tuple[str, ...]) -> dict[tuple[object, ...], dict[str, int]]:
    """The report in the shape of `Trade.sums`."""
    found = {}
    for line in report.run(store, report.Request(by)):
        key = (*(line.ids.get(name, line.labels[name]) for name in by), line.currency)
        assert key not in found
        found[key] = {name: value for name, value in line.sums.items() if value}
    return found


def test_reports_equal_plain_counting(opened: Callable[[], Store], tmp_path: Path, control: Control) -> None:
    trade = Trade(seed=1, auctions=1500)
    control.settlements = trade.settlements
    write_logs(tmp_path, trade)
    store = opened()
    migrate(store)
    assert migrate(store) == MIGRATIONS[-1].number  # a second time changes nothing
    name = origin(tmp_path)
    ledger = SettlementSource(f"{name}/settlements", control.base)
    shipper = Shipper(store, lambda: [*logs(tmp_path, name), ledger], 700)
    shipped = 0
    while moved := shipper.round():
        shipped += moved
    assert shipped == len(trade.bids) + len(trade.money) + len(trade.settlements)
    assert [source.behind(shipper.positions[source.name]) for source in [*logs(tmp_path, name), ledger]] == [0, 0, 0]
    Dictionary().write(store, of_snapshot(snapshot(" (old)", 5)), 5)
    Dictionary().write(store, of_snapshot(snapshot("", 9)), 9)
    Dictionary().write(store, of_snapshot(snapshot(" (older)", 2)), 2)

    shipped_exactly(store, trade)
    for by in [(name,) for name in DIMENSIONS] + [("day", "line_item"), ("hour", "site", "exchange"), DIMENSIONS]:
        assert reported(store, by) == trade.sums(by), by
    labels = {line.labels["line_item"] for line in report.run(store, report.Request(("line_item",)))} - {""}
    assert labels == {"Line 1", "Line 2", "Line 3", "Line 4"}  # today's names: the newest published
    sites = {line.labels["site"] for line in report.run(store, report.Request(("site",)))}
    assert 'it\'s \\ a "site"\n.example' in sites and "пример.example" in sites

    lost = [e for e in trade.money if isinstance(e, Notice) and e.kind == Kind.LOSS and not e.marks & NOT_COUNTED]
    [of_all] = losses.run(store, losses.read({"by": "loss_reason", "from": "2026-01-01", "to": "2099-01-01"}))[:1]
    by_line = losses.run(store, losses.read({"by": "line_item,loss_reason,exchange"}))
    assert of_all.labels == {"loss_reason": "102 lost to a higher bid"}
    assert sum(line.losses for line in by_line) == sum(line.told for line in by_line) == len(lost) > 100
    assert sum(line.bids for line in by_line) == sum(e.max_price for e in lost)
    assert {line.to_win for line in by_line if line.losses == 1} <= {5}
    counted = Counter((f"Line {e.line_item}", {1: "usx", 2: "cnx"}[e.exchange]) for e in lost)
    assert {(x.labels["line_item"], x.labels["exchange"]): x.losses for x in by_line} == counted

    day = min(key[0] for key in trade.sums(("day",)))
    one = report.Request.read({"by": "day", "from": day, "to": day})
    assert {line.labels["day"] for line in report.run(store, one)} == {day}

    books = {entry["exchange"]: entry for entry in report.books(store)}
    for exchange, key, currency in ((1, "usx", "USD"), (2, "cnx", "CNY")):
        own = [sums for (id_, _), sums in trade.sums(("exchange",)).items() if id_ == exchange]
        totals = {metric: sum(sums.get(metric, 0) for sums in own) for metric in COUNTS if metric != "bids"}
        spend = sum(row.price for row in trade.settlements if row.exchange == exchange)
        assert books[key] == {"exchange": key, "currency": currency, "spend": spend, **totals}


def test_migrations_go_down_again(opened: Callable[[], Store]) -> None:
    store = opened()
    migrate(store)
    revert(store, 0)
    here = {row[0] for row in store.query("SELECT name FROM system.tables WHERE database = currentDatabase()")}
    assert here == {"migrations"}
    migrate(store)
    for table in FACTS:
        assert store.query(f"SELECT count() FROM {table.name}")[0][0] == 0


def test_what_was_stored_before_corrections_still_counts(opened: Callable[[], Store]) -> None:
    """A store as the first migration left it: a row without a number is a billed bid."""
    store = opened()
    migrate(store)
    revert(store, 1)
    columns = {row[0] for row in store.query("DESCRIBE TABLE settlements")}
    assert {"marks", "estimated"} <= columns and not {"number", "fees"} & columns
    (row, *_) = Trade(seed=4, auctions=50).settlements
    fields = {name: [value] for name, value in asdict(row).items()} | {"estimated": [1], "batch": [1], "fees": [9]}
    before = {name: kind for name, kind in SETTLEMENTS.columns.items() if name in columns}
    store.insert(replace(SETTLEMENTS, columns=before), {name: fields[name] for name in before})
    migrate(store)
    correction = {"number": [1], "price": [-1], "account_price": [-row.account_price], "batch": [2]}
    store.insert(SETTLEMENTS, fields | correction)
    assert list(map(tuple, store.query("SELECT number, price FROM settlements ORDER BY number"))) == [
        (0, row.price),
        (1, -1),
    ]
    (line,) = report.run(store, report.Request(("line_item",)))
    assert (line.sums["billed"], line.sums["spend"], line.sums["fees"]) == (1, 0, 9)


@pytest.mark.parametrize("text", ["", "it's", "back\\slash \\' ", "%(x)s %s", "new\nline\ttab", "пример", "--", "\0x"])
def test_parameters_arrive_as_they_are(opened: Callable[[], Store], text: str) -> None:
    assert list(opened().query("SELECT %(text)s, %(number)s", {"text": text, "number": -5})[0]) == [text, -5]
