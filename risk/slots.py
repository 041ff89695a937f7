"""A memory-mapped table of records of one size by 64-bit key, in bounded memory: where there is no room, the record in
its bucket that was not written for longest makes it.

A bucket is eight keys, the times they were last written, and their records; a hash of the key tells its bucket. So a
look-up touches one stretch of memory, nothing is ever moved, and a file is ready as soon as it is mapped. With twice
as many slots as keys hardly a bucket is too small (one in 500 has more than eight keys at four on average).

A file has one writer; any number of processes may read it while it is written. What was written survives the process at
once and the machine after `sync`.
"""

import mmap
import os
from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from domain.errors import Problem, Refused, Unavailable
from domain.file_lock import FileLock

WAYS = 8
MAGIC = b"outbid.slots.1\0\0"
HEADER = 4_096
MOST_SLOTS = 1 << 28

_HEAD = Struct("<16sII")
_KEYS, _TIMES = Struct(f"<{WAYS}Q"), Struct(f"<{WAYS}I")
_KEY, _TIME = Struct("<Q"), Struct("<I")


class Slots:
    """``slots`` (rounded up to a power of two of buckets) of ``width`` bytes each.

    ``path`` None: in memory only. A file that has another number of slots is laid out anew. Raises Refused for sizes
    that are not allowed, Unavailable for a file that is another table's, or has a writer already.
    """

    def __init__(self, path: Path | None, width: int, slots: int = 1 << 16, *, readonly: bool = False) -> None:
        if not WAYS <= slots <= MOST_SLOTS:
            raise Refused([Problem("slots", slots, f"{WAYS} to {MOST_SLOTS} are")])
        self.path, self.width, self.readonly = path, width, readonly
        self._stride = WAYS * (_KEY.size + _TIME.size + width)
        self._empty = bytes(width)
        self._lock: FileLock | None = None
        buckets = 1 << (-(-slots // WAYS) - 1).bit_length()
        if path is None:
            self._map(-1, buckets)
        elif readonly:
            with open(path, "rb") as file:
                self._map(file.fileno(), self._buckets_of(path))
        else:
            self._open(path, buckets)

    def _open(self, path: Path, buckets: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path.with_suffix(".lock"))
        if not self._lock.take():
            raise Unavailable(f"{path} has a writer already")
        if not path.exists() or path.stat().st_size == 0:
            self._make(path, buckets)
        elif self._buckets_of(path) != buckets:
            with open(path, "r+b") as file:
                self._map(file.fileno(), self._buckets_of(path))
            old, draft = self._mapped, path.with_suffix(".new")
            written = list(self._written())
            self._make(draft, buckets)
            with open(draft, "r+b") as file:
                self._map(file.fileno(), buckets)
            for key, time_s, at in sorted(written, key=lambda one: one[1]):
                place = self.claim(key, time_s)[0]
                self._mapped[place : place + self.width] = old[at : at + self.width]
            self.sync()
            os.replace(draft, path)
        with open(path, "r+b") as file:
            self._map(file.fileno(), buckets)

    def _make(self, path: Path, buckets: int) -> None:
        with open(path, "wb") as file:
            file.write(_HEAD.pack(MAGIC, self.width, buckets))
            file.truncate(HEADER + buckets * self._stride)
            file.flush()
            os.fsync(file.fileno())

    def _buckets_of(self, path: Path) -> int:
        with open(path, "rb") as file:
            head = file.read(_HEAD.size)
        size = path.stat().st_size
        if len(head) == _HEAD.size:
            magic, width, buckets = _HEAD.unpack(head)
            if magic == MAGIC and width == self.width and size == HEADER + buckets * self._stride and buckets:
                return int(buckets)
        raise Unavailable(f"{path} is no table of records of {self.width} bytes; move it away to begin anew")

    def _map(self, file: int, buckets: int) -> None:
        size = HEADER + buckets * self._stride
        access = mmap.ACCESS_READ if self.readonly else mmap.ACCESS_WRITE
        self._mapped = mmap.mmap(file, size, access=access) if file >= 0 else mmap.mmap(-1, size)
        self.buckets = buckets

    @property
    def memory(self) -> mmap.mmap:
        """What offsets are in."""
        return self._mapped

    def find(self, key: int) -> int:
        """Offset of the key's record; -1: there is none."""
        bucket = HEADER + (key * _SPREAD >> 32 & (self.buckets - 1)) * self._stride
        keys = _KEYS.unpack_from(self._mapped, bucket)
        if key not in keys or not key:
            return -1
        return bucket + _RECORDS + keys.index(key) * self.width

    def claim(self, key: int, time_s: int) -> tuple[int, bool]:
        """Offset of the key's record, and whether it is new, all zeros. Raises ValueError for key 0."""
        if not key:
            raise ValueError("key: 0 is nobody's")
        bucket = HEADER + (key * _SPREAD >> 32 & (self.buckets - 1)) * self._stride
        keys = _KEYS.unpack_from(self._mapped, bucket)
        times = bucket + _RECORDS - _TIMES.size
        if key in keys:
            way, new = keys.index(key), False
            if time_s <= _TIME.unpack_from(self._mapped, times + way * _TIME.size)[0]:
                return bucket + _RECORDS + way * self.width, False
        else:
            written = _TIMES.unpack_from(self._mapped, times)
            way, new = (keys.index(0) if 0 in keys else written.index(min(written))), True
            at = bucket + _RECORDS + way * self.width
            self._mapped[at : at + self.width] = self._empty
            _KEY.pack_into(self._mapped, bucket + way * _KEY.size, key)
        _TIME.pack_into(self._mapped, times + way * _TIME.size, time_s)
        return bucket + _RECORDS + way * self.width, new

    def forget(self, key: int) -> bool:
        """Removes the key and its record. Was there one?"""
        at = self.find(key)
        if at < 0:
            return False
        bucket = HEADER + (key * _SPREAD >> 32 & (self.buckets - 1)) * self._stride
        way = (at - bucket - _RECORDS) // self.width
        self._mapped[at : at + self.width] = self._empty
        _TIME.pack_into(self._mapped, bucket + _RECORDS - _TIMES.size + way * _TIME.size, 0)
        _KEY.pack_into(self._mapped, bucket + way * _KEY.size, 0)
        return True

    def column(self, dtype: DTypeLike, offset: int, count: int) -> NDArray[Any]:
        """``count`` values of all records, those of nobody among them, from ``offset`` on: (buckets, 8, count)."""
        kind = np.dtype(dtype)
        strides = (self._stride, self.width, kind.itemsize)
        shape = (self.buckets, WAYS, count)
        return np.ndarray(shape, kind, self._mapped, HEADER + _RECORDS + offset, strides)

    def keys(self) -> NDArray[np.uint64]:
        """All keys."""
        found: NDArray[np.uint64] = np.ndarray((self.buckets, WAYS), "<u8", self._mapped, HEADER, (self._stride, 8))
        return np.asarray(found[found != 0])

    def _written(self) -> list[tuple[int, int, int]]:
        """Key, time and offset of all records."""
        found = []
        for bucket in range(HEADER, HEADER + self.buckets * self._stride, self._stride):
            keys = _KEYS.unpack_from(self._mapped, bucket)
            times = _TIMES.unpack_from(self._mapped, bucket + _KEYS.size)
            found += [(key, times[way], bucket + _RECORDS + way * self.width) for way, key in enumerate(keys) if key]
        return found

    def sync(self) -> None:
        """Returns when everything is on disk."""
        if self.path is not None and not self.readonly:
            self._mapped.flush()

    def close(self) -> None:
        self.sync()
        if self._lock is not None:
            self._lock.release()


_SPREAD = 0x9E3779B97F4A7C15
"""Fibonacci hashing (Knuth): keys that somebody chose in a row lie in different buckets."""
_RECORDS = _KEYS.size + _TIMES.size
"""Where in a bucket the records begin."""
