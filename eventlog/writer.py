"""Appending to a log: one writer a directory, records framed at once, written and synced by a thread.

Two ways to use it. *Money* (``sync_s=0``): ``await durable(append(record))`` returns when the record is on disk; all
records that arrive during one sync share the next (group commit). *Lazy* (``sync_s > 0``, bids): nobody waits; records
reach the kernel within `WRITE_S` (they survive a kill) and the disk within ``sync_s``.

When the disk is full, a money record is refused with `LogFull` and what could not be kept is cut off again before any
reader sees it; lazy records are dropped and counted in ``shed``, already when less than `SPARE_BYTES` are left, so
that money events get the rest. Both try again every `RETRY_S`.
"""

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import threading
import time
from pathlib import Path

from domain.errors import Unavailable
from eventlog.frames import LogFull, Pending
from eventlog.rewriting import finish
from eventlog.segments import (
    MARK,
    place_of,
    position_of,
    read_mark,
    segment_path,
    segments,
    sound_end,
    sync_directory,
    write_mark,
)

WRITE_S = 0.05
RETRY_S = 1.0
SPARE_BYTES = 64 << 20
PROBE_BYTES = 4 << 10
BUFFER_BYTES = 64 << 20
MOST_LOST = 4_096
"""Stretches that are remembered as lost."""

log = logging.getLogger(__name__)


class LogBusy(Unavailable):
    """Another process writes this log."""


class LogWriter:
    """The only writer of ``directory``. `append` and `durable` belong to one thread (the event loop's).

    Opening it makes good what a crash left: a torn record is cut off, whole ones are synced and published, and a new
    segment begins. Raises LogBusy if the directory has a writer already.
    """

    def __init__(self, directory: Path, *, segment_bytes: int = 64 << 20, sync_s: float = 0.0) -> None:
        self.directory, self.sync_s = directory, sync_s
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise LogBusy(f"{directory} has a writer already") from None
        finish(directory)
        self._mark = os.open(directory / MARK, os.O_CREAT | os.O_RDWR, 0o644)
        self.published = self._repair()
        """Everything up to here can be read; for money it is on disk."""
        self._pending = Pending(position_of(place_of(self.published)[0] + 1), segment_bytes, BUFFER_BYTES, sync_s > 0)
        self.append = self._pending.append
        """``append(record) -> int``: the position after the record. Never blocks; LogFull as the module says."""
        self._file: int | None = None
        self._synced = True
        self._taken = 0
        self._lost: tuple[tuple[int, int, OSError], ...] = ()
        """Stretches that could not be kept, and why, rising: beyond the first position, up to the second."""
        self._trouble = ""
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake, self._closing = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name=f"log {directory.name}", daemon=True)
        self._thread.start()

    @property
    def shed(self) -> int:
        """Records that were dropped since the start (of a money log: each was also refused with `LogFull`)."""
        return self._pending.shed

    @property
    def waiting(self) -> int:
        """Bytes appended and not yet handed to the kernel."""
        return self._pending.waiting

    @property
    def shut(self) -> bool:
        """Does the disk take nothing at present?"""
        return self._pending.shut

    async def durable(self, position: int) -> None:
        """Returns when everything up to ``position`` is published. Raises LogFull if the record could not be kept."""
        self._loop = asyncio.get_running_loop()  # before looking: the thread rouses whoever it finds waiting
        published = self.published  # before looking for losses, too: after one it goes on behind what was lost
        for low, high, error in reversed(self._lost):
            if position > high:
                break
            if low < position:
                raise LogFull(error.errno, f"the event log could not keep a record: {error.strerror}")
        if position <= published:
            return
        waiter = self._loop.create_future()
        self._waiters.append((position, waiter))
        self._wake.set()
        await waiter
        await self.durable(position)

    def close(self) -> None:
        """Writes and syncs what is waiting, then gives the directory free. No append afterwards."""
        self._closing = True
        self._wake.set()
        self._thread.join()
        for handle in (self._file, self._mark, self._lock):
            if handle is not None:
                os.close(handle)
        self._file = None

    def _repair(self) -> int:
        """Cuts off a torn tail, makes the rest durable and publishes it; returns its end."""
        numbers = segments(self.directory)
        published = read_mark(self.directory)
        if numbers:
            path = segment_path(self.directory, numbers[-1])
            segment, offset = place_of(published)
            size, told = path.stat().st_size, offset if segment == numbers[-1] else 0
            # Of a lazy log the mark was moved before the disk followed: a power cut may have left anything before it.
            end = sound_end(path, told if told <= size and not self.sync_s else 0)
            if end < told:
                log.error("%s: the end is lost from byte %d on; readers had been let up to byte %d", path, end, told)
            os.truncate(path, end)
            with open(path, "rb+") as file:
                os.fsync(file.fileno())
            published = max(published, position_of(numbers[-1], end))
        write_mark(self._mark, published)
        sync_directory(self.directory)
        return published

    def _run(self) -> None:
        lazy = self.sync_s > 0
        sync_due = retry_due = 0.0
        while True:
            self._wake.wait(WRITE_S)
            self._wake.clear()
            closing = self._closing  # read before the last look at what is waiting, so that nothing stays behind
            now = time.monotonic()
            try:
                if self._pending.shut:  # then nothing is waiting
                    if now < retry_due and not closing:
                        continue
                    self._recover()
                if lazy and now >= sync_due:
                    self._spare()
                wrote = self._write()
                if not lazy or closing or now >= sync_due:
                    self._sync()
                    sync_due = now + self.sync_s
                if wrote:
                    self._publish(wrote)
                if wrote and self._trouble:
                    log.warning("%s is written again; %d records were dropped so far", self.directory, self.shed)
                    self._trouble = ""
            except Exception as error:  # whatever it is: who waits must hear of it, and it is tried again
                self._fail(error if isinstance(error, OSError) else OSError(errno.EIO, repr(error)))
                retry_due = now + RETRY_S
            if closing:
                return

    def _write(self) -> int:
        """Writes all that is waiting; returns the position reached, 0 if there was nothing."""
        reached = 0
        while piece := self._pending.take():
            position, data, records = piece
            self._taken += records
            segment, offset = place_of(position)
            if self._file is None or offset == 0:
                self._sync()
                self._open(segment)
            assert self._file is not None
            view, at = memoryview(data), offset
            while view:
                done = os.pwrite(self._file, view, at)
                view, at = view[done:], at + done
            self._synced = False
            reached = position + len(data)
        return reached

    def _open(self, segment: int) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._file = os.open(segment_path(self.directory, segment), os.O_CREAT | os.O_WRONLY, 0o644)
        sync_directory(self.directory)

    def _sync(self) -> None:
        if self._file is not None and not self._synced:
            os.fdatasync(self._file)
            self._synced = True

    def _publish(self, position: int) -> None:
        write_mark(self._mark, position)
        self.published, self._taken = position, 0
        self._rouse()

    def _fail(self, error: OSError) -> None:
        """Gives up what is not published: cut off, positions reported lost, next segment."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._synced = True
        end = self._pending.drop(self._taken)
        self._taken = 0
        since = self.published
        before = tuple(lost for lost in self._lost[-MOST_LOST:] if lost[0] != since)  # the same again: full still
        self._lost = (*before, (since, end, error))
        if self._trouble != str(error):
            log.error("%s cannot be written: %s", self.directory, error)
            self._trouble = str(error)
        self._rouse()
        with contextlib.suppress(OSError):  # _recover tries again, and nothing is published before it has succeeded
            self._cut()

    def _cut(self) -> None:
        """Removes whatever lies behind the published end."""
        segment, offset = place_of(self.published)
        for number in segments(self.directory):
            if number == segment:
                os.truncate(segment_path(self.directory, number), offset)
            elif number > segment:
                segment_path(self.directory, number).unlink()

    def _recover(self) -> None:
        self._cut()
        self._probe()
        self._pending.shut = False

    def _probe(self) -> None:
        """Does the disk take something again? A log that opened only to shut again would say "ready" between."""
        path = self.directory / "probe"
        try:
            probe = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
            try:
                if os.pwrite(probe, bytes(PROBE_BYTES), 0) < PROBE_BYTES:
                    raise OSError(errno.ENOSPC, "No space left on device")
                os.fdatasync(probe)
            finally:
                os.close(probe)
        finally:
            path.unlink(missing_ok=True)

    def _spare(self) -> None:
        """Lazy logs leave the last of the disk to money."""
        room = os.statvfs(self.directory)
        if room.f_bavail * room.f_frsize < SPARE_BYTES:
            raise OSError(errno.ENOSPC, f"less than {SPARE_BYTES >> 20} MiB of disk left")

    def _rouse(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                self._loop.call_soon_threadsafe(self._wake_waiters)

    def _wake_waiters(self) -> None:
        reached = max(self.published, self._lost[-1][1] if self._lost else 0)
        waiting = []
        for position, waiter in self._waiters:
            if position > reached:
                waiting.append((position, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        self._waiters = waiting
