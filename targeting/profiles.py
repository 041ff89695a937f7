"""The profile store: one LMDB environment a host, shared by all its processes.

The tracker and the audience importer write, one at a time; bidders read without locks. Keys are persons
(`domain.naming.person_key`, 8 bytes big-endian), values are packed records (`targeting.record`); of persons known by
several keys, what `targeting.merge` says. Beside them lie the
members of each audience, so that a list can be replaced without reading every profile. Of audiences that came with
profiles in bulk (`targeting.loading`) the members are listed when somebody first asks for them.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Self, TypeVar

import lmdb

from targeting.config import profile_settings
from targeting.due import DueTable
from targeting.edits import apply_edits
from targeting.forgotten import Forgotten
from targeting.lmdb_identity import LmdbIdentity
from targeting.merge import aliased, joined
from targeting.people import Change, Edit, impression
from targeting.profile_reader import Reader
from targeting.record import NEVER, is_member
from targeting.record_editor import Editor
from targeting.splits import Splits
from targeting.unsynced import Unsynced, check

MAP_BYTES = 64 << 30
"""Address space for the map, and so the most that the store can grow to. The file takes only what is used."""
MAX_READERS = 512
CHECK_READERS_S = 10.0
BATCH = 2_000
"""Members written in a transaction: a tracker waits no longer than that for its turn."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class ProfileStore:
    """The environment in the directory ``path`` (made if it is not there). A process may open a path only once.

    After a crash of a process nothing is lost. After a crash of the machine the last transactions may be, whole, if
    ``sync`` is set (default: the setting ``[profiles] sync``); else the store is not opened again
    (`targeting.unsynced`).
    What must not be lost keeps its log position in the same transaction. ``mends_later``: pages that were split are
    spread when `mend` is called, not with the next update. ``env`` is open for others' sub-databases.
    Raises `targeting.unsynced.Damaged`.
    """

    def __init__(
        self, path: Path, *, readonly: bool = False, sync: bool | None = None, mends_later: bool = False
    ) -> None:
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
        self.env.reader_check()
        self._checked = time.monotonic()
        self._editor, self._readonly = Editor(), readonly
        self.forgotten = Forgotten(path.parent)
        """Of whom no record is written."""
        if readonly:
            self.profiles = self.env.open_db(b"profiles", create=False)
            self._members = self.env.open_db(b"members", create=False, dupsort=True, dupfixed=True)
            self._unlisted = self.env.open_db(b"unlisted", create=False)
            self.due = DueTable(self.env, None)
            self.identity = LmdbIdentity(self, None)
        else:
            with self.env.begin(write=True) as txn:
                self.profiles = self.env.open_db(b"profiles", txn=txn)
                self._members = self.env.open_db(b"members", txn=txn, dupsort=True, dupfixed=True)
                self._unlisted = self.env.open_db(b"unlisted", txn=txn)
                self.due = DueTable(self.env, txn)
                self.identity = LmdbIdentity(self, txn)
        self._splits = Splits(self.env, self.profiles, mends_later)
        self._joined = False
        """Whether what is loaded in the editor is a part of a person who has several keys."""

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
        return Reader(self.env, self.profiles, self._members)

    @contextmanager
    def write(self) -> Iterator[lmdb.Transaction[bytes]]:
        """A write transaction: committed at the end of the block, undone if the block raises. Waits for other writers.

        Now and then frees the slots of readers that were killed, whose snapshots would otherwise be kept for ever.
        """
        if time.monotonic() - self._checked >= CHECK_READERS_S:
            self.env.reader_check()
            self._checked = time.monotonic()
        with self.env.begin(write=True) as txn:
            self.forgotten.refresh()
            self._splits.begin(txn, self._leaf_pages(txn))
            self._pages = self._leaf_pages(txn)
            yield txn

    def mend(self) -> bool:
        """Spreads some of the pages that were split, in a transaction of some 20 ms; says whether there were any."""
        if not self._splits:
            return False
        with self.env.begin(write=True) as txn:
            self._splits.mend(txn)
        return True

    def _leaf_pages(self, txn: lmdb.Transaction[bytes]) -> int:
        pages: int = txn.stat(self.profiles)["leaf_pages"]
        return pages

    def get_many(self, persons: Sequence[int]) -> list[bytes | None]:
        """The packed records of persons, None where there is none."""
        with self.env.begin(db=self.profiles) as txn:
            found = [txn.get(person.to_bytes(8, "big")) for person in persons]
            return [txn.get(key.to_bytes(8, "big")) if (key := aliased(record)) else record for record in found]

    def change(self, edits: Iterable[tuple[int, Edit]]) -> None:
        """Changes records; see `targeting.people.Profiles`."""
        for batch in _batches(edits):
            with self.write() as txn:
                left = self.edit_all(txn, batch)
                for person, edit in batch:
                    if person in left:
                        self.edit(txn, person, edit)

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

    def edit_all(self, txn: lmdb.Transaction[bytes], edits: Iterable[tuple[int, Edit]]) -> set[int]:
        """Changes records in a transaction: in the order of their keys, which costs least; each person's as given.
        Returns the persons who have several keys: theirs are left to `edit`, since there the order of all counts.
        """
        afresh, left = apply_edits(txn, self.profiles, self._editor, edits, self._splits.new, self.forgotten)
        for person in afresh:
            _log_afresh(person)
        self._pages = self._leaf_pages(txn)
        return left

    def edit(self, txn: lmdb.Transaction[bytes], person: int, edit: Edit) -> bool:
        """Changes one record in a transaction. Says whether it is only a part of what is known: the person has several
        keys.
        """
        if person in self.forgotten:
            return False
        self._load(txn, person)
        edit(self._editor)
        self._store(txn, person)
        return self._joined

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
            if person in self.forgotten:
                continue
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

    def list_member(self, txn: lmdb.Transaction[bytes], segment: int, person: int, member: bool) -> None:
        """Says beside the records that a person is a member of an audience, or is not."""
        key, value = _segment_key(segment), person.to_bytes(8, "big")
        if member:
            txn.put(key, value, dupdata=False, db=self._members)
        else:
            txn.delete(key, value, db=self._members)

    def list_members(self, segment: int, members: Mapping[int, bool]) -> None:
        """The same of persons, in transactions of its own."""
        for batch in _batches(members.items()):
            with self.write() as txn:
                for person, member in batch:
                    self.list_member(txn, segment, person, member)

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
        with self.env.begin(db=self.profiles) as txn, txn.cursor() as cursor, txn.cursor(self.identity.parts) as parts:
            found = [
                int.from_bytes(key, "big")
                for key, record in cursor
                if is_member(record, segment) and not joined(record)
            ]
            found += [int.from_bytes(key, "big") for key, record in parts if is_member(record, segment)]
        if self._readonly:
            return found
        for batch in _batches(found):
            with self.write() as txn:
                for person in batch:
                    self._load(txn, person)
                    if self._editor.has(segment):
                        txn.put(_segment_key(segment), person.to_bytes(8, "big"), dupdata=False, db=self._members)
        with self.write() as txn:
            if txn.get(_segment_key(segment), db=self._unlisted) == mark:  # no more came in bulk meanwhile
                txn.delete(_segment_key(segment), db=self._unlisted)
        return found

    def unlist(self, txn: lmdb.Transaction[bytes], person: int, segments: Iterable[int]) -> None:
        """Takes a person who is forgotten from the lists of audiences."""
        for segment in segments:
            txn.delete(_segment_key(segment), person.to_bytes(8, "big"), db=self._members)

    def _load(self, txn: lmdb.Transaction[bytes], person: int) -> None:
        key = person.to_bytes(8, "big")
        record = txn.get(key, db=self.profiles)
        self._joined = joined(record)
        if not self._editor.load(txn.get(key, db=self.identity.parts) if self._joined else record):
            _log_afresh(person)

    def _store(self, txn: lmdb.Transaction[bytes], person: int) -> None:
        record = b"" if self._editor.is_empty() else self._editor.pack()
        if self._joined:
            self.identity.put_part(txn, person, record)
        elif record:
            self.put(txn, person.to_bytes(8, "big"), record)
        else:
            txn.delete(person.to_bytes(8, "big"), db=self.profiles)

    def put(self, txn: lmdb.Transaction[bytes], key: bytes, record: bytes) -> None:
        """What lies under a key is ``record``, as it is. In a transaction of `write`."""
        txn.put(key, record, db=self.profiles)
        if (pages := self._leaf_pages(txn)) != self._pages:
            self._pages = pages
            self._splits.new.add(key)


def _made(path: Path) -> bool:
    """Whether the store and its sub-databases exist: those of one version are made in one transaction."""
    if not (path / "data.mdb").exists():
        return False
    try:
        with lmdb.open(str(path), map_size=MAP_BYTES, max_dbs=16, max_readers=MAX_READERS, readonly=True) as env:
            for name in (b"profiles", b"unlisted", b"edges", b"due"):
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
