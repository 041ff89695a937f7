"""Writer and reader: what is acknowledged is there, what is torn is cut off, what cannot be kept is refused."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import writer as writer_module
from eventlog.damage import Damage, find, list_of, pass_over
from eventlog.frames import MAX_RECORD, LogFull, Pending, checksum, split
from eventlog.reader import LogCorrupt, LogReader, near_end
from eventlog.segments import place_of, read_mark, segment_path, segments
from eventlog.writer import LogBusy, LogWriter

ROOT = Path(__file__).parents[3]


def read_all(directory: Path, position: int = 0, limit: int = 7) -> list[bytes]:
    reader, found = LogReader(directory, position), []
    while records := reader.read(limit)[0]:
        assert len(records) <= limit
        found += records
    assert reader.behind() == 0
    return found


def filled(directory: Path, records: list[bytes], segment_bytes: int = 1 << 20) -> list[int]:
    """Writes a log and closes it; returns the position after each record."""
    writer = LogWriter(directory, segment_bytes=segment_bytes)
    positions = [writer.append(record) for record in records]
    writer.close()
    return positions


@given(st.binary(max_size=300))
def test_the_checksum_is_crc32c(data: bytes) -> None:
    assert checksum(data) == checksum(data, by_table=True) == crc32c.crc32c(data)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=20), st.integers(1, 60), st.data())
def test_pieces_framed_are_split_again(records: list[bytes], segment_bytes: int, data: st.DataObject) -> None:
    pending = Pending(1 << 40, segment_bytes, 1 << 20, False)
    ends = [pending.append(record) for record in records]
    pieces = list(iter(pending.take, None))
    assert sum(count for _, _, count in pieces) == len(records) and pending.waiting == 0
    found, reached = [], []
    for start, piece, _ in pieces:
        offset = 0
        while offset < len(piece):
            some, after = split(piece, offset, data.draw(st.integers(1, 5)))
            assert some
            found, offset = found + some, after
        reached.append(start + offset)
    assert found == records
    assert set(reached) <= set(ends)
    assert ends == sorted(set(ends))


@given(st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=5), st.data())
def test_a_changed_byte_ends_the_sound_part_before_it(records: list[bytes], data: st.DataObject) -> None:
    pending = Pending(0, 1 << 20, 1 << 20, False)
    ends = [pending.append(record) for record in records]
    taken = pending.take()
    assert taken is not None
    damaged = bytearray(taken[1])
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= data.draw(st.integers(1, 255))
    found, after = split(bytes(damaged), 0, 100)
    assert after == max((end for end in ends if end <= place), default=0)
    assert found == records[: len(found)]


def test_records_come_back_in_order_over_segments(tmp_path: Path) -> None:
    records = [os.urandom(1 + n % 90) for n in range(300)]
    positions = filled(tmp_path, records, segment_bytes=1000)
    assert len(segments(tmp_path)) > 5
    assert read_all(tmp_path) == records
    for start in (0, 57, 299):
        assert read_all(tmp_path, positions[start]) == records[start + 1 :]
    reader = LogReader(tmp_path, positions[10])
    stretch, end = reader.read(1000, until=positions[15])
    while end < positions[15]:
        more, end = reader.read(1000, until=positions[15])
        stretch += more
    assert stretch == records[11:16] and end == positions[15]
    assert LogReader(tmp_path / "absent").read() == ([], 0)
    assert LogReader(tmp_path / "absent").behind() == 0


def test_behind_counts_the_bytes_to_come(tmp_path: Path) -> None:
    positions = filled(tmp_path, [b"x" * 92] * 30, segment_bytes=1000)  # frames of 100 bytes
    assert LogReader(tmp_path).behind() == 3000
    assert LogReader(tmp_path, positions[12]).behind() == 1700


@pytest.mark.parametrize("record", [b"", b"x" * (MAX_RECORD + 1)])
def test_a_record_of_no_or_too_many_bytes_is_refused(tmp_path: Path, record: bytes) -> None:
    writer = LogWriter(tmp_path)
    with pytest.raises(ValueError, match="bytes"):
        writer.append(record)
    writer.close()


def test_a_directory_has_one_writer(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    with pytest.raises(LogBusy, match="writer already"):
        LogWriter(tmp_path)
    writer.close()
    LogWriter(tmp_path).close()


@pytest.mark.parametrize("tail", [b"\x05", b"\x05\0\0\0\0\0\0\0hello", b"\xff" * 40, b"\0" * 64])
def test_a_torn_tail_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    """Half a header, a wrong checksum, noise, and the zeros that some file systems leave after a power cut."""
    records = [b"one", b"two"]
    filled(tmp_path, records)
    with open(segment_path(tmp_path, 1), "ab") as segment:
        segment.write(tail)
    assert read_all(tmp_path) == records  # a reader stops at the published end even before the repair
    filled(tmp_path, [b"three"])
    assert read_all(tmp_path) == [*records, b"three"]
    assert segment_path(tmp_path, 1).stat().st_size == 22


def test_whole_records_that_were_not_published_survive_a_crash(tmp_path: Path) -> None:
    """They may have been acknowledged to nobody, but a tracker that replays them refuses the retry as a duplicate."""
    filled(tmp_path, [b"one"])
    mark = (tmp_path / "published").read_bytes()
    filled(tmp_path, [b"two"])
    (tmp_path / "published").write_bytes(mark)
    assert read_all(tmp_path) == [b"one"]
    LogWriter(tmp_path).close()
    assert read_all(tmp_path) == [b"one", b"two"]


def test_damage_in_the_published_part_is_an_error(tmp_path: Path) -> None:
    filled(tmp_path, [b"one", b"two"])
    path = segment_path(tmp_path, 1)
    path.write_bytes(path.read_bytes().replace(b"two", b"twe"))
    reader = LogReader(tmp_path)
    assert reader.read()[0] == [b"one"]
    with pytest.raises(LogCorrupt, match="byte 11"):
        reader.read()


def test_damage_is_found_and_passed_over_on_request(tmp_path: Path) -> None:
    """At every byte of a log of two segments, and over the records on both sides of a border."""
    records = [b"one", b"t" * 20, b"three", b"four"]
    ends = [place_of(position) for position in filled(tmp_path, records, 30)]
    assert [segment for segment, _ in ends] == [1, 1, 2, 2]
    starts = [(1, 0), (1, ends[0][1]), (2, 0), (2, ends[2][1])]
    whole = {number: segment_path(tmp_path, number).read_bytes() for number in (1, 2)}
    spans = [(number, at, at + 1) for number in (1, 2) for at in range(len(whole[number]))] + [(1, 9, 15), (2, 1, 14)]
    for number, since, until in spans:
        damaged = bytearray(whole[number])
        damaged[since:until] = bytes(byte ^ 0xA5 for byte in damaged[since:until])
        segment_path(tmp_path, number).write_bytes(damaged)
        hit = [n for n in range(4) if starts[n][0] == number and starts[n][1] < until and since < ends[n][1]]
        expected = Damage(number, starts[hit[0]][1], ends[hit[-1]][1])
        assert list(find(tmp_path)) == [expected]
        with pytest.raises(LogCorrupt, match=f"byte {expected.offset}:"):
            read_all(tmp_path)
        assert pass_over(tmp_path) == [expected] and pass_over(tmp_path) == []
        assert read_all(tmp_path) == [record for n, record in enumerate(records) if n not in hit]
        segment_path(tmp_path, number).write_bytes(whole[number])
        list_of(tmp_path, number).unlink()
    assert list(find(tmp_path)) == []


async def test_durable_returns_when_the_record_can_be_read(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)

    async def one(record: bytes) -> None:
        position = writer.append(record)
        await writer.durable(position)
        assert read_mark(tmp_path) >= position

    await asyncio.gather(*(one(b"%d" % n) for n in range(200)))
    assert sorted(read_all(tmp_path), key=int) == [b"%d" % n for n in range(200)]
    writer.close()


async def test_a_loss_while_somebody_looks_is_not_overlooked(tmp_path: Path) -> None:
    """The disk fills and is freed again between the two looks: behind what was lost, more is published already."""
    writer = LogWriter(tmp_path)
    position = writer.append(b"lost")
    await writer.durable(position)

    class Looked(tuple[tuple[int, int, OSError], ...]):
        def __reversed__(self) -> Iterator[tuple[int, int, OSError]]:
            yield from tuple(self)[::-1]
            writer._lost = ((position, position + 100, OSError(28, "full")),)
            writer.published = position + 200

    writer._lost = Looked()
    looking = asyncio.create_task(writer.durable(position + 50))
    await asyncio.sleep(0)
    writer._wake_waiters()
    with pytest.raises(LogFull, match="full"):
        await looking
    writer.close()


def test_what_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    """A process appends and says on its standard output what is durable, until it is killed."""
    program = """
import asyncio, sys
from pathlib import Path
from eventlog.writer import LogWriter
async def main():
    writer = LogWriter(Path(sys.argv[1]), segment_bytes=5000)
    async def one(n):
        await writer.durable(writer.append(b"%d" % n))
        print(n, flush=True)
    n = 0
    while True:
        await asyncio.gather(*(one(n + i) for i in range(20)))
        n += 20
asyncio.run(main())
"""
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(300)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().split(b"\n")[:-1]
        process.wait()
        before = read_mark(tmp_path)
        LogWriter(tmp_path).close()
        logged = read_all(tmp_path)
        assert {int(text) for text in said} <= {int(record) for record in logged}
        assert len(logged) == len(set(logged)) and read_mark(tmp_path) >= before
        for number in segments(tmp_path):
            segment_path(tmp_path, number).unlink()  # as retention does: the next round begins with an empty log


FULL_DISK = """
import asyncio, resource, signal, sys
from pathlib import Path
from eventlog import writer as module
from eventlog.frames import LogFull
module.RETRY_S = 0.05
directory = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def limit(size): resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
async def main():
    writer = module.LogWriter(directory)
    async def kept(record):
        try:
            await writer.durable(writer.append(record))
            return True
        except LogFull as error:
            assert "event log" in str(error), error
            return False
    assert await kept(b"a" * 100)
    limit(250)
    assert await kept(b"b" * 100)          # ends at byte 216
    assert not await kept(b"c" * 100)      # a part of it reaches the file, and is cut off again
    assert not await kept(b"d" * 500)
    limit(resource.RLIM_INFINITY)
    while not await kept(b"e" * 100):      # it tries again by itself
        await asyncio.sleep(0.01)
    assert writer.shed >= 1
    writer.close()
asyncio.run(main())
"""


def test_a_full_disk_refuses_money_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], cwd=ROOT, check=True, timeout=60)
    assert read_all(tmp_path) == [b"a" * 100, b"b" * 100, b"e" * 100]


def test_lazy_logs_shed_and_count_when_the_disk_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "SPARE_BYTES", 1 << 60)  # no disk has as much left
    writer = LogWriter(tmp_path, sync_s=0.01)
    for _ in range(10):
        writer.append(b"bid")
    writer.close()
    assert writer.shed == 10
    assert read_all(tmp_path) == []


def test_what_waits_in_memory_is_bounded() -> None:
    money, lazy = (Pending(1 << 40, 1 << 20, 100, sheds) for sheds in (False, True))
    for pending in (money, lazy):
        pending.append(b"x" * 120)
    with pytest.raises(LogFull):
        money.append(b"y")
    assert lazy.append(b"y") == lazy.position and lazy.shed == 1


def test_no_position_is_given_twice_after_a_loss() -> None:
    pending = Pending(1 << 40, 1 << 20, 1 << 20, False)
    lost = pending.append(b"lost")
    assert pending.drop(0) == lost and pending.shut and pending.shed == 1
    pending.shut = False
    assert place_of(pending.append(b"kept"))[0] == 2


def test_reading_from_near_the_end(tmp_path: Path) -> None:
    """Wherever that falls: a record's beginning is found, and hardly more is left out than was asked for."""
    draw = random.Random(5)
    records = [draw.randbytes(draw.choice((1, 7, 40, 300))) for _ in range(400)]
    filled(tmp_path, records, 9_000)
    whole = sum(8 + len(record) for record in records)
    for most in (0, 1, 8, 50, 301, 5_000, 9_000, 12_345, whole - 1, whole, whole * 2):
        found = read_all(tmp_path, near_end(tmp_path, most))
        assert found == records[len(records) - len(found) :]
        size = sum(8 + len(record) for record in found)
        assert size <= most
        assert size == whole or most - size < 308
    assert near_end(tmp_path / "none", 100) == 0
