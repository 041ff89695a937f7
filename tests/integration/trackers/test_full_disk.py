"""A disk that is really full, a small tmpfs: old bids go first, then new ones are shed, then money is refused until
there is room; whatever was acknowledged is in the log, once.
"""

import asyncio
import errno
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from domain.events import Kind, Mark
from domain.settings import Places
from eventlog import retention, writer
from eventlog.consumers import note
from eventlog.reader import LogReader
from eventlog.retention import room_of
from eventlog.segments import segment_path, segments
from eventlog.writer import SPARE_BYTES, LogWriter
from tests.integration.trackers.conftest import Deployment

MIB = 1 << 20
DISK = SPARE_BYTES + 32 * MIB
PATIENCE_S = 60


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(folder)]
    try:
        done = subprocess.run(mounting, capture_output=True, text=True)
        refusal = done.stderr.strip() if done.returncode else ""
    except FileNotFoundError as error:
        refusal = str(error)
    if refusal:
        pytest.skip(f"a small disk cannot be mounted (only root may): {refusal}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def left(disk: Path, room: int) -> Iterator[None]:
    """Something else takes all but so many bytes of the disk."""
    path = disk / f"all but {room}"
    with open(path, "wb") as file:
        taken = False
        while not taken:
            try:
                os.posix_fallocate(file.fileno(), 0, room_of(disk) - room)
                taken = True
            except OSError as error:  # the tracker wrote between the two, and there is less room
                if error.errno != errno.ENOSPC:
                    raise
    yield
    path.unlink()


def records(directory: Path) -> list[bytes]:
    reader, found = LogReader(directory), []
    while some := reader.read()[0]:
        found += some
    return found


class Bidder:
    """Bids are logged all the time, each once."""

    def __init__(self, data: Path) -> None:
        self.log = LogWriter(data / "log" / "bids" / "0", sync_s=0.02)
        self.appended = 0

    async def until(self, done) -> None:
        for _ in range(PATIENCE_S * 1000):
            if done():
                return
            self.log.append(b"%d" % self.appended)
            self.appended += 1
            await asyncio.sleep(0.001)
        raise AssertionError("it did not come to that")


async def test_bids_go_before_money_and_nothing_acknowledged_is_lost(
    deployment: Deployment, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_S", 0.05)
    place = Places(data_dir=str(disk), control_url=deployment.place.control_url, holds=10_000)
    tracker = Deployment(place, deployment.clock, deployment.session)
    await tracker.start()
    bidder = Bidder(disk)
    answers: Counter[int] = Counter()
    acknowledged: set[int] = set()

    async def offer(token) -> bool:
        status, _, _ = await tracker.get(tracker.path(token, Kind.BILLING, "p=1"))
        answers[status] += 1
        if status == 204:
            acknowledged.add(token.bid)
        else:
            assert status == 503
        return status == 204

    await bidder.until(lambda: bidder.log.published >= 1 << 40)
    assert await offer(tracker.token()) and bidder.log.shed == 0
    refused = []
    with left(disk, SPARE_BYTES - 8 * MIB):
        await bidder.until(lambda: bidder.log.shed)
        assert all(await asyncio.gather(*(offer(tracker.token()) for _ in range(100))))
        with left(disk, 0):
            while not refused:  # what is left of the last page takes some still
                tokens = [tracker.token() for _ in range(50)]
                taken = await asyncio.gather(*map(offer, tokens))
                refused += [token for token, kept in zip(tokens, taken, strict=True) if not kept]
            again = await asyncio.gather(*map(offer, refused))
            refused = [token for token, kept in zip(refused, again, strict=True) if not kept]
            assert refused
            shed = bidder.log.shed
            await bidder.until(lambda: bidder.log.shed > shed)
        until = time.monotonic() + PATIENCE_S
        while refused:  # as an exchange sends what it was not answered well
            assert time.monotonic() < until
            again = await asyncio.gather(*map(offer, refused))
            refused = [token for token, kept in zip(refused, again, strict=True) if not kept]
        shed = bidder.log.shed
        await bidder.until(lambda: bidder.log.shed > shed)  # money has room again, and bids have not
    published = bidder.log.published
    await bidder.until(lambda: bidder.log.published > published)
    _, health, _ = await tracker.get("/health")
    assert json.loads(health)["counts"]["refused.log_full"] == answers[503] > 0
    bidder.log.close()
    await tracker.stop()
    await tracker.start()  # what is on disk is all that counts
    assert Counter(notice.bid for notice in tracker.notices()) == dict.fromkeys(acknowledged, 1)
    assert len(acknowledged) == answers[204] and {Mark(n.marks) for n in tracker.notices()} == {Mark.FIRST}
    kept = [int(record) for record in records(bidder.log.directory)]
    assert kept == sorted(set(kept)) and len(kept) + bidder.log.shed == bidder.appended
    await tracker.stop()


async def test_bids_that_are_in_the_store_go_before_new_ones_are_shed(
    deployment: Deployment, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments of another worker's log, of which the reporter has passed two, a day ago."""
    monkeypatch.setattr(writer, "RETRY_S", 0.05)
    monkeypatch.setattr(retention, "LOOK_S", 0.05)
    old = disk / "log" / "bids" / "1"
    log, ends = LogWriter(old, segment_bytes=8 * MIB, sync_s=0.02), []
    while len(ends) < 3 * 8:
        ends.append(log.append(b"%07d" % len(ends) * (MIB // 7)))
    log.close()
    for number in segments(old):
        os.utime(segment_path(old, number), (time.time() - 86_400,) * 2)
    place = Places(data_dir=str(disk), control_url=deployment.place.control_url, holds=10_000)
    tracker = Deployment(place, deployment.clock, deployment.session)
    bidder = Bidder(disk)
    with left(disk, SPARE_BYTES - 4 * MIB):
        await bidder.until(lambda: bidder.log.shed)
        note(old, "reporter", ends[-1])
        await tracker.start()  # the first of the host's writers: it sweeps
        published = bidder.log.published
        await bidder.until(lambda: bidder.log.published > published)
        assert room_of(disk) > SPARE_BYTES and len(segments(old)) == 1
        await tracker.stop()
    bidder.log.close()
