"""Retention: what nobody needs any more goes, and nothing else; and what says how far everybody has come."""

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.settings import SettingsError
from eventlog import retention
from eventlog.config import DAY_S, LogSettings, log_settings
from eventlog.consumers import OF_MONEY, RELEASED, expect, note, positions, release
from eventlog.reader import LogReader, near_end
from eventlog.retention import Sweeper, sweep
from eventlog.rewriting import matching, rewrite
from eventlog.segments import place_of, segment_path, segments
from eventlog.survey import survey
from eventlog.writer import LogWriter

KEEP_S = 1_000


def filled(directory: Path, count: int, age_s: float = 2 * KEEP_S) -> list[int]:
    """A log of so many segments with three records each; returns the position after each record."""
    writer = LogWriter(directory, segment_bytes=41)
    ends = [writer.append(b"%012d" % n) for n in range(3 * count)]
    writer.close()
    for number in segments(directory):
        aged(directory, number, age_s)
    return ends


def aged(directory: Path, number: int, age_s: float) -> None:
    at = time.time() - age_s
    os.utime(segment_path(directory, number), (at, at))


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    directory = tmp_path_factory.mktemp("six")
    return directory, filled(directory, 6)


@settings(max_examples=60)
@given(
    st.dictionaries(st.sampled_from(["reporter", "ledger", "memory"]), st.integers(-2, 18), max_size=3),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_a_segment_goes_once_it_is_old_and_everybody_has_passed_it(
    six: tuple[Path, list[int]], passed: dict[str, int], old: list[bool]
) -> None:
    """Against a twin over the records; -1 is a consumer that has not begun, -2 one that was released."""
    with tempfile.TemporaryDirectory() as folder:
        directory, ends = Path(folder) / "log", six[1]
        shutil.copytree(six[0], directory)
        for name, count in passed.items():
            note(directory, name, RELEASED if count == -2 else ends[count - 1] if count > 0 else 0)
        for number, is_old in enumerate(old, 1):
            aged(directory, number, KEEP_S * (1.5 if is_old else 0.5))
        holding = [count for count in passed.values() if count != -2]
        expected = []
        for number in range(1, 6):  # never the one that is written
            last_record = 3 * number
            # Who stands at a segment's very end has not shown that it reads on in the next.
            if not passed or not old[number - 1] or any(count <= last_record for count in holding):
                break
            expected.append(number)
        assert sweep(directory, KEEP_S) == expected
        assert segments(directory) == list(range(len(expected) + 1, 7))
        left, reader = [], LogReader(directory)
        while records := reader.read(2)[0]:
            left += records
        assert left == [b"%012d" % n for n in range(3 * len(expected), 18)]


def test_whoever_stands_in_a_segment_that_goes_reads_on_behind_it(tmp_path: Path) -> None:
    ends = filled(tmp_path, 5)
    note(tmp_path, "reporter", ends[9])
    reader = LogReader(tmp_path)
    reader.read(2)
    found = matching(tmp_path, [b"000000000004", b"000000000010"])
    assert next(found) == b"000000000004"
    assert sweep(tmp_path, KEEP_S) == [1, 2, 3]
    assert list(found) == [b"000000000010"]
    assert reader.read(1)[0] == [b"%012d" % 9]
    assert LogReader(tmp_path, near_end(tmp_path, 10_000)).read(1)[0] == [b"%012d" % 9]
    assert LogReader(tmp_path).behind() == 6 * 20


def test_a_segment_that_goes_while_it_is_read_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a look at its size and the opening."""
    ends = filled(tmp_path, 3)
    note(tmp_path, "reporter", ends[-1])
    swept = []

    def size(path: Path) -> int:
        found = path.stat().st_size if path.exists() else 0
        swept.extend(sweep(tmp_path, KEEP_S))
        return found

    monkeypatch.setattr("eventlog.reader._size", size)
    assert LogReader(tmp_path).read(1)[0] == [b"%012d" % 6]
    assert swept == [1, 2]


def test_consumers_that_are_expected_hold_everything_until_they_come(tmp_path: Path) -> None:
    ends = filled(tmp_path, 3)
    assert sweep(tmp_path, 0) == []  # nobody is known
    expect(tmp_path, OF_MONEY)
    for name in ("reporter", "ledger"):
        note(tmp_path, name, ends[-1])
    assert sweep(tmp_path, 0) == []
    (tmp_path / "consumers" / "ledger").write_bytes(b"\0" * 16)  # as a power cut may leave it
    note(tmp_path, "memory", ends[4])
    assert positions(tmp_path) == {"ledger": 0, "memory": ends[4], "reporter": ends[-1]} and sweep(tmp_path, 0) == []
    assert release(tmp_path, "ledger") and not release(tmp_path, "nobody")
    expect(tmp_path, OF_MONEY)  # what was released is not entered again
    assert sweep(tmp_path, 0) == [1]
    note(tmp_path, "ledger", ends[4])  # but if it comes again, it holds again
    note(tmp_path, "memory", ends[-1])
    assert sweep(tmp_path, 0) == []


def test_forgetting_somebody_makes_no_segment_younger_and_none_goes_meanwhile(tmp_path: Path) -> None:
    ends = filled(tmp_path, 3)
    note(tmp_path, "reporter", ends[-1])
    assert rewrite(tmp_path, [b"000000000001"], lambda record: b"x" * len(record)) == 1
    with open(tmp_path / "rewriting") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sweep(tmp_path, KEEP_S) == []
    assert sweep(tmp_path, KEEP_S) == [1, 2]


def test_one_process_of_a_host_sweeps_all_logs_each_by_its_age(tmp_path: Path) -> None:
    for log, days in (("bids/0", 20), ("bids/1", 40), ("money/0", 40), ("money/1", 440)):
        ends = filled(tmp_path / log, 3, days * DAY_S)
        note(tmp_path / log, "reporter", ends[-1])
    first, second = Sweeper(tmp_path, LogSettings()), Sweeper(tmp_path, LogSettings())
    first.look()
    kept = {log: segments(tmp_path / log) for log in ("bids/0", "bids/1", "money/0", "money/1")}
    assert kept == {"bids/0": [1, 2, 3], "bids/1": [3], "money/0": [1, 2, 3], "money/1": [3]}
    for number in (1, 2):
        aged(tmp_path / "bids/0", number, 40 * DAY_S)
    second.look()
    assert segments(tmp_path / "bids/0") == [1, 2, 3]
    first.close()
    second.look()
    assert segments(tmp_path / "bids/0") == [3]
    second.close()


def test_on_a_full_disk_old_bids_go_before_their_time_and_money_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ages = {"bids/0": 3, "bids/1": 5, "bids/2": 0.01, "money/0": 9}  # days
    for log, days in ages.items():
        ends = filled(tmp_path / log, 3, days * DAY_S)
        note(tmp_path / log, "reporter", ends[-1])
    aged(tmp_path / "bids/1", 2, 2 * DAY_S)
    rooms = iter([0, 0, 0, retention.ROOM_BYTES])
    monkeypatch.setattr(retention, "room_of", lambda directory: next(rooms))
    sweeper = Sweeper(tmp_path, LogSettings())
    sweeper.look()  # bids/1 first, then twice bids/0
    assert {log: segments(tmp_path / log) for log in ages} == {
        "bids/0": [3], "bids/1": [2, 3], "bids/2": [1, 2, 3], "money/0": [1, 2, 3],
    }  # fmt: skip
    monkeypatch.setattr(retention, "room_of", lambda directory: 0)
    sweeper.look()
    assert {log: segments(tmp_path / log) for log in ages} == {
        "bids/0": [3], "bids/1": [3], "bids/2": [1, 2, 3], "money/0": [1, 2, 3],
    }  # fmt: skip
    sweeper.close()


def test_a_survey_says_what_holds_the_oldest_segment(tmp_path: Path) -> None:
    log = tmp_path / "money" / "0"
    ends = filled(log, 4, 440 * DAY_S)
    note(log, "reporter", ends[7])
    note(log, "ledger", ends[1])
    (found,) = survey(tmp_path, LogSettings())
    assert (found.log, found.segments, found.bytes, found.first, found.published) == ("money/0", 4, 240, 1, ends[-1])
    assert found.held_by == ("ledger",)
    assert {name: lag.behind for name, lag in found.consumers.items()} == {"reporter": 80, "ledger": 200}
    release(log, "ledger")
    aged(log, 1, 0)
    (found,) = survey(tmp_path, LogSettings())
    assert found.held_by == ("age",) and found.consumers["ledger"].released
    aged(log, 1, 440 * DAY_S)
    assert survey(tmp_path, LogSettings())[0].held_by == ()
    assert sweep(log, KEEP_S) == [1, 2]
    note(log, "ledger", ends[1])
    (found,) = survey(tmp_path, LogSettings())
    assert found.first == 3 and found.consumers["ledger"].skipped and not found.consumers["reporter"].skipped
    assert place_of(found.published)[0] == 4


@pytest.mark.parametrize(("name", "value"), [("KEEP_BIDS_DAYS", "0"), ("KEEP_MONEY_DAYS", "426")])
def test_what_must_be_kept_cannot_be_set_shorter(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"OUTBID_EVENTLOG_{name}", value)
    with pytest.raises(SettingsError, match=f"{name.lower()} is {value}; it must be at least"):
        log_settings()
