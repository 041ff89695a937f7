"""Persons are found in the analytics store, and blanked: their rows stay, and all other rows are as they were."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from domain.blanking import PERSONAL
from domain.events import Bid, Conversion, Notice
from reporting.attribution import PENDING
from reporting.attributor import DIRECTORY
from reporting.outbox import Outbox
from reporting.people import TABLES, blank, drop_lists, find
from reporting.schema import ATTRIBUTIONS, BIDS, Table
from reporting.store import Row, Store, StoreError, migrate, open_store
from tests.clickhouse_server import ClickHouseServer
from tests.stored import send

ANN, BEN = 0xA1B2C3D4E5F60718, 0x1122334455667788
DAY = 86_400 * 10**9
BID = Bid(
    time_ns=20_000 * DAY, bid=1, imp=0, auction="a", exchange=1, advertiser=2, campaign=3, line_item=4, creative=5,
    deal=0, site=6, person=ANN, price=7, floor=8, currency="USD", width=300, height=250, country="USA", device_type=2,
    test=False,
)  # fmt: skip
NOTICE = Notice(
    kind=4, received_ns=20_000 * DAY, marks=0, bid=1, imp=0, bid_ns=1, exchange=1, advertiser=2, campaign=3,
    line_item=4, creative=5, deal=0, site=6, person=ANN, lease=9, rate=10, max_price=11, basis=4, price=12,
    loss_reason=0, min_to_win=0, device=77, household=78,
)  # fmt: skip
CONVERSION = Conversion(
    received_ns=20_000 * DAY, marks=0, advertiser=2, event="lead", order="o", value=5, currency="USD", source="pixel",
    bid=1, click_ns=2, exchange=1, campaign=3, line_item=4, creative=5, deal=0, site=6, person=ANN,
)  # fmt: skip


def ship(store: Store, person: int) -> None:
    """A bid, an impression with its device and household, and a conversion, on each of two days."""
    for day in range(2):
        later = day * DAY
        bids = [replace(BID, person=person, time_ns=BID.time_ns + later + n, bid=n) for n in range(40)]
        notices = [replace(NOTICE, person=person, received_ns=NOTICE.received_ns + later, bid=n) for n in range(3)]
        conversions = [replace(CONVERSION, person=person, received_ns=CONVERSION.received_ns + later)]
        send(store, [*bids, *notices, *conversions], str(day))


def rows(store: Store) -> dict[str, list[Row]]:
    """All rows of all tables that name persons, those of whom named apart from the rest."""
    found = {}
    for table in TABLES:
        facts = [name for name in table.columns if name not in PERSONAL]
        columns = ", ".join(f"`{name}`" for name in [*(n for n in PERSONAL if n in table.columns), *facts])
        found[table.name] = store.query(f"SELECT {columns} FROM {table.name} ORDER BY {columns}")
    return found


def lists(store: Store) -> list[Row]:
    """Tables of persons whom somebody asked for."""
    return store.query("SELECT name FROM system.tables WHERE name LIKE 'persons_%%' AND database = currentDatabase()")


def test_a_person_is_found_and_blanked(clickhouse: ClickHouseServer, tmp_path: Path) -> None:
    """On a server; of chDB `tests/integration/trackers/test_forgetting.py` does so, down to the bytes of its files."""
    store = open_store(clickhouse.address("people"), tmp_path)
    migrate(store)
    ship(store, BEN)
    before = rows(store)
    ship(store, ANN)
    found = find(store, [ANN, 5])
    assert {name: len(of) for name, of in found.items()} == {"bids": 80, "impressions": 6, "conversions": 2}
    assert found["conversions"][0]["order"] == "o" and found["impressions"][0]["person"] == ANN
    done, left = blank(store, tmp_path, [ANN, 5])
    assert left == 0 and done == {name: len(of) for name, of in found.items()}
    assert find(store, [ANN]) == {} and blank(store, tmp_path, [ANN]) == blank(store, tmp_path, []) == ({}, 0)
    after = rows(store)
    for name, of in after.items():
        theirs = [row for row in of if int(row[0]) == BEN]
        assert theirs == before[name]
        others = [row for row in of if int(row[0]) == 0]
        width = sum(column in PERSONAL for column in next(t for t in TABLES if t.name == name).columns)
        assert [row[width:] for row in others] == [row[width:] for row in theirs]
        assert all(int(value) == 0 for row in others for value in row[:width]) and len(of) == 2 * len(theirs)
    assert not lists(store)
    assert not store.query("SELECT command FROM system.mutations WHERE command LIKE %(key)s", {"key": f"%{ANN}%"})
    store.close()


def test_what_a_kill_left_names_nobody(clickhouse: ClickHouseServer, tmp_path: Path) -> None:
    """A block of credits that may not have arrived arrives without the person; lists of persons, and tables that were
    made apart, go.
    """
    store = open_store(clickhouse.address("left"), tmp_path, owner="here.attribution")
    migrate(store)
    path = tmp_path / DIRECTORY / PENDING
    columns = {name: ["" if kind in ("word", "String") else 1] * 2 for name, kind in ATTRIBUTIONS.columns.items()}
    columns |= {"received_ns": [CONVERSION.received_ns] * 2, "person": [ANN, BEN]}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store, "insert", away)
        with pytest.raises(StoreError):
            Outbox(store, path).send("attributions", 20_000, "b", {n: v for n, v in columns.items() if n != "batch"})
        with pytest.raises(StoreError):
            find(store, [ANN])
    store.command(store.dialect.create(BIDS, "bids_replayed"))
    path.with_name("pending.new").write_bytes(path.read_bytes())
    assert blank(store, tmp_path, [ANN, 5]) == ({}, 0)
    assert not store.query("SELECT name FROM system.tables WHERE name LIKE '%%replayed' AND database = 'left'")
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and ANN.to_bytes(8, "big") in file.read_bytes()]
    Outbox(store, path).settle()
    assert [int(row[0]) for row in rows(store)["attributions"]] == [0, BEN]
    for statement in store.dialect.creates(Table("persons_00000000abcd", {"person": "UInt64"}, ("person",))):
        store.command(statement)
    drop_lists(store)
    assert lists(store)
    drop_lists(store, 0)
    assert not lists(store) and store.query("SELECT count() FROM attributions") == [(2,)]
    store.close()


def away(*arguments: object) -> None:
    raise StoreError("the server does not answer")
