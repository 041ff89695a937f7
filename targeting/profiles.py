"""The profile store: one LMDB environment a host, shared by all its processes.

The tracker and the audience importer write, one at a time; bidders read without locks. Keys are persons
(`domain.naming.person_key`, 8 bytes big-endian), values are packed records (`targeting.record`). Beside them lie the
members of each audience, so that a list can be replaced without reading every profile. Of audiences that came with
profiles in bulk (`targeting.loading`) the members are listed when somebody first asks for them.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Self, TypeVar

import lmdb

from targeting.config import profile_settings
from targeting.edits import apply_edits
from targeting.packing import spread
from targeting.people import Change, Edit, impression
from targeting.record import NEVER, is_member
from targeting.record_editor import Editor
from targeting.unsynced import Unsynced, check

MAP_BYTES = 64 << 30
"""Address space for the map, and so the most that the store can grow to. The file takes only what is used."""
MAX_READERS = 512
RENEW_S = 0.05
CHECK_READERS_S = 10.0
BATCH = 2_000
"""Members written in a transaction: a tracker waits no longer than that for its turn."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class Reader:
    """Look-ups in one read transaction, which sees the store as it was when last renewed.

    ``taken_ns`` (monotonic): what was committed before then is seen.
    """

    def __init__(self, env: lmdb.Environment, profiles: lmdb._Database) -> None:
        self._env, self._profiles = env, profiles
        self.taken_ns = time.monotonic_ns()
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
            self.taken_ns = time.monotonic_ns()
            self._txn = self._env.begin(db=self._profiles)
            self._get = self._txn.get
            self._renewed = now

    def close(self) -> None:
        self._txn.abort()


class ProfileStore:
    """The environment in the directory ``path`` (made if it is not there). A process may open a path only once.

    After a crash of a process nothing is lost. After a crash of the machine the last transactions may be, whole, if
    ``sync`` is set (default: the setting ``[profiles] sync``); else the store is not opened again
    (`targeting.unsynced`).
    What must not be lost keeps its log position in the same transaction. ``env`` is open for others' sub-databases.
    Raises `targeting.unsynced.Damaged`.
    """

    def __init__(self, path: Path, *, readonly: bool = False, sync: bool | None = None) -> None:
        check(path)
        if readonly and not _made(path):
            ProfileStore(path).close()
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        sync = profile_settings().sync if sync is None else sync
        self._unsynced = None if readonly or sync else Unsynced(path)
        self.env = lmdb.open(
            str(path),
            map_size=MAP_BYTES,
            max_dbs=16,
            max_readers=MAX_READERS,
            metasync=False,
            sync=sync,
            readonly=readonly,
        )
        self._split: set[bytes] = set()
        self.env.reader_check()
        self._checked = time.monotonic()
        self._editor, self._readonly = Editor(), readonly
        if readonly:
            self.profiles = self.env.open_db(b"profiles", create=False)
            self._members = self.env.open_db(b"members", create=False, dupsort=True, dupfixed=True)
            self._unlisted = self.env.open_db(b"unlisted", create=False)
        else:
            with self.env.begin(write=True) as txn:
                self.profiles = self.env.open_db(b"profiles", txn=txn)
                self._members = self.env.open_db(b"members", txn=txn, dupsort=True, dupfixed=True)
                self._unlisted = self.env.open_db(b"unlisted", txn=txn)

    def close(self) -> None:
        if self._unsynced is not None:
            self.env.sync(True)
        self.env.close()
        if self._unsynced is not None:
            self._unsynced.close()
            self._unsynced = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def copy(self, directory: Path) -> None:
        """Copies the environment as it is now into an empty directory, without its free pages, and syncs it."""
        directory.mkdir(parents=True, exist_ok=True)
        self.env.copy(str(directory), compact=True)

    def reader(self) -> Reader:
        return Reader(self.env, self.profiles)

    @contextmanager
    def write(self) -> Iterator[lmdb.Transaction[bytes]]:
        """A write transaction: committed at the end of the block, undone if the block raises. Waits for other writers.

        Now and then frees the slots of readers that were killed, whose snapshots would otherwise be kept for ever.
        """
        if time.monotonic() - self._checked >= CHECK_READERS_S:
            self.env.reader_check()
            self._checked = time.monotonic()
        with self.env.begin(write=True) as txn:
            if self._split:
                spread(self.env, txn, self.profiles, self._split)
                self._split = set()
            self._pages = self._leaf_pages(txn)
            yield txn

    def _leaf_pages(self, txn: lmdb.Transaction[bytes]) -> int:
        pages: int = txn.stat(self.profiles)["leaf_pages"]
        return pages

    def get_many(self, persons: Sequence[int]) -> list[bytes | None]:
        """The packed records of persons, None where there is none."""
        with self.env.begin(db=self.profiles) as txn:
            return [txn.get(person.to_bytes(8, "big")) for person in persons]

    def change(self, edits: Iterable[tuple[int, Edit]]) -> None:
        """Changes records; see `targeting.people.Profiles`."""
        for batch in _batches(edits):
            with self.write() as txn:
                self.edit_all(txn, batch)

    def join(self, segment: int, persons: Iterable[int], expires_s: int = NEVER) -> int:
        """Makes persons members of an audience; returns how many were not."""
        added = 0
        for batch in _batches(persons):
            with self.write() as txn:
                added += self.add_segments(txn, batch, segment, expires_s)
        return added

    def leave(self, segment: int, persons: Iterable[int]) -> int:
        """Ends persons' membership of an audience; returns how many were members."""
        removed = 0
        for batch in _batches(persons):
            with self.write() as txn:
                removed += self.remove_segments(txn, batch, segment)
        return removed

    def edit(self, txn: lmdb.Transaction[bytes], person: int, edit: Edit) -> None:
        """Changes one record in a transaction."""
        self.edit_all(txn, [(person, edit)])

    def edit_all(self, txn: lmdb.Transaction[bytes], edits: Iterable[tuple[int, Edit]]) -> None:
        """Changes records in a transaction: in the order of their keys, which costs least; each person's as given."""
        for person in apply_edits(txn, self.profiles, self._editor, edits, self._split):
            _log_afresh(person)
        self._pages = self._leaf_pages(txn)

    def record_impression(
        self,
        txn: lmdb.Transaction[bytes],
        person: int,
        at_s: int,
        campaign: int,
        line_item: int,
        advertiser: int = 0,
        creative: int = 0,
    ) -> None:
        """Counts an impression shown at ``at_s`` (unix seconds) for the frequency caps; person 0 (unknown) has none."""
        if person:
            self.edit(txn, person, impression(at_s, campaign, line_item, advertiser, creative))

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
        removed = self.leave(segment, sorted(set(self.members(segment)) - new))
        return Change(self.join(segment, sorted(new), expires_s), removed, len(new))

    def members(self, segment: int) -> list[int]:
        """Persons of an audience, ascending, whether or not their membership has expired meanwhile."""
        while mark := self._mark(segment):
            found = self._list(segment, mark)
            if self._readonly:
                return found
        with self.env.begin(db=self._members) as txn, txn.cursor() as cursor:
            if not cursor.set_key(_segment_key(segment)):
                return []
            return [int.from_bytes(value, "big") for value in cursor.iternext_dup()]

    def size(self, segment: int) -> int:
        """How many persons an audience has."""
        if self._mark(segment):
            return len(self.members(segment))
        with self.env.begin(db=self._members) as txn, txn.cursor() as cursor:
            return cursor.count() if cursor.set_key(_segment_key(segment)) else 0

    def mark_unlisted(self, txn: lmdb.Transaction[bytes], segments: Iterable[int]) -> None:
        """Says that profiles were written with these audiences, and the members of the audiences were not."""
        mark = time.time_ns().to_bytes(8, "big")
        for segment in segments:
            txn.put(_segment_key(segment), mark, db=self._unlisted)

    def _mark(self, segment: int) -> bytes | None:
        with self.env.begin(db=self._unlisted) as txn:
            found: bytes | None = txn.get(_segment_key(segment))
            return found

    def _list(self, segment: int, mark: bytes) -> list[int]:
        """Finds the members of an unlisted audience by reading all profiles; lists them if the store may be written.

        Who becomes a member meanwhile is listed by `add_segments`, and who is none any more at the end is taken out.
        """
        with self.env.begin(db=self.profiles) as txn, txn.cursor() as cursor:
            found = [int.from_bytes(key, "big") for key, record in cursor if is_member(record, segment)]
        if self._readonly:
            return found
        for batch in _batches(found):
            with self.write() as txn:
                for person in batch:
                    record = txn.get(person.to_bytes(8, "big"), db=self.profiles)
                    if record is not None and is_member(record, segment):
                        txn.put(_segment_key(segment), person.to_bytes(8, "big"), dupdata=False, db=self._members)
        with self.write() as txn:
            if txn.get(_segment_key(segment), db=self._unlisted) == mark:  # no more came in bulk meanwhile
                txn.delete(_segment_key(segment), db=self._unlisted)
        return found

    def _load(self, txn: lmdb.Transaction[bytes], person: int) -> None:
        if not self._editor.load(txn.get(person.to_bytes(8, "big"), db=self.profiles)):
            _log_afresh(person)

    def _store(self, txn: lmdb.Transaction[bytes], person: int) -> None:
        key = person.to_bytes(8, "big")
        if self._editor.is_empty():
            txn.delete(key, db=self.profiles)
        else:
            txn.put(key, self._editor.pack(), db=self.profiles)
            if (pages := self._leaf_pages(txn)) != self._pages:
                self._pages = pages
                self._split.add(key)


def _made(path: Path) -> bool:
    """Whether the store and its sub-databases exist: those of one version are made in one transaction."""
    if not (path / "data.mdb").exists():
        return False
    try:
        with lmdb.open(str(path), map_size=MAP_BYTES, max_dbs=16, max_readers=MAX_READERS, readonly=True) as env:
            for name in (b"profiles", b"unlisted"):
                env.open_db(name, create=False)
    except lmdb.Error:
        return False
    return True


def _log_afresh(person: int) -> None:
    log.warning("the profile of person %016x is begun afresh: it is no record of this version", person)


def _segment_key(segment: int) -> bytes:
    return segment.to_bytes(4, "big")


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
