"""A log as the shipper reads it: batches go over ends of segments and stop before damage; each place has a position."""

from pathlib import Path

import pytest

from domain.events import Name, encode
from eventlog.reader import LogCorrupt, LogReader
from eventlog.segments import place_of
from eventlog.writer import LogWriter
from reporting.aside import Aside
from reporting.sources import Lag, LogSource
from tests.trade import Trade


@pytest.fixture
def logged(tmp_path: Path) -> list[bytes]:
    records = [encode(event) for event in Trade(seed=1, auctions=300).bids]
    writer = LogWriter(tmp_path, segment_bytes=12_000)
    for record in records:
        writer.append(record)
    writer.close()
    return records


def test_a_batch_goes_over_segments_and_each_record_has_a_position(logged: list[bytes], tmp_path: Path) -> None:
    source = LogSource("x/bids/0", tmp_path)
    records, end = source.read(0, 1_000_000)
    assert records == logged and place_of(end)[0] == 3
    read, at = [], 0
    while (piece := source.read(at, 70))[0]:
        assert len(piece[0]) == min(70, len(logged) - len(read))
        assert source.read(at, 1_000_000, piece[1]) == piece
        read, at = read + piece[0], piece[1]
    assert read == logged and at == end
    for place, record in enumerate(logged):
        assert LogReader(tmp_path, source.position(0, place)).read(1)[0] == [record]


def test_how_far_it_is_behind(logged: list[bytes], tmp_path: Path) -> None:
    source = LogSource("x/bids/0", tmp_path)
    size = sum(len(record) + 8 for record in logged)
    first = next(event for event in Trade(seed=1, auctions=1).bids if not isinstance(event, Name))
    assert source.lag(0, first.time_ns + 90 * 10**9) == Lag(size, 90.0)  # a name says no time: it goes by the next
    assert source.lag(0, first.time_ns - 1) == Lag(size, 0.0)
    end = source.read(0, 1_000_000)[1]
    assert source.lag(end, first.time_ns) == Lag(0, 0.0)


def test_what_comes_before_damage_is_read(logged: list[bytes], tmp_path: Path) -> None:
    source = LogSource("x/bids/0", tmp_path)
    second = tmp_path / "0000000002.log"
    data = bytearray(second.read_bytes())
    data[20] ^= 1
    second.write_bytes(data)
    records, end = source.read(0, 1_000_000)
    assert records == logged[: len(records)] and place_of(end)[0] == 1 and len(records) > 20
    with pytest.raises(LogCorrupt):
        source.read(end, 1_000_000)
    with pytest.raises(LogCorrupt):
        source.lag(end, 0)


def test_what_is_aside_is_known_again_after_a_crash(tmp_path: Path) -> None:
    aside = Aside(tmp_path / "poison")
    assert aside.put("x/bids/0", 5, "why") and not aside.put("x/bids/0", 5, "why")
    assert aside.put("x/money/0", 5, "why")
    aside.take_apart("x/bids/0", "insert")
    path = tmp_path / "poison/bids/0.jsonl"
    path.write_bytes(path.read_bytes() + b'{"log":"x/bids/0","noted_ns":1,"posi')  # cut short
    again = Aside(tmp_path / "poison")
    assert again.count == 2 and again.is_apart("x/bids/0", "insert") and not again.is_apart("x/money/0", "insert")
    assert not again.put("x/bids/0", 5, "why") and again.put("x/bids/0", 6, "other")
    assert {(note.log, note.position) for note in Aside(tmp_path / "poison").notes()} == {
        ("x/bids/0", 5), ("x/money/0", 5), ("x/bids/0", 6),
    }  # fmt: skip
