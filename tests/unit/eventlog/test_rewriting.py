"""Records are replaced in place: positions stay, readers and the writer go on, and an interruption is made good."""

import os
import threading
from pathlib import Path

import pytest

from eventlog import rewriting
from eventlog.reader import LogReader
from eventlog.rewriting import journal_of, matching, rewrite
from eventlog.segments import segment_path
from eventlog.writer import LogWriter


def read_all(directory: Path, position: int = 0) -> list[bytes]:
    reader, found = LogReader(directory, position), []
    while records := reader.read(50)[0]:
        found += records
    return found


def filled(directory: Path, records: list[bytes]) -> list[int]:
    writer = LogWriter(directory, segment_bytes=1_000)
    positions = [writer.append(record) for record in records]
    writer.close()
    return positions


RECORDS = [b"%04d %s" % (n, (b"anna" if n % 7 == 3 else b"bert") * (n % 5 + 1)) for n in range(300)]


def without_anna(record: bytes) -> bytes | None:
    return record.replace(b"anna", b"----") if b"anna" in record else None


WITHOUT = [without_anna(record) or record for record in RECORDS]


def test_only_what_is_meant_is_replaced_and_positions_stay(tmp_path: Path) -> None:
    positions = filled(tmp_path, RECORDS)
    assert list(matching(tmp_path, [b"anna"])) == [record for record in RECORDS if b"anna" in record]
    assert rewrite(tmp_path, [b"anna"], without_anna) == sum(b"anna" in record for record in RECORDS)
    assert read_all(tmp_path) == WITHOUT
    assert [read_all(tmp_path, position) for position in positions[::50]] == [
        WITHOUT[n + 1 :] for n in range(0, 300, 50)
    ]
    assert not any(b"anna" in path.read_bytes() for path in tmp_path.iterdir())
    assert rewrite(tmp_path, [b"anna"], without_anna) == 0
    assert rewrite(tmp_path / "none", [b"anna"], without_anna) == 0


def test_a_record_of_another_length_is_refused_and_nothing_was_touched(tmp_path: Path) -> None:
    filled(tmp_path, RECORDS)
    with pytest.raises(ValueError, match="cannot be replaced"):
        rewrite(tmp_path, [b"anna"], lambda record: record[:-1])
    assert read_all(tmp_path) == RECORDS


@pytest.mark.parametrize("torn", [0, 3, 9])
def test_what_a_power_cut_tore_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: int) -> None:
    """The journal is there, and of the frames some are old, some new and one is half of each."""
    filled(tmp_path, RECORDS)

    def cut(directory: Path, segment: int) -> None:
        path = segment_path(directory, segment)
        data = bytearray(path.read_bytes())
        at = data.index(b"anna")
        data[at - torn : at + 2] = b"\0" * (torn + 2)
        path.write_bytes(data)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(rewriting, "_apply", cut)
        rewrite(tmp_path, [b"anna"], without_anna)
    assert list(tmp_path.glob("*.rewrite"))
    LogWriter(tmp_path).close()  # whoever writes it next makes it good
    assert not list(tmp_path.glob("*.rewrite"))
    assert len(read_all(tmp_path)) == len(RECORDS)
    rewrite(tmp_path, [b"anna"], without_anna)
    assert read_all(tmp_path) == WITHOUT


def test_a_reader_waits_for_a_frame_that_is_being_written(tmp_path: Path) -> None:
    filled(tmp_path, [b"one", b"two"])
    path, journal = segment_path(tmp_path, 1), journal_of(tmp_path, 1)
    whole = path.read_bytes()
    journal.touch()
    path.write_bytes(whole[:9] + b"?" + whole[10:])

    def complete() -> None:
        path.write_bytes(whole)
        journal.unlink()

    threading.Timer(0.05, complete).start()
    assert read_all(tmp_path) == [b"one", b"two"]


def test_writer_and_readers_go_on_meanwhile(tmp_path: Path) -> None:
    """One thread appends, one reads all again and again, and records are rewritten back and forth between them."""
    writer, over, seen = LogWriter(tmp_path, segment_bytes=5_000), threading.Event(), []

    def read() -> None:
        while not over.is_set():
            seen.append([record.replace(b"berta", b"annae") for record in read_all(tmp_path)])

    reading = threading.Thread(target=read)
    reading.start()
    expected = []
    for turn in range(15):
        expected += [b"%04d annae" % n for n in range(turn * 50, turn * 50 + 50)]
        for record in expected[-50:]:
            position = writer.append(record)
        while writer.published < position:
            os.sched_yield()
            writer._wake.set()
        there, then = (b"annae", b"berta") if turn % 2 == 0 else (b"berta", b"annae")
        rewrite(tmp_path, [there], lambda record, there=there, then=then: record.replace(there, then))  # type: ignore[misc]
    over.set()
    reading.join()
    writer.close()
    assert len(seen) > 3 and all(found == expected[: len(found)] for found in seen)
    assert [record.replace(b"berta", b"annae") for record in read_all(tmp_path)] == expected
