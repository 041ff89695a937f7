"""What the reporter has passed may go: it reads nothing of that again, not even after a crash."""

import os
from pathlib import Path

import pytest

from domain.events import encode
from eventlog.consumers import positions
from eventlog.remote import origin
from eventlog.retention import sweep
from eventlog.segments import segment_path, segments
from eventlog.writer import LogWriter
from reporting.shipper import Shipper
from reporting.sources import logs
from reporting.store import migrate, open_store
from tests.integration.reporting.test_shipping import shipped_exactly
from tests.trade import Trade

KEEP_S = 60


def test_segments_that_the_reporter_has_passed_go_and_the_next_shipper_misses_nothing(
    store_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reporting.shipper._AT_ONCE", 1)  # a batch a round
    trade = Trade(seed=3, auctions=300)
    trade.settlements.clear()
    directories = [tmp_path / "log" / "bids" / "0", tmp_path / "log" / "money" / "0"]
    for directory, events in zip(directories, (trade.bids, trade.money), strict=True):
        writer = LogWriter(directory, segment_bytes=8_000)
        for event in events:
            writer.append(encode(event))
        writer.close()
        for number in segments(directory):
            os.utime(segment_path(directory, number), (0, 0))
    store, name = open_store(store_address, tmp_path), origin(tmp_path)
    migrate(store)
    removed, rounds = 0, 0
    shipper = Shipper(store, lambda: logs(tmp_path, name), 150)
    while shipper.round():
        rounds += 1
        if rounds == 3:  # a new process finds out by itself where the last one was
            shipper = Shipper(store, lambda: logs(tmp_path, name), 150)
        begun = dict(store.query("SELECT log, max(start) FROM batches GROUP BY log"))
        for directory, log in zip(directories, ("bids", "money"), strict=True):
            assert positions(directory).get("reporter", 0) == begun[f"{name}/{log}/0"]
            removed += len(sweep(directory, KEEP_S))
    assert rounds > 3 and removed > 3 and all(segments(directory)[0] > 1 for directory in directories)
    shipped_exactly(store, trade)
    store.close()
