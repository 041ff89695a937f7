"""What bids were scored by, from the bid path through the log into both stores: the bits that other code works out."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from domain.events import Bid, decode
from eventlog.reader import LogReader
from eventlog.writer import LogWriter
from reporting.copying import copy
from reporting.people import find
from reporting.rows import blocks
from reporting.store import Store, migrate, open_store
from tests.feature_world import World
from tests.small_models import learnt, moved, scattered

COLUMNS = (
    *("model", "ctr", "cvr", "shadow_model", "shadow_ctr", "explored", "value", "full_price"),
    *("facts", "fraud", "device_risk", "credit_score", "pd", "p_approved"),
)


@pytest.fixture
def opened(store_address: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(store_address, tmp_path)
    migrate(store)
    yield store
    store.close()


def test_features_arrive_bit_by_bit(opened: Store, tmp_path: Path) -> None:
    world = World(seed=11)
    models = world.table.auction.models
    model = scattered(learnt(), 5)
    models.put("ctr", model, 2**32 - 1)
    models.put("shadow", moved(model, 0.4), 7)
    writer = LogWriter(tmp_path / "bids", sync_s=0.5)
    told = world.bids(300, writer.append)
    expected = {bid.bid: (np.array(row, "<u4").tobytes(), bid) for bid, row in told}
    writer.close()
    records = LogReader(tmp_path / "bids").read(100_000)[0]
    logged = {event.bid: event.features for event in map(decode, records) if isinstance(event, Bid)}
    assert logged == {number: row for number, (row, _) in expected.items()} and len(logged) > 200

    made = blocks(records, opened.dialect)
    assert not made.refused
    for block in made.blocks:
        opened.send(block, f"features:{block.table.name}:{block.day}")
    stored = opened.query(f"SELECT bid, hex(features), {', '.join(COLUMNS)} FROM bids")
    assert len(stored) == len(expected)
    assert 50 < sum(bid.facts == 0b1110011 and bid.pd == 303e-6 for _, bid in expected.values()) < len(expected)
    for number, features, *others in stored:
        row, bid = expected[int(number)]
        assert bytes.fromhex(features) == row
        assert [float(value) for value in others] == [float(getattr(bid, name)) for name in COLUMNS]
    rows = np.array([np.frombuffer(row, "<u4") for row, _ in expected.values()])
    assert [bid.ctr for _, bid in expected.values()] == model.scores(rows).tolist()

    person, most = max(((bid.person, bid) for _, bid in expected.values()), key=lambda one: one[0])
    shown = next(row for row in find(opened, [person])["bids"] if row["bid"] == most.bid)
    assert (shown["features"], shown["ctr"]) == (most.features.hex().upper(), most.ctr)


def test_a_copy_of_the_store_has_them_too(tmp_path: Path, clickhouse: object) -> None:
    world, source = World(seed=12), open_store("chdb", tmp_path)
    migrate(source)
    records: list[bytes] = []
    world.bids(40, records.append)
    for block in blocks(records, source.dialect).blocks:
        source.send(block, f"copy:{block.table.name}:{block.day}")
    target = open_store(clickhouse.address("copied_features"), tmp_path)  # type: ignore[attr-defined]
    copy(source, target, lambda text: None)
    asked = f"SELECT bid, hex(features), {', '.join(COLUMNS)} FROM bids ORDER BY bid"
    there, here = (
        [(int(bid), features, *map(float, others)) for bid, features, *others in store.query(asked)]
        for store in (target, source)
    )
    assert there == here and len(here) > 20
    for store in (source, target):
        store.close()
