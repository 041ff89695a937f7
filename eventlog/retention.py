"""Removing segments that nobody needs any more: every consumer has passed them, and they are old enough.

One process of a host does it for all logs of the host, whichever writer of one gets the lock ``<data>/log/sweeping``
first; so the logs of workers that were taken away grow old, too. Nothing behind the published mark's segment is
touched, so writers need not know.

When the disk is nearly full, segments of bids that every consumer has passed go before their time, oldest first, rather
than that bids which are made now are not logged: the old ones are in the store. Events of money are kept as the
settings say, whatever happens.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import threading
import time
from pathlib import Path

from eventlog.config import LogSettings
from eventlog.consumers import positions
from eventlog.damage import list_of
from eventlog.rewriting import LOCK, journal_of
from eventlog.segments import place_of, read_mark, segment_path, segments
from eventlog.writer import SPARE_BYTES

LOOK_S = 2.0
"""Between two looks at the room on the disk."""
SWEEP_S = 60.0
"""Between two looks at what has become old enough."""
ROOM_BYTES = 4 * SPARE_BYTES
"""With less room than this on the disk, segments of bids go before their time."""
EARLY_S = 3_600
"""But not younger than this: a store that does not wait for the disk may lose its last rows in a power cut."""
LOCK_NAME = "sweeping"

log = logging.getLogger(__name__)


def removable(directory: Path) -> list[int]:
    """Segments that every consumer of the log has passed, oldest first; none of a log that has no consumers."""
    noted = positions(directory).values()
    held = min((place_of(position)[0] for position in (*noted, read_mark(directory))), default=0) if noted else 0
    return [number for number in segments(directory) if number < held]


def sweep(directory: Path, keep_s: float, *, most: int | None = None) -> list[int]:
    """Removes what may go and was last written ``keep_s`` ago or earlier, oldest first and at most so many segments;
    returns their numbers. Nothing while the log is being rewritten: it will be looked at again.
    """
    gone: list[int] = []
    ready = removable(directory)[:most]
    if not ready:
        return gone
    with open(directory / LOCK, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return gone
        for number in ready:
            path = segment_path(directory, number)
            if journal_of(directory, number).exists() or time.time() - path.stat().st_mtime < keep_s:
                break
            path.unlink()
            list_of(directory, number).unlink(missing_ok=True)
            gone.append(number)
    if gone:
        log.info("%s: segments %d to %d are old enough, and removed", directory, gone[0], gone[-1])
    return gone


class Sweeper:
    """Retention of one host's logs; ``root`` is ``<data>/log``."""

    def __init__(self, root: Path, settings: LogSettings) -> None:
        self._root, self._settings = root, settings
        self._lock: int | None = None
        self._due, self._closed = 0.0, False
        self._looking = threading.Lock()

    async def run(self) -> None:
        """For ever. Looking and removing go on in a thread."""
        try:
            while True:
                await asyncio.to_thread(self.look)
                await asyncio.sleep(LOOK_S)
        finally:
            self.close()

    def look(self) -> None:
        """Removes what is to be removed now, if this is the process that does so."""
        with self._looking:
            try:
                if self._mine():
                    self._free()
                    if time.monotonic() >= self._due:
                        for directory in self._logs():
                            sweep(directory, self._settings.keep_s(directory.parent.name))
                        self._due = time.monotonic() + SWEEP_S
            except OSError as error:  # it will be looked at again; a writer says by itself what it cannot write
                log.warning("old segments of the event logs cannot be removed: %s", error)

    def close(self) -> None:
        """Leaves it to others, once and for all."""
        with self._looking:
            self._closed = True
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _logs(self) -> list[Path]:
        return sorted(path.parent for path in self._root.glob("*/*/published"))

    def _mine(self) -> bool:
        if self._lock is None and not self._closed:
            self._root.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._root / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return False
            self._lock = lock
        return self._lock is not None

    def _free(self) -> None:
        """Makes room, if there is little: one segment after the other, of the log whose oldest is the oldest."""
        while room_of(self._root) < ROOM_BYTES:
            oldest = sorted((written_at(path), path) for path in self._logs() if path.parent.name == "bids")
            if not any(sweep(directory, EARLY_S, most=1) for _, directory in oldest):
                return


def room_of(directory: Path) -> int:
    """Bytes that are left on the disk of a directory."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def written_at(directory: Path) -> float:
    """When the oldest segment of a log was last written, Unix seconds; 0 if there is none."""
    with contextlib.suppress(IndexError, FileNotFoundError):
        return segment_path(directory, segments(directory)[0]).stat().st_mtime
    return 0.0
