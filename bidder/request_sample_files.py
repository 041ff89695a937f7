"""The kept bid requests on disk: ``<data>/requests/<worker>/<hour>-<start>.sample``, a file an hour and process.

A file is a sequence of frames (`eventlog.frames`): requests as they were kept, and tallies that say how many requests
were looked at meanwhile, and which share is kept by now; the last tally counts, and what was kept under an earlier,
greater share is passed over. Nothing is kept longer than a day. A request that may only be used by its context is
written without what tells who would see the ad. Only the bidder's user of the operating system may read the files.
"""

import asyncio
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from bidder.request_sample import DEEPEST, Pending, RequestSample
from domain.clock import Clock
from eventlog.frames import framed, split
from openrtb.impersonal import impersonal

FLUSH_S = 1.0
HOUR_NS = 3_600_000_000_000
HOURS = 24
SUFFIX, REWRITTEN = ".sample", ".new"
FULL = (1 << 64) - 1

log = logging.getLogger(__name__)


class Kept(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """A bid request as it came, or as it may be kept."""

    time_ns: int
    hash: int
    """What it was chosen by."""
    exchange: int
    person: int
    """Key of the person; 0: nobody's that is known, or may be used."""
    personal: bool
    """Whether the person may be used."""
    body: bytes


class Tally(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """How many requests the process has looked at in the hour, and that it keeps one in ``2 ** level``."""

    time_ns: int
    seen: int
    level: int


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Kept | Tally).decode


class Stratum(NamedTuple):
    """What one process kept in an hour."""

    kept: list[Kept]
    """Of one in ``2 ** level`` persons all requests, and one in as many of the requests without a person."""
    level: int
    seen: int
    """Requests that it was chosen from."""
    start_ns: int
    end_ns: int


class SampleFiles:
    """Writes what a worker's `RequestSample` keeps, at most ``most`` requests a day, and adapts the share of persons to
    that. An hour begins with the share of the last one, or a larger one where the last used less than half of its room.
    """

    def __init__(self, directory: Path, slot: int, sample: RequestSample, clock: Clock, most: int) -> None:
        self.directory, self.sample, self._clock = directory, sample, clock
        self._folder = directory / str(slot)
        self._room = max(1, most // HOURS)
        self._path: Path | None = None
        self._hour = -1
        self._hashes: list[int] = []
        self._seen = 0
        self._writing = threading.Lock()

    async def keep(self) -> None:
        """Writes once a second, in a thread."""
        while True:
            await asyncio.sleep(FLUSH_S)
            await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Writes what was kept since the last time. A full disk costs the sample only, and says so."""
        try:
            with self._writing:
                self._write()
        except OSError as error:
            log.warning("requests are not kept for forecasts: %s", error)

    def _write(self) -> None:
        hour = self._clock.now_ns() // HOUR_NS
        if self._path is None:
            self._begin(hour, self._level_before())
            self._append(*self.sample.take(), self.sample.level)
        elif hour == self._hour:
            self._append(*self.sample.take(), self.sample.level)
        else:
            level, wider, kept = self.sample.level, self.sample.level, len(self._hashes)
            while wider and kept * 2 <= self._room:
                wider, kept = wider - 1, kept * 2
            self.sample.set_level(wider)
            # what waits was chosen by the old share, or is more than that, which readers pass over
            self._append(*self.sample.take(), level)
            self._begin(hour, self.sample.level)

    def _begin(self, hour: int, level: int) -> None:
        """Begins a file, at a level."""
        expire(self.directory, self._clock.now_ns())
        if self.sample.on:
            for folder in (self.directory, self._folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if level > self.sample.level:
            self.sample.set_level(level)
        self._path, self._hour = self._folder / f"{hour}-{time.time_ns():x}{SUFFIX}", hour
        self._hashes, self._seen = [], 0

    def _level_before(self) -> int:
        """Of the process that kept requests here last, if that is no day ago: a busy worker need not find it anew."""
        found = read(self.directory, self._clock.now_ns(), self._folder.name)
        return found[-1].level if found else 0

    def _append(self, taken: list[Pending], seen: int, level: int) -> None:
        """Writes requests that were kept at a level, or at a higher one if that is too many."""
        if not seen and not taken:
            return
        self._seen += seen
        self._hashes += [each[0] for each in taken if each[0] <= FULL >> level]
        while len(self._hashes) > self._room and level < DEEPEST:
            level += 1
            self._hashes = [hash_ for hash_ in self._hashes if hash_ <= FULL >> level]
            if level > self.sample.level:
                self.sample.set_level(level)
        records = [_kept(each) for each in taken if each[0] <= FULL >> level]
        records.append(encode(Tally(self._clock.now_ns(), self._seen, level)))
        assert self._path is not None
        with locked(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as file:
            before = os.fstat(file).st_size
            try:
                write_all(file, framed(record for record in records if record))
            except OSError:  # what comes after half a frame could not be read
                os.ftruncate(file, before)
                raise


def _kept(each: Pending) -> bytes:
    hash_, time_ns, exchange, person, personal, body = each
    if not personal:
        try:
            body = impersonal(body)
        except (ValueError, RecursionError):  # whatever was read in it, what of it may be kept is not clear
            return b""
    return encode(Kept(time_ns, hash_, exchange, person, personal, body))


def write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


@contextmanager
def locked(path: Path, flags: int) -> Iterator[int]:
    """The file, open and locked. Who waited for the lock may find that the file was replaced meanwhile."""
    while True:
        file = os.open(path, flags, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):
                yield file
                return
        finally:
            os.close(file)


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.fstat(file).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def files(directory: Path, worker: str = "*") -> list[Path]:
    """All there are, of all workers or of one; those of one in the order of their hours."""
    return sorted(_of_hours(directory, f"{worker}/*{SUFFIX}"))


def _of_hours(directory: Path, pattern: str) -> Iterator[Path]:
    """What else somebody has put there is none of ours."""
    return (path for path in directory.glob(pattern) if path.name.partition("-")[0].isdecimal())


def hour_of(path: Path) -> int:
    """Hour of the epoch that a file is of."""
    return int(path.name.partition("-")[0])


def expire(directory: Path, now_ns: int) -> None:
    """Removes what is older than a day."""
    for path in [*files(directory), *_of_hours(directory, f"*/*{REWRITTEN}")]:
        if hour_of(path) <= now_ns // HOUR_NS - HOURS:
            path.unlink(missing_ok=True)


def read(directory: Path, now_ns: int, worker: str = "*") -> list[Stratum]:
    """All that was kept, by all workers or one, in the current hour and the 23 before. A frame that is torn or damaged
    ends its file.
    """
    found = []
    for path in files(directory, worker):
        if now_ns // HOUR_NS - HOURS < hour_of(path) <= now_ns // HOUR_NS:
            try:
                records = [decode(record) for record in records_of(path.read_bytes())[0]]
            except FileNotFoundError:
                continue
            except msgspec.DecodeError as error:
                log.warning("%s is of another version, and not read: %s", path, error)
                continue
            tallies = [record for record in records if isinstance(record, Tally)]
            if tallies:
                last, limit = tallies[-1], FULL >> tallies[-1].level
                kept = [record for record in records if isinstance(record, Kept) and record.hash <= limit]
                start = min([tallies[0].time_ns, *(each.time_ns for each in kept)])
                found.append(Stratum(kept, last.level, last.seen, start, last.time_ns))
    return found


def records_of(data: bytes) -> tuple[list[bytes], int]:
    """All that can be read, and where that ends: what is behind is torn or damaged."""
    found: list[bytes] = []
    end = 0
    while True:
        records, end = split(data, end, 1 << 30)
        if not records:
            return found, end
        found += records
