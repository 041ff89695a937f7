"""The shipper when something else than the store fails, and when a log has a great many records that nothing takes."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from domain.events import Bid, encode
from domain.naming import name_id
from eventlog.reader import LogReader
from eventlog.writer import LogWriter
from reporting import aside as noting
from reporting import recovery
from reporting.aside import Aside
from reporting.rows import Block
from reporting.schema import CURRENT, V18, Table
from reporting.shipper import Shipper
from reporting.sources import LogSource
from reporting.store import Parameter, Row, StoreError
from tests.trade import Trade

LOG = "x/bids/0"


class Remembering:
    """A store that takes each block once; at one of them it ``fails``, once."""

    dialect = CURRENT

    def __init__(self, fails: int = 0) -> None:
        self.blocks: dict[int, int] = {}
        self.batches: list[tuple[int, int]] = []
        self._fails = fails

    def send(self, block: Block, batch: str, token: str = "") -> None:
        if len(self.blocks) + 1 == self._fails:
            self._fails = 0
            raise OSError(28, "No space left on device")
        assert self.blocks.setdefault(name_id(batch), block.rows) == block.rows

    def insert(self, table: Table, columns: Mapping[str, Sequence[Any]], batch: str = "") -> None:
        if table.name == "batches":
            self.batches.append((columns["start"][0], columns["end"][0]))

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[Row]:
        if parameters and "batch" in parameters:
            return [(self.blocks.get(int(parameters["batch"]), 0),)]
        return [(LOG, *map(max, zip(*self.batches, strict=True)))] if self.batches else []

    def stream(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> Iterator[list[Row]]:
        raise NotImplementedError

    def command(self, sql: str) -> None:
        raise NotImplementedError

    def settle(self) -> None: ...

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()

    def drop_replaced(self, tables: Sequence[str]) -> None: ...

    def close(self) -> None: ...


def append(directory: Path, records: Sequence[bytes]) -> None:
    writer = LogWriter(directory)
    for record in records:
        writer.append(record)
    writer.close()


def test_what_a_fault_broke_off_is_completed_as_it_was_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More was logged meanwhile: a batch that reaches further would bring the first one's rows once more."""
    records = [encode(event) for event in Trade(seed=1, auctions=300, days=2).bids if isinstance(event, Bid)]
    source, store = LogSource(LOG, tmp_path), Remembering(fails=2)
    monkeypatch.setattr(recovery, "rebuild_days", lambda store, days: None)
    append(tmp_path, records[:200])
    shipper = Shipper(store, lambda: [source])
    assert shipper.round() == 0 and "No space" in shipper.failures[LOG] and len(store.blocks) == 1
    append(tmp_path, records[200:])
    while shipper.round():
        pass
    assert not shipper.failures and sum(store.blocks.values()) == len(records)


def test_a_log_of_nothing_but_refused_records_is_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are is found out of those that are noted, in one go; the others are counted."""
    monkeypatch.setattr(noting, "KEPT", 20)
    records = [b"\x91\x7f%d" % n for n in range(50)]
    append(tmp_path / "log", records)
    looked: list[int] = []

    class Watched(LogSource):
        def position(self, start: int, place: int) -> int:
            looked.append(place)
            return super().position(start, place)

    aside = Aside(tmp_path / "poison")
    shipper = Shipper(Remembering(), lambda: [Watched(LOG, tmp_path / "log")], aside=aside)
    assert shipper.round() == 50 and shipper.round() == 0
    assert shipper.refused == 50 and len(looked) == 20 and sum(looked) < 20
    noted = sorted(note.position for note in aside.notes())
    assert [LogReader(tmp_path / "log", position).read(1)[0][0] for position in noted] == records[:20]


def test_a_batch_whose_log_lost_its_end_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It arrived whole, in a store that outlived the power cut; the oldest engine is asked for it, and has more."""
    records = [encode(event) for event in Trade(seed=1, auctions=300, days=0.1).bids if isinstance(event, Bid)]
    append(tmp_path, records)
    source, rebuilt = LogSource(LOG, tmp_path), list[Any]()
    monkeypatch.setattr(recovery, "rebuild_days", lambda store, days: rebuilt.extend(days))

    class Counting(Remembering):
        dialect, found = V18, 0  # type: ignore[assignment]

        def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[Row]:
            return [(self.found,)] if "AND batch" in sql else super().query(sql, parameters)

    store = Counting()
    store.batches.append((0, source.read(0, len(records))[1]))
    os.truncate(tmp_path / "0000000001.log", sum(len(record) + 8 for record in records[:-3]))
    for store.found in (1, len(records) - 4):
        with pytest.raises(StoreError, match=f"holds {store.found} of the {len(records) - 3} rows"):
            Shipper(store, lambda: [source]).round()
    store.found = len(records)
    shipper = Shipper(store, lambda: [source])
    assert shipper.round() == 0 and not shipper.failures and store.blocks == {} and len(rebuilt) == 1
    assert shipper.positions[LOG] == store.batches[0][1]


def test_what_could_not_be_noted_is_not_taken_for_noted(tmp_path: Path) -> None:
    (tmp_path / "poison").write_text("a file is in the way, as a full disk would be")
    aside = Aside(tmp_path / "poison")
    for _ in range(2):
        with pytest.raises(OSError):
            aside.take_apart(LOG, "insert")
        assert not aside.is_apart(LOG, "insert")
