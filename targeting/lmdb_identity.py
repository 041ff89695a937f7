"""The identity map of one host, in the LMDB environment of its profiles (`targeting.identity`).

Beside the profiles lie ``parts``, what was learnt under each key of a person who has several, and ``edges``, by each of
their two keys. All that a join or a split changes is written in one transaction, as is a change of a part together
with the merge of all.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import lmdb

from targeting.config import profile_settings
from targeting.due import ALL, AT_ONCE
from targeting.households import device_key
from targeting.identity import (
    EDGES_A_TURN,
    MAX_KEYS,
    Edge,
    Group,
    Outcome,
    TooManyKeys,
    WasForgotten,
    age,
    group_of,
    of_device,
    pack_edges,
    unpack_edges,
    with_edge,
    without_edges,
)
from targeting.merge import alias, aliased, impressions_of, joined, merge
from targeting.record import ALL_EXPIRIES, live_segments
from targeting.record_editor import Editor

if TYPE_CHECKING:
    from targeting.profiles import ProfileStore


class LmdbIdentity:
    """As `targeting.identity.IdentityMap`; ``store.identity`` of a `targeting.profiles.ProfileStore`.

    Each call waits for other writers of the store: for a thread, not for an event loop.
    """

    def __init__(self, store: ProfileStore, txn: lmdb.Transaction[bytes] | None) -> None:
        self._store, self._least = store, profile_settings().least_confidence
        make = txn is not None
        self.parts = store.env.open_db(b"parts", txn=txn, create=make)
        self._edges = store.env.open_db(b"edges", txn=txn, create=make)
        self._editor = Editor()

    def join(self, first: int, second: int, source: str, confidence: float, at_s: int) -> bool:
        with self._store.write() as txn:
            return self._join(txn, Edge(first, second, source, confidence, at_s))

    def join_all(self, edges: Iterable[Edge]) -> Outcome:
        new, place, refused, forgotten = 0, 0, dict[int, str](), 0
        rest = iter(edges)
        while batch := list(islice(rest, EDGES_A_TURN)):
            with self._store.write() as txn:
                for edge in batch:
                    try:
                        new += self._join(txn, edge)
                    except WasForgotten:
                        forgotten += 1
                    except ValueError as error:
                        refused[place] = str(error)
                    place += 1
        return Outcome(new, refused, forgotten)

    def _join(self, txn: lmdb.Transaction[bytes], edge: Edge) -> bool:
        edge.checked()
        if edge.first in self._store.forgotten or edge.second in self._store.forgotten:
            raise WasForgotten
        if edge.confidence >= self._least:
            ours = self._group(txn, edge.first)
            if edge.second not in ours.keys and len(ours.keys) + len(self._group(txn, edge.second).keys) > MAX_KEYS:
                raise TooManyKeys(f"one person would have more than {MAX_KEYS} keys")
        new = False
        for key in (edge.first, edge.second):
            edges, new = with_edge(self._edges_at(txn, key), edge)
            self._put_edges(txn, key, edges)
        self._regrouped(txn, self.settle(txn, (edge.first, edge.second)))
        return new

    def split(self, first: int, second: int) -> int:
        with self._store.write() as txn:
            before = self._edges_at(txn, first)
            after = without_edges(before, first, second)
            if len(after) == len(before):
                return 0
            self._put_edges(txn, first, after)
            self._put_edges(txn, second, without_edges(self._edges_at(txn, second), first, second))
            self.settle(txn, (first, second))
            self._regrouped(txn, (first, second))
            return len(before) - len(after)

    def person(self, key: int) -> int:
        with self._store.env.begin() as txn:
            return aliased(txn.get(_name(key), db=self._store.profiles)) or key

    def keys(self, key: int) -> list[int]:
        with self._store.env.begin() as txn:
            return list(self._group(txn, key).keys)

    def edges(self, key: int) -> list[Edge]:
        with self._store.env.begin() as txn:
            at = [self._edges_at(txn, one) for one in self._group(txn, key).keys]
        return sorted({age(edge): edge for edges in at for edge in edges}.values(), key=age)

    def shown_to(self, person: int, device: int) -> int:
        with self._store.env.begin() as txn:
            return self.key_of_device(txn, person, device)

    def forget(self, key: int) -> list[int]:
        with self._store.write() as txn:
            keys = self._group(txn, key).keys
            for one in keys:
                name = _name(one)
                for table in (self._store.profiles, self.parts):
                    known = txn.get(name, db=table) or b""
                    self._store.unlist(txn, one, live_segments(known, ALL_EXPIRIES))
                    txn.delete(name, db=table)
                txn.delete(_name(device_key(one & 0xFFFF_FFFF)), db=self._store.profiles)
                for edge in self._edges_at(txn, one):
                    other = edge.other(one)
                    self._put_edges(txn, other, without_edges(self._edges_at(txn, other), one, other))
                self._put_edges(txn, one, [])
            return list(keys)

    def rebuild(self, progress: Callable[[int], None] = lambda done: None) -> int:
        with self._store.env.begin(db=self._edges) as txn, txn.cursor() as cursor:
            keys = [int.from_bytes(name, "big") for name in cursor.iternext(values=False)]
        for first in range(0, len(keys), EDGES_A_TURN):
            with self._store.write() as txn:
                self._regrouped(txn, self.settle(txn, keys[first : first + EDGES_A_TURN]))
            progress(min(first + EDGES_A_TURN, len(keys)))
        return len(keys)

    # for the store's writers

    def key_of_device(self, txn: lmdb.Transaction[bytes], person: int, device: int) -> int:
        """As `shown_to`, in a transaction."""
        if not device or not joined(txn.get(_name(person), db=self._store.profiles)):
            return person
        return of_device(self._group(txn, person).keys, device, person)

    def put_part(self, txn: lmdb.Transaction[bytes], key: int, part: bytes) -> None:
        """What was learnt under a key of a person who has several; no bytes for nothing."""
        if part:
            txn.put(_name(key), part, db=self.parts)
        else:
            txn.delete(_name(key), db=self.parts)
        self.settle(txn, (key,))

    def settle(self, txn: lmdb.Transaction[bytes], keys: Iterable[int]) -> list[int]:
        """Makes the records under some keys, and all keys of their groups, what edges and parts say. Returns one of
        ``keys`` for each group of which something else is known now.
        """
        done: set[int] = set()
        changed: list[int] = []
        for key in keys:
            if key not in done:
                group = self._group(txn, key)
                done.update(group.keys)
                if self._unite(txn, group) if len(group.keys) > 1 else self._separate(txn, key):
                    changed.append(key)
        return changed

    def _regrouped(self, txn: lmdb.Transaction[bytes], keys: Iterable[int]) -> None:
        """Audiences by rules are to be decided anew for the persons of these keys, who have others now."""
        for key in keys:
            self._store.due.add(txn, AT_ONCE, key, ALL)

    def _unite(self, txn: lmdb.Transaction[bytes], group: Group) -> bool:
        parts, before = [], None
        for key in group.keys:
            name = _name(key)
            now = txn.get(name, db=self._store.profiles)
            if key == group.person:
                before = now
            if now is None or joined(now):
                parts.append(txn.get(name, db=self.parts))
            else:
                txn.put(name, now, db=self.parts)
                self._count_for_device(txn, key, now)
                parts.append(now)
            if key != group.person and aliased(now) != group.person:
                self._store.put(txn, name, alias(group.person))
        merged = merge(parts)
        if merged == before:
            return False
        self._store.put(txn, _name(group.person), merged)
        return True

    def _separate(self, txn: lmdb.Transaction[bytes], key: int) -> bool:
        name = _name(key)
        if not joined(txn.get(name, db=self._store.profiles)):
            return False
        part = txn.get(name, db=self.parts)
        if part is None:
            txn.delete(name, db=self._store.profiles)
        else:
            self._store.put(txn, name, part)
            txn.delete(name, db=self.parts)
        return True

    def _count_for_device(self, txn: lmdb.Transaction[bytes], key: int, record: bytes) -> None:
        """From now on all impressions of a device count for itself, too; those so far, where it had none counted."""
        shown, device = impressions_of(record), device_key(key & 0xFFFF_FFFF)
        if shown and device:
            self._editor.load(txn.get(_name(device), db=self._store.profiles))
            self._editor.absorb(shown)
            self._store.put(txn, _name(device), self._editor.pack())

    def _group(self, txn: lmdb.Transaction[bytes], key: int) -> Group:
        def edges_of(keys: Sequence[int]) -> list[list[Edge]]:
            return [self._edges_at(txn, one) for one in keys]

        return group_of(key, edges_of, self._least)

    def _edges_at(self, txn: lmdb.Transaction[bytes], key: int) -> list[Edge]:
        return unpack_edges(txn.get(_name(key), db=self._edges))

    def _put_edges(self, txn: lmdb.Transaction[bytes], key: int, edges: Sequence[Edge]) -> None:
        if edges:
            txn.put(_name(key), pack_edges(edges), db=self._edges)
        else:
            txn.delete(_name(key), db=self._edges)


def _name(key: int) -> bytes:
    return key.to_bytes(8, "big")
