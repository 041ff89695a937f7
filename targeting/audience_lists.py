"""The members of an audience, part by part, and what is noted of the list: in LMDB or in Redis.

A part is the 256th of an audience whose keys begin with the same byte, so what needs all members goes through the parts
and holds one at a time. The note of an audience (`targeting.audience_import.Note`, here only bytes) is written with the
members: in LMDB in one transaction, in Redis behind them.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import lmdb

from targeting.audience_spool import part_of
from targeting.profiles import ProfileStore
from targeting.record import is_met, membership_end
from targeting.record_editor import Editor
from targeting.redis_profiles import RedisProfiles

LOOKED_AT = 10_000
"""Records read at once."""


@dataclass(frozen=True)
class Done:
    """What one step of an import did."""

    met: frozenset[int]
    """Of the persons: of whom more is known than what lists say."""
    added: int
    removed: int


Noting = Callable[[Done], bytes]


class Lists(Protocol):
    """What imports and counts need of a profile store."""

    def note(self, audience: int) -> bytes | None: ...

    def put_note(self, audience: int, note: bytes) -> None: ...

    def size(self, audience: int) -> int:
        """Members, whether or not their membership has ended."""

    def part(self, audience: int, part: int) -> array[int]:
        """Members of a part, ascending, whether or not their membership has ended."""

    def records(self, persons: Sequence[int]) -> list[bytes | None]: ...

    def step(
        self, audience: int, joining: Sequence[int], leaving: Sequence[int], expires_s: int, noting: Noting
    ) -> None:
        """Changes some memberships, and writes the note that follows from what that did."""

    def end(self, audience: int, persons: Sequence[int], now_s: int) -> int:
        """Takes out those whose membership has ended by ``now_s``; returns how many."""


def lists_of(store: ProfileStore | RedisProfiles) -> Lists:
    return LmdbLists(store) if isinstance(store, ProfileStore) else RedisLists(store)


def live(lists: Lists, audience: int, part: int, now_s: int) -> array[int]:
    """Members of a part, ascending, whose membership has not ended by ``now_s`` (unix seconds)."""
    found: array[int] = array("Q")
    members = lists.part(audience, part)
    for first in range(0, len(members), LOOKED_AT):
        persons = members[first : first + LOOKED_AT]
        records = lists.records(persons)
        found.extend(
            person
            for person, record in zip(persons, records, strict=True)
            if record is not None and membership_end(record, audience) > now_s
        )
    return found


class LmdbLists:
    """Of this host's store."""

    def __init__(self, store: ProfileStore) -> None:
        self._store = store
        self._members = store.env.open_db(b"members", create=False, dupsort=True, dupfixed=True)
        self._unlisted = store.env.open_db(b"unlisted", create=False)
        self._notes: lmdb._Database | None = None
        self._found: dict[int, list[int]] = {}

    def _notes_there(self, *, create: bool) -> lmdb._Database | None:
        """A store of an earlier version has no notes."""
        if self._notes is None:
            try:
                self._notes = self._store.env.open_db(b"lists", create=create)
            except lmdb.NotFoundError:
                return None
        return self._notes

    def note(self, audience: int) -> bytes | None:
        notes = self._notes_there(create=False)
        if notes is None:
            return None
        with self._store.env.begin(db=notes) as txn:
            found: bytes | None = txn.get(_key(audience))
            return found

    def put_note(self, audience: int, note: bytes) -> None:
        notes = self._notes_there(create=True)
        with self._store.write() as txn:
            txn.put(_key(audience), note, db=notes)

    def size(self, audience: int) -> int:
        return self._store.size(audience)

    def part(self, audience: int, part: int) -> array[int]:
        found: array[int] = array("Q")
        with self._store.env.begin() as txn:
            listed = txn.get(_key(audience), db=self._unlisted) is None
        if not listed:  # this lists them, unless the store is only read
            if audience not in self._found:
                self._found[audience] = self._store.members(audience)
            found.extend(person for person in self._found[audience] if part_of(person) == part)
            return found
        first = bytes([part])
        with self._store.env.begin(db=self._members) as txn, txn.cursor() as cursor:
            if cursor.set_range_dup(_key(audience), first + bytes(7)):
                for member in cursor.iternext_dup():
                    if member[:1] != first:
                        break
                    found.append(int.from_bytes(member, "big"))
        return found

    def records(self, persons: Sequence[int]) -> list[bytes | None]:
        return self._store.get_many(persons)

    def step(
        self, audience: int, joining: Sequence[int], leaving: Sequence[int], expires_s: int, noting: Noting
    ) -> None:
        notes, met = self._notes_there(create=True), _met(self, (*joining, *leaving))
        with self._store.write() as txn:
            added = self._store.add_segments(txn, joining, audience, expires_s)
            removed = self._store.remove_segments(txn, leaving, audience)
            txn.put(_key(audience), noting(Done(met, added, removed)), db=notes)

    def end(self, audience: int, persons: Sequence[int], now_s: int) -> int:
        with self._store.write() as txn:
            return sum(self._end(txn, audience, person, now_s) for person in persons)

    def _end(self, txn: lmdb.Transaction[bytes], audience: int, person: int, now_s: int) -> bool:
        ended = False

        def edit(editor: Editor) -> None:
            nonlocal ended
            ended = editor.end(audience, now_s)

        self._store.edit(txn, person, edit)
        return ended and txn.delete(_key(audience), person.to_bytes(8, "big"), db=self._members)


class RedisLists:
    """Of a fleet's store. Members are written before the note, so a step that was broken off is made again, to the same
    effect; only the counts of what it added and removed are then too small by what had been done already."""

    def __init__(self, store: RedisProfiles) -> None:
        self._store = store

    def note(self, audience: int) -> bytes | None:
        key = b"l%d" % audience
        return self._store.ask([(key, ("GET", key))])[0]  # type: ignore[return-value]

    def put_note(self, audience: int, note: bytes) -> None:
        key = b"l%d" % audience
        self._store.ask([(key, ("SET", key, note))])

    def size(self, audience: int) -> int:
        return self._store.size(audience)

    def part(self, audience: int, part: int) -> array[int]:
        return array("Q", self._store.members_of_part(audience, part))

    def records(self, persons: Sequence[int]) -> list[bytes | None]:
        return self._store.get_many(persons)

    def step(
        self, audience: int, joining: Sequence[int], leaving: Sequence[int], expires_s: int, noting: Noting
    ) -> None:
        met = _met(self, (*joining, *leaving))
        added = self._store.join(audience, joining, expires_s)
        removed = self._store.leave(audience, leaving)
        self.put_note(audience, noting(Done(met, added, removed)))

    def end(self, audience: int, persons: Sequence[int], now_s: int) -> int:
        return self._store.end(audience, persons, now_s)


def _met(lists: Lists, persons: Sequence[int]) -> frozenset[int]:
    records = zip(persons, lists.records(persons), strict=True)
    return frozenset(person for person, record in records if record is not None and is_met(record))


def _key(audience: int) -> bytes:
    return audience.to_bytes(4, "big")
