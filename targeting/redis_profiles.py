"""The profile store of a fleet: records in Redis, or a Redis Cluster, for all hosts.

A record lies under ``{p``, the person's key (8 bytes, big-endian) and ``}``, so that what else begins so is in the same
slot of a cluster (`targeting.redis_holds`). It is changed by comparing: a script writes the new record only if the old
one is still what was read, else says what is there now, and the change is made again on that. So no update is lost,
however many write. Members of audiences are sets of such keys, in 256 parts each, so that a cluster shares a large one.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Self, TypeVar

from targeting.forgotten import Forgotten
from targeting.merge import aliased, joined
from targeting.people import Change, Edit
from targeting.record import ALL_EXPIRIES, NEVER, live_segments, membership_end
from targeting.record_editor import Editor
from targeting.redis_address import Address
from targeting.redis_identity import RedisIdentity
from targeting.redis_keys import record_key
from targeting.redis_nodes import Command, Nodes
from targeting.redis_replacing import REPLACE, Swap, swap

BATCH = 1_000
"""Persons read and written in one go."""
MOST_ALIASES = 3
"""That are followed one after another; more than one is there only while somebody gives the person another key."""
PARTS = 256
"""Sets that hold the members of one audience, by the highest byte of their keys."""
LISTS = b"a*:*"
"""Pattern of their keys."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class RedisProfiles:
    """As `targeting.people.Profiles`. Raises `targeting.redis_address.Away` when Redis does not answer for 20 seconds,
    and `targeting.redis_nodes.ReplyRefused` when it cannot write. Nothing is written of who is ``forgotten``.
    """

    def __init__(self, address: Address, forgotten: Forgotten | None = None) -> None:
        self._nodes = Nodes(address, [REPLACE])
        self._forgotten = forgotten
        self._editor = Editor()
        self.identity = RedisIdentity(self, self._nodes)

    def close(self) -> None:
        self._nodes.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reader(self) -> Self:
        """What look-ups are made with: this store itself."""
        return self

    any_opted_out = True
    """There may be somebody who opted out."""

    @property
    def taken_ns(self) -> int:
        """A look-up sees what was written before now (monotonic)."""
        return time.monotonic_ns()

    def get(self, person: int) -> bytes | None:
        """The packed record of a person, or None; an alias (`targeting.merge`), where the person has another key."""
        return self.lie([person])[0]

    def get_many(self, persons: Sequence[int]) -> list[bytes | None]:
        """The packed records of persons, None where there is none."""
        found = self.lie(persons)
        for _ in range(MOST_ALIASES):
            if not (others := {person for record in found if (person := aliased(record))}):
                return found
            named = dict(zip(others, self.lie(list(others)), strict=True))
            found = [named[person] if (person := aliased(record)) else record for record in found]
        return [None if aliased(record) else record for record in found]

    def lie(self, persons: Sequence[int]) -> list[bytes | None]:
        """What lies under keys, aliases too."""
        keys = [record_key(person) for person in persons]
        return self._nodes.ask([(key, ("GET", key)) for key in keys])  # type: ignore[return-value]

    def change(self, edits: Iterable[tuple[int, Edit]]) -> None:
        """Changes records; see `targeting.people.Profiles`."""
        for batch in self._unforgotten(edits, itemgetter(0)):
            by_person: dict[int, list[Edit]] = {}
            for person, edit in batch:
                by_person.setdefault(person, []).append(edit)
            while by_person:
                records = dict(zip(by_person, self.lie(list(by_person)), strict=True))
                of_several = {person for person, record in records.items() if joined(record)}
                left = self._write({one: records[one] for one in records.keys() - of_several}, by_person)
                if of_several:
                    left |= self.identity.change_parts({person: by_person[person] for person in of_several})
                by_person = {person: edits for person, edits in by_person.items() if person in left}

    def _unforgotten(self, items: Iterable[T], person_of: Callable[[T], int]) -> Iterator[list[T]]:
        """Batches without those of forgotten persons."""
        for batch in _batches(items):
            self.refresh_forgotten()
            yield [item for item in batch if not self.is_forgotten(person_of(item))]

    def refresh_forgotten(self) -> None:
        """Looks who was forgotten since."""
        if self._forgotten is not None:
            self._forgotten.refresh()

    def is_forgotten(self, *persons: int) -> bool:
        """Whether one of them was, at the last look."""
        return self._forgotten is not None and any(person in self._forgotten for person in persons)

    def _write(self, records: Mapping[int, bytes | None], edits: Mapping[int, list[Edit]]) -> set[int]:
        """Replaces records by what edits make of them, until none was changed by another meanwhile. Returns those that
        others joined with other keys.
        """
        of_several: set[int] = set()
        while records:
            swaps = {}
            for person, old in records.items():
                new = self.edited(person, old, edits[person])
                if new != (old or b""):
                    swaps[record_key(person)] = Swap(old or b"", new)
            met = swap(self._nodes, swaps)
            now = {person: met[key] for person in records if (key := record_key(person)) in met}
            of_several |= {person for person, record in now.items() if joined(record)}
            records = {person: record for person, record in now.items() if person not in of_several}
        return of_several

    def edited(self, person: int, old: bytes | None, edits: Iterable[Edit]) -> bytes:
        """What edits make of a person's record; no bytes for nothing."""
        if not self._editor.load(old):
            log.warning("the profile of person %016x is begun afresh: it is no record of this version", person)
        for edit in edits:
            edit(self._editor)
        return b"" if self._editor.is_empty() else self._editor.pack()

    def join(self, segment: int, persons: Iterable[int], expires_s: int = NEVER) -> int:
        """Makes persons members of an audience; returns how many were not."""
        added = 0
        for batch in self._unforgotten(persons, int):
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
        for batch in self._unforgotten(records, itemgetter(0)):
            joined: dict[int, list[int]] = {}
            for person, record in batch:
                for segment in live_segments(record, ALL_EXPIRIES):
                    joined.setdefault(segment, []).append(person)
            self._list(joined, "SADD")
            self.change((person, lambda editor, record=record: editor.absorb(record)) for person, record in batch)  # type: ignore[misc]

    def list_members(self, segment: int, members: Mapping[int, bool]) -> None:
        """See `targeting.people.Profiles`."""
        self._list({segment: [person for person, member in members.items() if member]}, "SADD")
        self._list({segment: [person for person, member in members.items() if not member]}, "SREM")

    def end(self, segment: int, persons: Sequence[int], now_s: int) -> int:
        """Takes persons out of an audience whose membership has ended by ``now_s``; returns how many."""
        self.change((person, lambda editor: editor.end(segment, now_s)) for person in persons)
        gone = self._ended(segment, persons, now_s)
        removed = self._list({segment: gone}, "SREM")
        back = set(gone).difference(self._ended(segment, gone, now_s))  # whoever joined again at that very moment
        return removed - self._list({segment: back}, "SADD")

    def _ended(self, segment: int, persons: Sequence[int], now_s: int) -> list[int]:
        records = zip(persons, self.get_many(persons), strict=True)
        return [person for person, record in records if membership_end(record or b"", segment) <= now_s]

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

    def members_of_part(self, segment: int, part: int) -> list[int]:
        """Those of `members` whose keys begin with the byte ``part``."""
        key = _part_key(segment, part)
        (found,) = self._nodes.ask([(key, ("SMEMBERS", key))])
        return sorted(int.from_bytes(member, "big") for member in found)  # type: ignore[attr-defined]

    def ask(self, commands: Sequence[Command]) -> list[object]:
        """Commands about keys of others' own, which bear being carried out twice."""
        return self._nodes.ask(commands)

    def everybody(self) -> Iterator[int]:
        """Keys of all records, aliases too, in no order. One may come twice, and one that is written meanwhile not at
        all.
        """
        for name in self._nodes.scan(b"{p????????}"):
            yield int.from_bytes(name[2:10], "big")

    def size(self, segment: int) -> int:
        """How many persons an audience has."""
        keys = [_part_key(segment, part) for part in range(PARTS)]
        return sum(self._nodes.ask([(key, ("SCARD", key)) for key in keys]))  # type: ignore[arg-type]

    def erase(self, persons: Iterable[int]) -> tuple[int, int]:
        """Takes out the records of persons and all their memberships; returns how many of each."""
        records = memberships = 0
        lists = list(dict.fromkeys(self._nodes.scan(LISTS)))
        for person in persons:
            key, member = record_key(person), person.to_bytes(8, "big")
            records += sum(self._nodes.ask([(key, ("DEL", key))]))  # type: ignore[arg-type]
            memberships += sum(self._nodes.ask([(name, ("SREM", name, member)) for name in lists]))  # type: ignore[arg-type]
        return records, memberships

    def listed_in(self, person: int) -> list[int]:
        """Audiences that list the person among their members. Goes through the keys of all nodes."""
        lists = list(dict.fromkeys(self._nodes.scan(LISTS)))
        member = person.to_bytes(8, "big")
        found = zip(lists, self._nodes.ask([(name, ("SISMEMBER", name, member)) for name in lists]), strict=True)
        return sorted(int(name[1:].partition(b":")[0]) for name, listed in found if listed)

    def unlist(self, person: int, segments: Iterable[int]) -> None:
        """Takes a person who is forgotten from the lists of audiences."""
        self._list({segment: [person] for segment in segments}, "SREM")

    def _list(self, persons: Mapping[int, Iterable[int]], word: str) -> int:
        """Adds persons to the members of audiences, or takes them out; returns how many that changed."""
        parts: dict[bytes, list[bytes]] = {}
        for segment, members in persons.items():
            for person in members:
                parts.setdefault(_part_key(segment, person >> 56), []).append(person.to_bytes(8, "big"))
        return sum(self._nodes.ask([(key, (word, key, *members)) for key, members in parts.items()]))  # type: ignore[arg-type]


def _part_key(segment: int, part: int) -> bytes:
    return b"a%d:%d" % (segment, part)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
