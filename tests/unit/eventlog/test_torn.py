"""What a kill or a power cut leaves at the end of a log, cut or changed at every byte."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.reader import LogReader
from eventlog.segments import place_of, read_mark, segment_path, segments
from eventlog.writer import LogWriter

ROOT = Path(__file__).parents[3]
RECORDS = [b"first", b"x" * 21, b"second to last", b"last"]
PUBLISHED = [2, 4]
"""How many of the records readers had been let read: of a lazily synced log it may be more than the disk has."""


def read_all(directory: Path) -> list[bytes]:
    reader, found = LogReader(directory), []
    while records := reader.read()[0]:
        found += records
    assert reader.behind() == 0
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int], dict[int, bytes]]:
    """A log of one segment, the offset after each record, and the marks that there were on the way."""
    directory, marks, ends = tmp_path_factory.mktemp("written"), {}, []
    writer = LogWriter(directory)
    for count, record in enumerate(RECORDS, 1):
        position = writer.append(record)
        ends.append(place_of(position)[1])
        while writer.published < position:
            time.sleep(0.001)
        marks[count] = (directory / "published").read_bytes()
    writer.close()
    return directory, ends, marks


def left_by_a_crash(
    written: tuple[Path, list[int], dict[int, bytes]], folder: Path, published: int, damages: Iterator[bytes]
) -> Iterator[tuple[Path, bytes]]:
    """Copies of the log with a segment as a crash left it, and that segment."""
    for number, damaged in enumerate(damages):
        directory = folder / f"{published}-{number}"
        shutil.copytree(written[0], directory)
        (directory / "published").write_bytes(written[2][published])
        segment_path(directory, 1).write_bytes(damaged)
        yield directory, damaged


def reopened(directory: Path, sync_s: float) -> list[bytes]:
    """What is read after a writer has made good what there was, and gone on."""
    writer = LogWriter(directory, sync_s=sync_s)
    before = read_all(directory)
    position = writer.append(b"new")
    writer.close()
    assert place_of(position)[0] > 1 and read_mark(directory) == position
    assert read_all(directory) == [*before, b"new"]
    return before


@pytest.mark.parametrize("published", PUBLISHED)
def test_a_log_that_was_cut_anywhere_keeps_the_whole_records(written, tmp_path: Path, published: int) -> None:
    data, ends = segment_path(written[0], 1).read_bytes(), written[1]
    sync_s = 0.0 if published == 2 else 0.5
    cuts = range(ends[published - 1] if published == 2 else 0, len(data))
    for directory, damaged in left_by_a_crash(written, tmp_path, published, (data[:cut] for cut in cuts)):
        whole = sum(end <= len(damaged) for end in ends)
        assert reopened(directory, sync_s) == RECORDS[:whole]
        assert segment_path(directory, 1).stat().st_size == (ends[whole - 1] if whole else 0)


@pytest.mark.parametrize("published", PUBLISHED)
def test_a_log_in_which_any_byte_is_another_keeps_what_comes_before(written, tmp_path: Path, published: int) -> None:
    """Of a money log behind the mark; of a lazy one anywhere: a power cut may leave holes, and what is behind goes."""
    data, ends = segment_path(written[0], 1).read_bytes(), written[1]
    sync_s = 0.0 if published == 2 else 0.5
    places = range(ends[published - 1] if published == 2 else 0, len(data))
    changed = (data[:at] + bytes([data[at] ^ 0x5A]) + data[at + 1 :] for at in places)
    for at, (directory, _) in zip(places, left_by_a_crash(written, tmp_path, published, changed), strict=True):
        assert reopened(directory, sync_s) == RECORDS[: sum(end <= at for end in ends)]


LAZY = """
import os, sys, time
from pathlib import Path
from eventlog.writer import LogWriter
writer, n = LogWriter(Path(sys.argv[1]), segment_bytes=500, sync_s=0.5), 0
while True:
    writer.append(b"%d" % n)
    os.write(1, b"%d\\n" % time.monotonic_ns())
    n += 1
    time.sleep(0.0005)
"""
PROMISED_NS = 1_000_000_000
"""Bids are kept within a second. A killed process loses what waited in its memory: `WRITE_S`, and what a busy
machine adds.
"""


def test_a_killed_lazy_writer_loses_the_newest_records_only(tmp_path: Path) -> None:
    for number in range(3):
        directory = tmp_path / str(number)
        command = [sys.executable, "-c", LAZY, str(directory)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            appended = [int(process.stdout.readline()) for _ in range(400 + 37 * number)]
            killed_ns = time.monotonic_ns()
            process.send_signal(signal.SIGKILL)
            appended += [int(line) for line in process.stdout.read().split(b"\n")[:-1]]
        LogWriter(directory, sync_s=0.5).close()
        logged = [int(record) for record in read_all(directory)]
        assert logged == list(range(len(logged)))
        assert all(at > killed_ns - PROMISED_NS for at in appended[len(logged) :])
        assert len(segments(directory)) > 2 and os.path.exists(segment_path(directory, 1))
