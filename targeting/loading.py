"""Loading profiles in bulk: a table of persons (Parquet or Arrow) into the profile store, millions at a time.

LMDB is written fastest, and packed closest, in the order of the keys. So rows are packed and sorted in runs; runs that
follow each other are written as they come, others are spilled to files (beside the store, if it is LMDB) and merged.
Whoever is in the store already keeps what the table does not say, impressions in particular.
"""

import mmap
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import lmdb

from targeting.merge import joined
from targeting.profile_rows import Batch, Merge, Run
from targeting.profiles import ProfileStore
from targeting.record_editor import Editor
from targeting.redis_profiles import RedisProfiles

RUN_BYTES = 256 << 20
"""Packed rows held in memory; twice that while a run is sorted."""
WRITE_ROWS = 20_000
"""Profiles written in a transaction: a tracker waits no longer than that (some 30 ms) for its turn."""

Progress = Callable[[int, int], None]
"""Called now and then with the rows read and the profiles written so far."""


@dataclass(frozen=True)
class Loaded:
    """What loading a table did."""

    rows: int
    profiles: int
    """Written; fewer than rows if the table has persons more than once."""


def load(
    store: ProfileStore | RedisProfiles,
    batches: Iterable[tuple[Batch, Iterable[int]]],
    progress: Progress = lambda read, written: None,
    run_bytes: int = RUN_BYTES,
) -> Loaded:
    """Writes batches of rows, each with the audiences that it names. If it is broken off, run it again: what is there
    already is written once more, to the same effect.
    """
    loading = _Loading(store, progress, run_bytes)
    beside = store.path if isinstance(store, ProfileStore) else None
    with tempfile.TemporaryDirectory(dir=beside, prefix="loading-") as folder:
        loading.folder = Path(folder)
        for batch, audiences in batches:
            loading.add(batch, audiences)
        loading.finish()
    return Loaded(loading.read, loading.written)


class _Loading:
    """One load. ``held`` is a sealed run that may be followed by the next; once two overlap, all go to files."""

    folder: Path

    def __init__(self, store: ProfileStore | RedisProfiles, progress: Progress, run_bytes: int) -> None:
        self._store, self._progress, self._run_bytes = store, progress, run_bytes
        self._run, self._editor = Run(), Editor()
        self._held: tuple[int, bytes] | None = None
        self._spilled: list[mmap.mmap] = []
        self._audiences: set[int] = set()
        self.read = self.written = 0

    def add(self, batch: Batch, audiences: Iterable[int]) -> None:
        self._run.add(batch)
        self._audiences.update(audiences)
        self.read += len(batch)
        if self._run.nbytes >= self._run_bytes:
            self._seal()
        self._progress(self.read, self.written)

    def finish(self) -> None:
        if len(self._run):
            self._seal()
        if self._spilled:
            self._write(self._spilled)
            for file in self._spilled:
                file.close()
        elif self._held is not None:
            self._write([self._held[1]])

    def _seal(self) -> None:
        first, last, run = self._run.seal()
        if not self._spilled and (self._held is None or first > self._held[0]):
            if self._held is not None:
                self._write([self._held[1]])
            self._held = last, run
            return
        if self._held is not None:
            self._spill(self._held[1])
            self._held = None
        self._spill(run)

    def _spill(self, run: bytes) -> None:
        with (self.folder / str(len(self._spilled))).open("w+b") as file:
            file.write(run)
            file.flush()
            self._spilled.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def _write(self, runs: Iterable[bytes | mmap.mmap]) -> None:
        merge = Merge(runs)
        while items := merge.next(WRITE_ROWS):
            if isinstance(self._store, ProfileStore):
                self._put_into(self._store, items)
            else:
                self._store.absorb((int.from_bytes(key, "big"), record) for key, record in items)
            self.written += len(items)
            self._progress(self.read, self.written)
        del merge

    def _put_into(self, store: ProfileStore, items: list[tuple[bytes, bytes]]) -> None:
        parts: list[tuple[bytes, bytes]] = []
        with store.write() as txn:
            if store.forgotten.any:
                items = [item for item in items if int.from_bytes(item[0], "big") not in store.forgotten]
            store.mark_unlisted(txn, self._audiences)
            with txn.cursor(db=store.profiles) as cursor:
                self._put(cursor, items, parts)
            for key, new in parts:
                store.edit(txn, int.from_bytes(key, "big"), lambda editor, new=new: editor.absorb(new))  # type: ignore[misc]

    def _put(
        self, cursor: "lmdb.Cursor[bytes]", items: list[tuple[bytes, bytes]], parts: list[tuple[bytes, bytes]]
    ) -> None:
        if not items:
            return
        if not cursor.last() or cursor.key() < items[0][0]:
            cursor.putmulti(items, append=True)
            return
        cursor.putmulti(list(self._absorbed(cursor, items, parts)))

    def _absorbed(
        self, cursor: "lmdb.Cursor[bytes]", items: list[tuple[bytes, bytes]], parts: list[tuple[bytes, bytes]]
    ) -> Iterator[tuple[bytes, bytes]]:
        """With what the store says already; into ``parts`` goes what concerns persons who have several keys."""
        for key, new in items:
            known = cursor.get(key)
            if joined(known):
                parts.append((key, new))
            elif known is not None and self._editor.load(known):
                self._editor.absorb(new)
                yield key, self._editor.pack()
            else:
                yield key, new
