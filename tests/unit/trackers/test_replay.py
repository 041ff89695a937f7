"""A tracker's memory that was lost comes back from its log as it was; what is in no log stays."""

import random
import time
from pathlib import Path
from typing import Any

import pytest

from domain.clock import SECOND
from domain.events import Conversion, Kind, Notice, Visit, encode
from eventlog.writer import LogWriter
from targeting.forgotten import Forgotten
from targeting.profiles import ProfileStore
from targeting.record import OPT_OUT
from targeting.unpacked import Record, unpack
from trackers.audience_rules import RuleBook
from trackers.counting import facts, mark_conversion, mark_notice
from trackers.memory import Memory
from trackers.replay import Difference, replay

LOG = "money/0"
NOW_NS = 1_800_000_000 * SECOND


def events(seed: int, count: int) -> list[Notice | Conversion | Visit]:
    """A tracker's log: marked as it marks, duplicates among them."""
    draw, seen, found = random.Random(seed), {}, []
    for number in range(count):
        at, bid = NOW_NS + number * 7 * SECOND, draw.randrange(1, count // 2)
        kind = draw.choice((Kind.WIN, Kind.BILLING, Kind.IMPRESSION, Kind.CLICK, Kind.LOSS))
        who = draw.choice((0, 11, 12, 13, 14))
        device = draw.choice((0, 0, 77))
        event: Notice | Conversion | Visit = Notice(
            kind,
            at,
            0,
            bid,
            0,
            at,
            1,
            1 + bid % 2,
            3,
            4 + bid % 3,
            5,
            0,
            6,
            who,
            1,
            0,
            900,
            2,
            800,
            0,
            0,
            device=device,
        )
        if number % 10 == 0:
            order = f"o{draw.randrange(count // 20)}"
            event = Conversion(at, 0, 1, "lead", order, 5, "USD", "pixel", 0, 0, 0, 0, 0, 0, 0, 0, who)
        elif number % 10 == 1:
            event = Visit(at, 0, 2, "home", "", 0, who)
        if isinstance(event, Notice):
            event = mark_notice(event, seen.get)
        elif isinstance(event, Conversion):
            event = mark_conversion(event, seen.get)
        seen.update({fact.key: fact.value for fact in facts(event)})
        found.append(event)
    return found


def contents(store: ProfileStore) -> dict[str, dict[bytes, Any]]:
    """All that came from the log: facts, and records but for the audiences."""
    found: dict[str, dict[bytes, Any]] = {}
    for name in ("seen", "clicks", "checkpoints"):
        with store.env.begin(db=store.env.open_db(name.encode())) as txn, txn.cursor() as cursor:
            found[name] = {bytes(key): bytes(value) for key, value in cursor}
    with store.env.begin(db=store.profiles) as txn, txn.cursor() as cursor:
        records: dict[bytes, Record] = {bytes(key): unpack(value) for key, value in cursor}
    for record in records.values():
        record.segments = {}
    found["records"] = {key: record for key, record in records.items() if record != Record()}
    return found


def written(data: Path, what: list[Notice | Conversion | Visit]) -> int:
    log = LogWriter(data / "log" / LOG, segment_bytes=20_000)
    for event in what:
        position = log.append(encode(event))
    log.close()
    return int(position)


def run(data: Path, store: ProfileStore, **options: Any) -> Difference:
    return replay(data, LOG, store, RuleBook(), lambda line: None, **{"write": True, **options})


@pytest.fixture
def lived(tmp_path: Path) -> dict[str, dict[bytes, Any]]:
    """What a tracker that lived through the log remembers of it."""
    what = events(seed=3, count=900)
    end = written(tmp_path, what)
    with ProfileStore(tmp_path / "profiles.lmdb", sync=False) as store:
        Memory(store, LOG).apply(what, end)
        before = contents(store)
        assert len(before["records"]) >= 5 and len(before["clicks"]) > 50
    return before


def test_nothing_is_to_be_done_where_all_is_there(tmp_path: Path, lived: dict[str, dict[bytes, Any]]) -> None:
    for readonly in (True, False):
        with ProfileStore(tmp_path / "profiles.lmdb", readonly=readonly, sync=False) as store:
            found = run(tmp_path, store, write=not readonly)
            assert not found.any and found.events == 900 and found.beyond == {"seen": 0, "clicks": 0}
            assert contents(store) == lived


def test_a_lost_store_comes_back(tmp_path: Path, lived: dict[str, dict[bytes, Any]]) -> None:
    (tmp_path / "profiles.lmdb").rename(tmp_path / "lost")
    with ProfileStore(tmp_path / "profiles.lmdb", sync=False) as store:
        assert not run(tmp_path, store, write=False).any, "a memory that says it has nothing lacks nothing"
        assert contents(store)["records"] == {}
        found = run(tmp_path, store)
        assert found.facts == {name: len(lived[name]) for name in ("seen", "clicks")}
        assert found.persons == len(lived["records"])
        assert contents(store) == lived
        assert not run(tmp_path, store).any
    assert not (tmp_path / "replaying.lmdb").exists()


def test_what_is_missing_or_wrong_is_found_and_what_is_in_no_log_stays(
    tmp_path: Path, lived: dict[str, dict[bytes, Any]]
) -> None:
    with ProfileStore(tmp_path / "profiles.lmdb", sync=False) as store:
        store.join(4711, [11, 99])
        seen, clicks = (store.env.open_db(name) for name in (b"seen", b"clicks"))
        with store.write() as txn:
            gone, wrong = sorted(lived["seen"])[:2]
            txn.delete(gone, db=seen)
            txn.put(wrong, b"other", db=seen)
            txn.put(b"older", b"", db=seen)
            txn.delete(sorted(lived["clicks"])[0], db=clicks)
            store.edit(txn, 12, lambda editor: editor.load(b""))
        for write in (False, True):
            found = run(tmp_path, store, write=write)
            assert found.facts == {"seen": 2, "clicks": 1} and found.beyond["seen"] == 1
            assert found.persons == 1 and found.any
        after = contents(store)
        assert after["seen"].pop(b"older") == b""
        assert after == lived and store.members(4711) == [11, 99]
        assert not run(tmp_path, store).any


def test_who_is_forgotten_or_opted_out_does_not_come_back(tmp_path: Path, lived: dict[str, dict[bytes, Any]]) -> None:
    (tmp_path / "profiles.lmdb").rename(tmp_path / "lost")
    Forgotten(tmp_path).add([11], int(time.time()))
    with ProfileStore(tmp_path / "profiles.lmdb", sync=False) as store:
        store.join(OPT_OUT, [12])
        run(tmp_path, store)
        known = {int.from_bytes(key, "big") for key in contents(store)["records"]}
        assert not known & {11, 12} and {13, 14} <= known


def test_events_that_records_elsewhere_may_lack_are_left_to_the_tracker(tmp_path: Path) -> None:
    """It was killed between logging and remembering, and records are in Redis: they get the rest when it starts."""
    what = events(seed=4, count=300)
    writer = LogWriter(tmp_path / "log" / LOG)
    ends = [writer.append(encode(event)) for event in what]
    writer.close()
    with ProfileStore(tmp_path / "profiles.lmdb", sync=False) as store:
        memory = Memory(store, LOG)
        memory.apply(what[:250], ends[249])
        assert run(tmp_path, store, records=False).facts["seen"] > 0
        assert memory.position() == ends[249]
        run(tmp_path, store)
        assert memory.position() == ends[-1]
    (tmp_path / "profiles.lmdb").rename(tmp_path / "lost")
    with ProfileStore(tmp_path / "profiles.lmdb", sync=False) as store:  # then nobody knows what records have
        run(tmp_path, store, records=False)
        assert Memory(store, LOG).position() == ends[-1]
