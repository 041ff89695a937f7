"""`outbid replay store`: days that lost, doubled or changed rows are as the logs have them again, rollups too."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from eventlog.damage import list_of, pass_over
from eventlog.reader import LogCorrupt
from eventlog.remote import origin
from eventlog.segments import segment_path, segments
from reporting import rollups, schema
from reporting.config import KeepDays
from reporting.names import Dictionary, of_snapshot
from reporting.replay import OF_LOG, Refused, StoreReplay
from reporting.shipper import Shipper
from reporting.sources import SettlementSource, Source, logs
from reporting.store import Store, migrate, open_store
from reporting.store_lock import StoreLock
from tests.integration.reporting.conftest import Control
from tests.integration.reporting.test_shipping import reported, shipped_exactly, write_logs
from tests.trade import Trade, snapshot

TABLES = [schema.FACTS[0], *(table for table in schema.FACTS if table.name in sum(OF_LOG.values(), ()))][1:]


class World:
    def __init__(self, store: Store, data: Path, trade: Trade, control: Control) -> None:
        self.store, self.data, self.trade, self.name = store, data, trade, origin(data)
        self.ledger = SettlementSource(f"{self.name}/settlements", control.base)
        self.said: list[str] = []

    def sources(self) -> list[Source]:
        return [*logs(self.data, self.name), self.ledger]

    def ship(self) -> None:
        shipper = Shipper(self.store, self.sources)
        while shipper.round():
            pass
        shipper.rest()

    def replay(self, *, write: bool, day: date | None = None) -> dict[tuple[str, date], tuple[int, int]]:
        """What differed: (table, day) -> (rows before, rows in the logs)."""
        found = {}
        with closing(self.replayed()) as replay:
            for one in [day] if day else replay.days():
                outcome = replay.day(one, write=write)
                assert outcome.left == {}
                found |= {(c.table, c.day): (c.before, c.after) for c in outcome.changes if c.differs}
        left = self.store.query("SELECT name FROM system.tables WHERE name LIKE '%replayed%'")
        assert list(left) == []
        return found

    def replayed(self, today: date = date(2026, 9, 23)) -> StoreReplay:
        return StoreReplay(self.store, self.sources(), self.name, self.said.append, today, KeepDays())

    def contents(self) -> dict[str, tuple[int, int]]:
        """Rows of each table, and a hash of them that no order changes."""
        found = {}
        for table in TABLES:
            columns = ", ".join(f"`{name}`" for name in table.columns if name != "batch")
            row = self.store.query(f"SELECT count(), sum(cityHash64({columns})) FROM {table.name}")[0]
            found[table.name] = int(row[0]), int(row[1])
        return found


@pytest.fixture
def world(store_address: str, tmp_path: Path, control: Control) -> Iterator[World]:
    store = open_store(store_address, tmp_path, owner=origin(tmp_path))
    migrate(store)
    trade = Trade(seed=9, auctions=300, days=1.2)
    trade.money.sort(key=lambda event: event.received_ns)
    control.settlements = trade.settlements
    write_logs(tmp_path, trade)
    Dictionary().write(store, of_snapshot(snapshot()), 1)
    yield World(store, tmp_path, trade, control)
    store.close()


def days(store: Store) -> list[date]:
    return [
        date.fromisoformat(str(row[0])) for row in store.query("SELECT DISTINCT toString(day) FROM bids ORDER BY day")
    ]


def test_damage_is_made_good_and_nothing_else_is_touched(world: World) -> None:
    world.ship()
    whole, report = world.contents(), reported(world.store, ("day", "line_item"))
    first, second, *_ = days(world.store)
    assert world.replay(write=False) == {} == world.replay(write=True) and world.contents() == whole

    store, lost = world.store, whole["clicks"][0]
    store.command(f"ALTER TABLE clicks DROP PARTITION '{first}'")
    columns = ", ".join(f"`{name}`" for name in schema.BIDS.columns)
    store.command(store.dialect.create(schema.BIDS, "twice"))
    store.command(f"INSERT INTO twice ({columns}) SELECT {columns} FROM bids WHERE day = toDate('{second}') LIMIT 50")
    store.command(f"INSERT INTO bids ({columns}) SELECT {columns} FROM twice")
    names = ", ".join("price + 1" if name == "price" else f"`{name}`" for name in schema.SETTLEMENTS.columns)
    columns = ", ".join(f"`{name}`" for name in schema.SETTLEMENTS.columns)
    store.command(store.dialect.create(schema.SETTLEMENTS, "shifted"))
    store.command(f"INSERT INTO shifted ({columns}) SELECT {names} FROM settlements WHERE day = toDate('{second}')")
    store.command(f"ALTER TABLE settlements REPLACE PARTITION '{second}' FROM shifted")
    for name in ("twice", "shifted"):
        store.command(store.dialect.drop(name))
    lost -= int(store.query("SELECT count() FROM clicks")[0][0])

    damaged = world.contents()
    found = world.replay(write=False)
    assert set(found) == {("clicks", first), ("bids", second), ("settlements", second)} and lost > 0
    assert found["clicks", first] == (0, lost)
    before, after = found["bids", second]
    assert before == after + 50
    assert world.contents() == damaged, "looking changes nothing"

    assert world.replay(write=True, day=second).keys() == {("bids", second), ("settlements", second)}
    assert set(world.replay(write=True)) == {("clicks", first)}
    assert world.contents() == whole and reported(world.store, ("day", "line_item")) == report
    shipped_exactly(world.store, world.trade)
    assert not [one for day in days(store) for one in rollups.differences(store, day, "hour").items()]
    world.ship()  # what the shipper remembers of its batches is still right
    assert world.contents() == whole

    store.command(f"ALTER TABLE delivery_day DROP PARTITION '{first}'")
    assert world.replay(write=True, day=first) == {} and rollups.differences(store, first, "day") == {}

    # What the logs do not have the whole of is left as it is: of what was damaged after it was shipped, the store is
    # all there is.
    bids = world.data / "log" / "bids" / "0"
    sound = segment_path(bids, 1).read_bytes()
    segment_path(bids, 1).write_bytes(sound[:20] + bytes((sound[20] ^ 1,)) + sound[21:])
    with closing(world.replayed()) as replay, pytest.raises(LogCorrupt):
        replay.day(first, write=True)
    assert pass_over(bids)
    with closing(world.replayed()) as replay:
        outcome = replay.day(first, write=True)
    assert outcome.differs == 0 and world.contents() == whole
    assert set(outcome.left) == set(OF_LOG["bids"]) and "damaged in segment 1" in outcome.left["bids"]
    segment_path(bids, 1).write_bytes(sound)
    list_of(bids, 1).unlink()

    directory = world.data / "log" / "money" / "0"
    for number in segments(directory)[:2]:
        segment_path(directory, number).unlink()
    with closing(world.replayed()) as replay:
        outcome = replay.day(first, write=True)
    assert outcome.differs == 0
    assert set(outcome.left) == set(OF_LOG["money"]) and "segment 1 any more" in outcome.left["clicks"]
    with closing(world.replayed(today=date(2026, 12, 1))) as later:
        assert later.day(first, write=True).left["bids"] == "not kept any more"
    assert world.contents() == whole

    # It is refused where others ship, too, or nobody knows what was shipped.
    store.insert(schema.BATCHES, {"log": ["another/bids/0"], "start": [5], "end": [9]})
    with pytest.raises(Refused, match="another"):
        world.replayed()
    store.command(store.dialect.drop("batches"))
    store.command(store.dialect.create(schema.BATCHES))
    with pytest.raises(Refused, match="nothing says"):
        world.replayed()


def test_one_process_of_a_host_writes_into_a_store(tmp_path: Path) -> None:
    one, two, elsewhere = (StoreLock(tmp_path, address) for address in ("chdb", "chdb", "clickhouse://h/db"))
    assert one.take() and one.take() and not two.take() and elsewhere.take()
    one.release()
    assert two.take() and not one.take()
