"""The profile store of a fleet: records in Redis, or a Redis Cluster, for all hosts.

A record lies under ``{p``, the person's key (8 bytes, big-endian) and ``}``, so that what else begins so is in the same
slot of a cluster (`targeting.redis_holds`). It is changed by comparing: a script writes the new record only if the old
one is still what was read, else says what is there now, and the change is made again on that. So no update is lost,
however many write. Members of audiences are sets of such keys, in 256 parts each, so that a cluster shares a large one.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Self, TypeVar

from targeting.people import Change, Edit
from targeting.record import NEVER, live_segments
from targeting.record_editor import Editor
from targeting.redis_address import Address
from targeting.redis_nodes import Command, Nodes

REPLACE = """
local now = redis.call('GET', KEYS[1]) or ''
if now ~= ARGV[1] then return now end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1
"""
REPLACE_SHA = hashlib.sha1(REPLACE.encode()).hexdigest()
BATCH = 1_000
"""Persons read and written in one go."""
ALL_EXPIRIES = -1
"""A time at which every membership is live."""
PARTS = 256
"""Sets that hold the members of one audience."""

T = TypeVar("T")

log = logging.getLogger(__name__)


def record_key(person: int) -> bytes:
    """The key of a person's record."""
    return b"{p%b}" % person.to_bytes(8, "big")


class RedisProfiles:
    """As `targeting.people.Profiles`. Raises `targeting.redis_address.Away` when Redis does not answer for 20 seconds,
    and `targeting.redis_nodes.ReplyRefused` when it cannot write.
    """

    def __init__(self, address: Address) -> None:
        self._nodes = Nodes(address, [REPLACE])
        self._editor = Editor()

    def close(self) -> None:
        self._nodes.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reader(self) -> Self:
        """What look-ups are made with: this store itself."""
        return self

    @property
    def taken_ns(self) -> int:
        """A look-up sees what was written before now (monotonic)."""
        return time.monotonic_ns()

    def get(self, person: int) -> bytes | None:
        """The packed record of a person, or None."""
        return self.get_many([person])[0]

    def get_many(self, persons: Sequence[int]) -> list[bytes | None]:
        """The packed records of persons, None where there is none."""
        keys = [record_key(person) for person in persons]
        return self._nodes.ask([(key, ("GET", key)) for key in keys])  # type: ignore[return-value]

    def change(self, edits: Iterable[tuple[int, Edit]]) -> None:
        """Changes records; see `targeting.people.Profiles`."""
        for batch in _batches(edits):
            by_person: dict[int, list[Edit]] = {}
            for person, edit in batch:
                by_person.setdefault(person, []).append(edit)
            records = dict(zip(by_person, self.get_many(list(by_person)), strict=True))
            self._write(records, lambda person, edits=by_person: edits[person])  # type: ignore[misc]

    def _write(self, records: dict[int, bytes | None], edits: Callable[[int], list[Edit]]) -> None:
        """Replaces records by what edits make of them, until none was changed by another meanwhile."""
        while records:
            commands: list[Command] = []
            wanted: dict[int, bytes] = {}
            for person, old in records.items():
                new = self._edited(person, old, edits(person))
                if new != (old or b""):
                    wanted[person] = new
                    key = record_key(person)
                    commands.append((key, ("EVALSHA", REPLACE_SHA, 1, key, old or b"", new)))
            replies = dict(zip(wanted, self._nodes.ask(commands), strict=True))
            # What is there already may be our own, written before a connection broke: it is not written twice.
            records = {
                person: reply
                for person, reply in replies.items()
                if isinstance(reply, bytes) and reply != wanted[person]
            }

    def _edited(self, person: int, old: bytes | None, edits: Iterable[Edit]) -> bytes:
        if not self._editor.load(old):
            log.warning("the profile of person %016x is begun afresh: it is no record of this version", person)
        for edit in edits:
            edit(self._editor)
        return b"" if self._editor.is_empty() else self._editor.pack()

    def join(self, segment: int, persons: Iterable[int], expires_s: int = NEVER) -> int:
        """Makes persons members of an audience; returns how many were not."""
        added = 0
        for batch in _batches(persons):
            added += self._list({segment: batch}, "SADD")  # first: who is a member must be listed
            self.change((person, lambda editor: editor.join(segment, expires_s)) for person in batch)
        return added

    def leave(self, segment: int, persons: Iterable[int]) -> int:
        """Ends persons' membership of an audience; returns how many were members."""
        removed = 0
        for batch in _batches(persons):
            self.change((person, lambda editor: editor.leave(segment)) for person in batch)
            removed += self._list({segment: batch}, "SREM")
        return removed

    def absorb(self, records: Iterable[tuple[int, bytes]]) -> None:
        """Adds what records say to what is known (`targeting.record_editor.Editor.absorb`), and lists their audiences'
        members.
        """
        for batch in _batches(records):
            joined: dict[int, list[int]] = {}
            for person, record in batch:
                for segment in live_segments(record, ALL_EXPIRIES):
                    joined.setdefault(segment, []).append(person)
            self._list(joined, "SADD")
            self.change((person, lambda editor, record=record: editor.absorb(record)) for person, record in batch)  # type: ignore[misc]

    def replace_audience(self, segment: int, persons: Iterable[int], expires_s: int = NEVER) -> Change:
        """Makes ``persons`` the whole of an audience. If broken off, run it again."""
        new = set(persons)
        removed = self.leave(segment, sorted(set(self.members(segment)) - new))
        return Change(self.join(segment, sorted(new), expires_s), removed, len(new))

    def members(self, segment: int) -> list[int]:
        """Persons of an audience, ascending, whether or not their membership has expired meanwhile."""
        keys = [_part_key(segment, part) for part in range(PARTS)]
        found = self._nodes.ask([(key, ("SMEMBERS", key)) for key in keys])
        return sorted(int.from_bytes(member, "big") for part in found for member in part)  # type: ignore[attr-defined]

    def size(self, segment: int) -> int:
        """How many persons an audience has."""
        keys = [_part_key(segment, part) for part in range(PARTS)]
        return sum(self._nodes.ask([(key, ("SCARD", key)) for key in keys]))  # type: ignore[arg-type]

    def _list(self, persons: Mapping[int, Iterable[int]], word: str) -> int:
        """Adds persons to the members of audiences, or takes them out; returns how many that changed."""
        parts: dict[bytes, list[bytes]] = {}
        for segment, members in persons.items():
            for person in members:
                parts.setdefault(_part_key(segment, person % PARTS), []).append(person.to_bytes(8, "big"))
        return sum(self._nodes.ask([(key, (word, key, *members)) for key, members in parts.items()]))  # type: ignore[arg-type]


def _part_key(segment: int, part: int) -> bytes:
    return b"a%d:%d" % (segment, part)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
