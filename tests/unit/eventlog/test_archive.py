"""Archives: what is kept is there, what the disk does not take is refused, and only what is old enough goes."""

import asyncio
import errno
import os
import time
from pathlib import Path

import pytest

from eventlog.archive import Archive
from eventlog.frames import LogFull
from eventlog.reader import LogReader
from eventlog.segments import segment_path, segments


@pytest.mark.parametrize("durable", [True, False])
async def test_whole_segments_go_when_they_are_old_and_no_others(tmp_path: Path, durable: bool) -> None:
    for number in range(4):  # each begins a segment
        archive = Archive(tmp_path / "a", durable=durable)
        await archive.keep(b"record %d" % number)
        archive.close()
    archive = Archive(tmp_path / "a", durable=durable)
    for segment, age_s in zip(segments(tmp_path / "a"), (900, 700, 500, 800), strict=False):
        os.utime(segment_path(tmp_path / "a", segment), (time.time() - age_s,) * 2)
    archive.sweep(600)
    archive.close()
    reader, left = LogReader(tmp_path / "a"), list[bytes]()
    while records := reader.read()[0]:
        left += records
    assert left == [b"record 2", b"record 3"]


@pytest.mark.parametrize("durable", [True, False])
async def test_what_is_not_kept_is_told(tmp_path: Path, durable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    archive = Archive(tmp_path, durable=durable)
    with monkeypatch.context() as patched:
        for step in ("_write", "_recover", "_spare"):
            patched.setattr(archive._writer, step, full)
        with pytest.raises(LogFull):
            async with asyncio.timeout(10):
                while True:  # a lazy log finds it out after the first record
                    await archive.keep(b"x")
                    await asyncio.sleep(0.01)
        assert archive.shut
    archive.close()
