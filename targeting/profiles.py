"""The profile store: one LMDB environment a host, shared by all its processes.

The tracker and the audience importer write, one at a time; bidders read without locks. Keys are persons
(`domain.naming.person_key`, 8 bytes big-endian), values are packed records (`targeting.record`). Beside them lie the
members of each audience, so that a list can be replaced without reading every profile.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Self

import lmdb

from targeting.record import NEVER, campaign_scope, line_item_scope
from targeting.record_editor import Editor

MAP_BYTES = 64 << 30
"""Address space for the map, and so the most that the store can grow to. The file takes only what is used."""
MAX_READERS = 512
RENEW_S = 0.05
CHECK_READERS_S = 10.0
BATCH = 2_000
"""Members written in a transaction: a tracker waits no longer than that for its turn."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """What replacing an audience did."""

    added: int
    removed: int
    size: int


class Reader:
    """Look-ups in one read transaction, which sees the store as it was when last renewed."""

    def __init__(self, env: lmdb.Environment, profiles: lmdb._Database) -> None:
        self._env, self._profiles = env, profiles
        self._txn = env.begin(db=profiles)
        self._get = self._txn.get
        self._renewed = time.monotonic()

    def get(self, person: int) -> bytes | None:
        """The packed record of a person, or None. The bytes are a copy: they outlive the transaction."""
        return self._get(person.to_bytes(8, "big"))

    def renew(self, now: float) -> None:
        """Looks at the store anew if the last time is at least 50 ms ago; ``now`` is `time.monotonic`.

        To be called with every request, or from a timer; an idle process must call it too, for as long as a transaction
        is open the pages it can see are not used again, and the file grows.
        """
        if now - self._renewed >= RENEW_S:
            self._txn.abort()
            self._txn = self._env.begin(db=self._profiles)
            self._get = self._txn.get
            self._renewed = now

    def close(self) -> None:
        self._txn.abort()


class ProfileStore:
    """The environment in the directory ``path`` (made if it is not there). A process may open a path only once.

    After a crash of a process nothing is lost; after a crash of the machine the last transactions may be, whole: what
    must not be lost keeps its log position in the same transaction. ``env`` is open for others' sub-databases.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        if readonly and not _made(path):
            ProfileStore(path).close()
        path.mkdir(parents=True, exist_ok=True)
        self.env = lmdb.open(
            str(path), map_size=MAP_BYTES, max_dbs=16, max_readers=MAX_READERS, metasync=False, readonly=readonly
        )
        self.env.reader_check()
        self._checked = time.monotonic()
        self._editor = Editor()
        if readonly:
            self._profiles = self.env.open_db(b"profiles", create=False)
            self._members = self.env.open_db(b"members", create=False, dupsort=True, dupfixed=True)
        else:
            with self.env.begin(write=True) as txn:
                self._profiles = self.env.open_db(b"profiles", txn=txn)
                self._members = self.env.open_db(b"members", txn=txn, dupsort=True, dupfixed=True)

    def close(self) -> None:
        self.env.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reader(self) -> Reader:
        return Reader(self.env, self._profiles)

    @contextmanager
    def write(self) -> Iterator[lmdb.Transaction[bytes]]:
        """A write transaction: committed at the end of the block, undone if the block raises. Waits for other writers.

        Now and then frees the slots of readers that were killed, whose snapshots would otherwise be kept for ever.
        """
        if time.monotonic() - self._checked >= CHECK_READERS_S:
            self.env.reader_check()
            self._checked = time.monotonic()
        with self.env.begin(write=True) as txn:
            yield txn

    def record_impression(
        self, txn: lmdb.Transaction[bytes], person: int, at_s: int, campaign: int, line_item: int, advertiser: int = 0
    ) -> None:
        """Counts an impression shown at ``at_s`` (unix seconds) for the frequency caps; person 0 (unknown) has none."""
        if person:
            self._load(txn, person)
            self._editor.show(at_s, (campaign_scope(campaign), line_item_scope(line_item)), advertiser)
            self._store(txn, person)

    def add_segments(
        self, txn: lmdb.Transaction[bytes], persons: Iterable[int], segment: int, expires_s: int = NEVER
    ) -> int:
        """Makes persons members of an audience until ``expires_s`` (unix seconds). Returns how many were not before."""
        added = 0
        for person in persons:
            self._load(txn, person)
            if self._editor.join(segment, expires_s):
                self._store(txn, person)
            added += txn.put(_segment_key(segment), person.to_bytes(8, "big"), dupdata=False, db=self._members)
        return added

    def remove_segments(self, txn: lmdb.Transaction[bytes], persons: Iterable[int], segment: int) -> int:
        """Ends persons' membership of an audience. Returns how many were members."""
        removed = 0
        for person in persons:
            self._load(txn, person)
            if self._editor.leave(segment):
                self._store(txn, person)
            removed += txn.delete(_segment_key(segment), person.to_bytes(8, "big"), db=self._members)
        return removed

    def replace_audience(self, segment: int, persons: Iterable[int], expires_s: int = NEVER) -> Change:
        """Makes ``persons`` the whole of an audience. Takes several transactions; if broken off, run it again."""
        new = set(persons)
        gone = sorted(set(self.members(segment)) - new)
        removed = added = 0
        for batch in _batches(gone):
            with self.write() as txn:
                removed += self.remove_segments(txn, batch, segment)
        for batch in _batches(sorted(new)):
            with self.write() as txn:
                added += self.add_segments(txn, batch, segment, expires_s)
        return Change(added, removed, len(new))

    def members(self, segment: int) -> list[int]:
        """Persons of an audience, ascending, whether or not their membership has expired meanwhile."""
        with self.env.begin(db=self._members) as txn, txn.cursor() as cursor:
            if not cursor.set_key(_segment_key(segment)):
                return []
            return [int.from_bytes(value, "big") for value in cursor.iternext_dup()]

    def size(self, segment: int) -> int:
        """How many persons an audience has."""
        with self.env.begin(db=self._members) as txn, txn.cursor() as cursor:
            return cursor.count() if cursor.set_key(_segment_key(segment)) else 0

    def _load(self, txn: lmdb.Transaction[bytes], person: int) -> None:
        if not self._editor.load(txn.get(person.to_bytes(8, "big"), db=self._profiles)):
            log.warning("the profile of person %016x is begun afresh: it is no record of this version", person)

    def _store(self, txn: lmdb.Transaction[bytes], person: int) -> None:
        key = person.to_bytes(8, "big")
        if self._editor.is_empty():
            txn.delete(key, db=self._profiles)
        else:
            txn.put(key, self._editor.pack(), db=self._profiles)


def _made(path: Path) -> bool:
    """Whether the store and its sub-databases exist: these are made in one transaction, so one speaks for all."""
    if not (path / "data.mdb").exists():
        return False
    try:
        with lmdb.open(str(path), map_size=MAP_BYTES, max_dbs=16, max_readers=MAX_READERS, readonly=True) as env:
            env.open_db(b"profiles", create=False)
    except lmdb.Error:
        return False
    return True


def _segment_key(segment: int) -> bytes:
    return segment.to_bytes(4, "big")


def _batches(persons: Sequence[int]) -> Iterator[list[int]]:
    rest = iter(persons)
    while batch := list(islice(rest, BATCH)):
        yield batch
