"""A store that is away, slow, cut off, full or particular: nothing is lost or doubled, and it is said what is wrong."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domain.events import Bid, Notice, encode
from domain.settings import Places
from eventlog.reader import LogReader
from eventlog.writer import LogWriter
from reporting.aside import Aside
from reporting.config import KeepDays, Reporting
from reporting.feed import Feed
from reporting.rollups import GRAINS
from reporting.schema import V18
from reporting.shipper import Shipper
from reporting.sources import logs
from reporting.store import Store, StoreError, migrate, open_store
from tests.clickhouse_server import ClickHouseServer
from tests.integration.reporting.crooked_wire import CrookedWire
from tests.integration.reporting.test_rollups import counted, rolled_up
from tests.stored import send
from tests.trade import Trade

DEADLINE_S = 60.0


def write_logs(data: Path, trade: Trade) -> None:
    for name, events in (("bids/0", trade.bids), ("money/0", trade.money)):
        writer = LogWriter(data / "log" / name)
        for event in events:
            writer.append(encode(event))
        writer.close()


def until(wanted: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not wanted():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def rows_of(trade: Trade) -> dict[str, int]:
    return {
        "bids": sum(isinstance(event, Bid) for event in trade.bids),
        "impressions": sum(isinstance(event, Notice) and event.kind == 4 for event in trade.money),
        "events": sum(isinstance(event, Notice) and event.kind == 7 for event in trade.money),
    }


def all_is_there(store: Store, trade: Trade) -> None:
    for table, rows in rows_of(trade).items():
        assert int(store.query(f"SELECT count() FROM {table}")[0][0]) == rows, table
    trade.settlements = []  # there is no control here
    for grain in GRAINS:
        assert rolled_up(store, grain) == counted(trade, [], grain), grain


@pytest.fixture
def store(store_address: str, folder: Path) -> Iterator[Store]:
    store = open_store(store_address, folder)
    migrate(store)
    yield store
    store.close()


@pytest.fixture
def wire(clickhouse: ClickHouseServer) -> Iterator[CrookedWire]:
    wire = CrookedWire(clickhouse.port)
    yield wire
    wire.close()


def test_a_server_that_is_away_slow_and_cut_off(wire: CrookedWire, clickhouse: ClickHouseServer, folder: Path) -> None:
    trade = Trade(seed=6, auctions=500, days=0.2)
    behind_wire = clickhouse.address("crooked").replace(f":{clickhouse.port}/", f":{wire.port}/")
    settings = Reporting(
        store=behind_wire, settlements=False, batch_rows=300, pause_s=0.05, keep_days=KeepDays(0, 0, 0)
    )
    feed = Feed(Places(data_dir=str(folder), control_port=1), settings)
    feed.start()
    write_logs(folder, trade)
    until(lambda: feed.failures >= 2, "it is tried again")
    assert "ClickHouse server" in feed.trouble and not feed.ready.is_set()
    lag = feed.lag()
    assert {name.partition("/")[2] for name in lag} == {"bids/0", "money/0"}
    for name, one in lag.items():
        size = sum(path.stat().st_size for path in (folder / "log" / name.partition("/")[2]).glob("*.log"))
        assert one.amount == size
        first: Any = trade.bids[3] if "bids" in name else trade.money[0]
        told = getattr(first, "time_ns", 0) or first.received_ns
        assert abs(time.time() - told / 1e9 - one.seconds) < 60

    wire.delay_s, wire.open = 0.02, True
    for _ in range(3):
        position = sum(feed.shipper.positions.values()) if feed.shipper else 0
        until(lambda at=position: feed.shipper and sum(feed.shipper.positions.values()) > at, "it goes on, slowly")  # type: ignore[misc]
        failures = feed.failures
        until(lambda so_far=failures: wire.cut() or feed.failures > so_far, "it is noticed")  # type: ignore[misc]
    wire.delay_s = 0.0
    until(lambda: all(one.amount == 0 for one in feed.lag().values()), "it catches up")
    until(lambda: not feed.trouble, "nothing is wrong any more")
    assert all(one.seconds == 0 for one in feed.lag().values())
    feed.stop()
    assert not feed.shipper or not feed.shipper.failures
    store = open_store(clickhouse.address("crooked"), folder)
    announced = store.query("SELECT max(start), max(end) FROM batches GROUP BY log")
    assert len(announced) == 2 and all(
        start == end for start, end in announced
    )  # nothing is in doubt at the next start
    all_is_there(store, trade)
    store.close()


def test_a_store_that_takes_no_more_is_tried_until_it_does(store: Store, folder: Path) -> None:
    """Too many parts, or too little memory: nothing that a record is to blame for."""
    trade = Trade(seed=7, auctions=200, days=0.2)
    write_logs(folder, trade)
    aside = Aside(folder / "poison")
    shipper = Shipper(store, lambda: logs(folder, "x"), 100, aside)
    shipper.round()
    if store.dialect is V18:
        store._client.settings["max_memory_usage"] = 1000  # type: ignore[attr-defined]
    else:
        for table in ("bids", "events"):
            store.command(f"ALTER TABLE {table} MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1")
    with pytest.raises(StoreError) as refused:
        while shipper.round():
            pass
    assert refused.value.code in (241, 252) and not refused.value.of_content
    if store.dialect is V18:
        del store._client.settings["max_memory_usage"]  # type: ignore[attr-defined]
    else:
        for table in ("bids", "events"):
            store.command(f"ALTER TABLE {table} RESET SETTING parts_to_throw_insert, parts_to_delay_insert")
    while shipper.round():
        pass
    assert not aside.notes()
    all_is_there(store, trade)


def test_records_that_the_store_refuses_are_put_aside_and_the_rest_is_there(store: Store, folder: Path) -> None:
    """Three bids that a column refuses, and a record that is none."""
    trade = Trade(seed=8, auctions=400, days=0.2)
    bids = [place for place, event in enumerate(trade.bids) if isinstance(event, Bid)]
    bad = [bids[0], bids[100], bids[101]]
    for place in bad:
        trade.bids[place] = replace(trade.bids[place], price=13)
    writer = LogWriter(folder / "log/bids/0", segment_bytes=20_000)
    for place, event in enumerate(trade.bids):
        writer.append(encode(event))
        if place == bids[50]:
            writer.append(b"\x93\x01\x02\x03")
    writer.close()
    trade.money = []
    store.command("ALTER TABLE bids ADD COLUMN luck UInt8 MATERIALIZED throwIf(price = 13)")
    aside = Aside(folder / "poison")
    for shipper in (Shipper(store, lambda: logs(folder, "x"), 250, aside) for _ in range(100)):
        try:
            while shipper.round():
                pass
            break
        except StoreError as error:
            assert error.of_content
    assert shipper.refused == 4
    for at in (aside, Aside(folder / "poison")):  # and after a restart
        notes = sorted(at.notes(), key=lambda note: note.position)
        records = [LogReader(folder / "log/bids/0", note.position).read(1)[0][0] for note in notes]
        assert records == [encode(trade.bids[bad[0]]), b"\x93\x01\x02\x03", *(encode(trade.bids[n]) for n in bad[1:])]
        assert [note.why for note in notes][1] == "it has too few fields"
        assert {note.why for note in notes} >= {"bids refuses it: ClickHouse error 395"}
        assert at.count == 4
    assert all(b"price" not in path.read_bytes() for path in (folder / "poison").rglob("*.jsonl"))
    for place in reversed(bad):
        del trade.bids[place]
    all_is_there(store, trade)


@pytest.mark.parametrize("lost", ["rows", "rollup", "token"])
def test_tokens_of_an_engine_that_was_killed_are_not_believed(folder: Path, lost: str) -> None:
    """It writes a token down, names the block's files, and syncs these alone. Killed in between it knows a block that
    it has not, in the table or in what a view makes of it; after a power cut it may have one that it does not know.
    """
    trade = Trade(seed=10, auctions=120, days=0.2)
    trade.money = []
    write_logs(folder, trade)
    with closing(open_store("chdb", folder)) as store:
        migrate(store)
        Shipper(store, lambda: logs(folder, "x")).round()
        all_is_there(store, trade)
        table = "delivery_hour" if lost == "rollup" else "bids"
        [(path,)] = store.query(f"SELECT arrayJoin(data_paths) FROM system.tables WHERE name = '{table}'")
    if lost == "token":
        for file in Path(str(path)).glob("deduplication_logs/*"):
            file.write_bytes(b"")
    else:
        [part] = Path(str(path)).glob("2*_*_*_*")
        shutil.rmtree(part)
    with closing(open_store("chdb", folder)) as store:
        assert Shipper(store, lambda: logs(folder, "x")).round() == 0
        all_is_there(store, trade)


def test_connections_of_one_process_take_turns(folder: Path) -> None:
    """Who makes rollups anew would lose what another brings meanwhile: what is being credited, say."""
    trade = Trade(seed=11, auctions=20, days=0.2)
    with closing(open_store("chdb", folder)) as one, closing(open_store("chdb", folder)) as other:
        migrate(one)
        bringing = threading.Thread(target=lambda: send(other, trade.bids, "theirs"))
        with one.alone():
            send(one, trade.bids, "own")
            bringing.start()
            bringing.join(0.5)
            assert bringing.is_alive()
            rows = int(one.query("SELECT count() FROM bids")[0][0])
        bringing.join()
        assert rows and int(one.query("SELECT count() FROM bids")[0][0]) == 2 * rows
