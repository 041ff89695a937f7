"""The identity map of a fleet, in Redis or a Redis Cluster (`targeting.identity`), where no two keys change together.

Beside a person's record lie the part of each key that is one of several, and the edges at each key
(`targeting.redis_keys`). A part is live, or *moving*: it is about to become a plain record again, and
nobody changes it any more. Every step replaces one value, if it is still what was read, and can be done twice; whoever
comes across a step that is missing does it:

- joining: the edges at both keys; the plain record copied into the part; the merge under the person's key; then an
  alias in the place of every other record. A record that was changed meanwhile is copied anew;
- splitting: the edges; the part made moving; the record made of it; the part taken away.

`RedisIdentity.settle` goes over the keys until it finds nothing to be done, so what was broken off, or done by two at a
time, ends as the edges say.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from targeting.config import profile_settings
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
from targeting.people import Edit
from targeting.record import ALL_EXPIRIES, live_segments
from targeting.redis_keys import edges_key, part_key, record_key
from targeting.redis_nodes import Nodes
from targeting.redis_replacing import Swap, swap

if TYPE_CHECKING:
    from targeting.redis_profiles import RedisProfiles

MOST_TURNS = 200
"""Of going over the same keys: more are taken only while others keep changing them."""
EMPTY = b"\5"
"""A live part of which nothing is known; a part with something is a record."""
MOVING = b"\4"
"""What a part begins with that is moving."""

log = logging.getLogger(__name__)


class RedisIdentity:
    """As `targeting.identity.IdentityMap`; ``store.identity`` of a `targeting.redis_profiles.RedisProfiles`."""

    def __init__(self, store: "RedisProfiles", nodes: Nodes) -> None:
        self._store, self._nodes, self._least = store, nodes, profile_settings().least_confidence
        self.regrouped: Callable[[Collection[int]], None] = lambda keys: None
        """Called with a key of each person who has others now, whose audiences by rules are to be decided anew."""

    def join(self, first: int, second: int, source: str, confidence: float, at_s: int) -> bool:
        edge = Edge(first, second, source, confidence, at_s).checked()
        outcome = self.join_all([edge])
        if outcome.forgotten:
            raise WasForgotten
        if outcome.refused:
            raise TooManyKeys(outcome.refused[0])
        return outcome.joined > 0

    def join_all(self, edges: Iterable[Edge]) -> Outcome:
        new, place, refused, forgotten = 0, 0, dict[int, str](), 0
        rest = iter(edges)
        while batch := list(islice(rest, EDGES_A_TURN)):
            taken: list[Edge] = []
            self._store.refresh_forgotten()
            known = self._around({key for edge in batch for key in (edge.first, edge.second)})
            for edge in batch:
                try:
                    new += self._add(known, edge.checked())
                    taken.append(edge)
                except WasForgotten:
                    forgotten += 1
                except ValueError as error:
                    refused[place] = str(error)
                place += 1
            keys = {key for edge in taken for key in (edge.first, edge.second)}
            self._change_edges(keys, lambda key, edges, taken=taken: _told(key, edges, taken))  # type: ignore[misc]
            self.regrouped(self.settle(keys))
        return Outcome(new, refused, forgotten)

    def _add(self, known: dict[int, list[Edge]], edge: Edge) -> bool:
        """Adds an edge to what is known here. Raises `TooManyKeys` and `WasForgotten`."""
        if self._store.is_forgotten(edge.first, edge.second):
            raise WasForgotten
        if edge.confidence >= self._least:
            ours, theirs = self._group(edge.first, known).keys, self._group(edge.second, known).keys
            if edge.second not in ours and len(ours) + len(theirs) > MAX_KEYS:
                raise TooManyKeys(f"one person would have more than {MAX_KEYS} keys")
        new = False
        for key in (edge.first, edge.second):
            known[key], new = with_edge(known[key], edge)
        return new

    def split(self, first: int, second: int) -> int:
        gone = 0

        def out(key: int, edges: list[Edge]) -> list[Edge]:
            nonlocal gone
            left = without_edges(edges, first, second)
            gone = max(gone, len(edges) - len(left))
            return left

        if first != second:
            self._change_edges((first, second), out)
            changed = self.settle((first, second))  # even if there is no edge: a split may have been broken off
            self.regrouped({first, second} if gone else changed)
        return gone

    def person(self, key: int) -> int:
        return aliased(self._records([key])[0]) or key

    def keys(self, key: int) -> list[int]:
        return list(self._group(key, self._around([key])).keys)

    def edges(self, key: int) -> list[Edge]:
        known = self._around([key])
        at = [known[one] for one in self._group(key, known).keys]
        return sorted({age(edge): edge for edges in at for edge in edges}.values(), key=age)

    def shown_to(self, person: int, device: int) -> int:
        if not device or not joined(self._records([person])[0]):
            return person
        return of_device(self.keys(person), device, person)

    def forget(self, key: int) -> list[int]:
        known = self._around([key])
        keys = self._group(key, known).keys
        for one, *found in zip(keys, self._records(keys), self._parts(keys), strict=True):
            for record in found:
                self._store.unlist(one, live_segments(content(record), ALL_EXPIRIES))
        names = [name for one in keys for name in (record_key(one), part_key(one))]
        names += [record_key(device_key(one & 0xFFFF_FFFF)) for one in keys]
        self._nodes.ask([(name, ("DEL", name)) for name in names])
        # At last, since by them a second call finds the same keys.
        others = {edge.other(one) for one in keys for edge in known[one]} - set(keys)
        self._change_edges(others, lambda _, edges: [e for e in edges if not {e.first, e.second} & set(keys)])
        self._nodes.ask([(edges_key(one), ("DEL", edges_key(one))) for one in keys])
        return list(keys)

    def rebuild(self, progress: Callable[[int], None] = lambda done: None) -> int:
        done = 0
        found = (int.from_bytes(name[1:], "big") for name in self._nodes.scan(b"e????????") if len(name) == 9)
        while batch := list(islice(found, EDGES_A_TURN)):
            self.regrouped(self.settle(batch))
            done += len(batch)
            progress(done)
        return done

    # for the store's writers

    def change_parts(self, edits: Mapping[int, list[Edit]]) -> set[int]:
        """Changes what was learnt under keys of persons who have several, and then the merges. Returns those that, it
        turned out, have a plain record now.
        """
        plain: set[int] = set()
        waiting = dict(zip(edits, self._parts(list(edits)), strict=True))
        while waiting:
            swaps: dict[bytes, Swap] = {}
            for key, part in waiting.items():
                if part is None or part.startswith(MOVING):
                    plain.add(key)
                    continue
                new = self._store.edited(key, content(part), edits[key]) or EMPTY
                if new != part:
                    swaps[part_key(key)] = Swap(part, new)
            met = swap(self._nodes, swaps)
            waiting = {key: met[name] or None for key in waiting if (name := part_key(key)) in met}
        self.settle(edits)
        return plain

    def settle(self, keys: Iterable[int]) -> set[int]:
        """Makes the records under some keys, and all keys of their groups, what edges and parts say. Returns the keys
        of the persons of whom something else is known now.
        """
        wanted, changed = set(keys), set[int]()
        for _ in range(MOST_TURNS):
            known = self._around(wanted)
            groups = {group.keys: group for key in wanted for group in [self._group(key, known)]}
            if not (persons := self._turn(list(groups.values()))):
                return changed
            changed |= persons
        log.warning(
            "%d keys are changed by others all the time; their records are left to the next change", len(wanted)
        )
        return changed

    def _turn(self, groups: Sequence[Group]) -> set[int]:
        """Does the first step that is to be done in each group; returns the persons of whom there was any."""
        keys = [key for group in groups for key in group.keys]
        lies = dict(zip(keys, self._records(keys), strict=True))
        parts = dict(zip(keys, self._parts(keys), strict=True))
        swaps: dict[bytes, Swap] = {}
        persons: set[int] = set()
        for group in groups:
            steps: dict[bytes, Swap] = {}
            for key in group.keys:
                steps.update(_ready(key, lies[key], parts[key], len(group.keys) > 1))
                if len(group.keys) > 1 and not joined(lies[key]):
                    self._count_for_device(key, lies[key])
            if len(group.keys) > 1 and not steps:
                steps = _united(group, lies, parts)
            swaps.update(steps)
            if steps:
                persons.add(group.person)
        swap(self._nodes, swaps)
        return persons

    def _count_for_device(self, key: int, record: bytes | None) -> None:
        """From now on all impressions of a device count for itself, too; those so far, where it had none counted."""
        shown, device = impressions_of(record or b""), device_key(key & 0xFFFF_FFFF)
        if shown and device:
            self._store.change([(device, lambda editor: editor.absorb(shown))])

    def _change_edges(self, keys: Iterable[int], edited: Callable[[int, list[Edge]], list[Edge]]) -> None:
        waiting = {edges_key(key): key for key in keys}
        at = dict(zip(waiting, self._get(list(waiting)), strict=True))
        while waiting:
            swaps = {name: Swap(at[name] or b"", self._packed(at[name], key, edited)) for name, key in waiting.items()}
            met = swap(self._nodes, {name: one for name, one in swaps.items() if one.old != one.new})
            at.update(met)
            waiting = {name: key for name, key in waiting.items() if name in met}

    @staticmethod
    def _packed(at: bytes | None, key: int, edited: Callable[[int, list[Edge]], list[Edge]]) -> bytes:
        return pack_edges(edited(key, unpack_edges(at)))

    def _around(self, keys: Iterable[int]) -> dict[int, list[Edge]]:
        """The edges at keys, and at all keys that are connected with them."""
        found: dict[int, list[Edge]] = {}
        fresh = list(keys)
        while fresh:
            at = self._get([edges_key(key) for key in fresh])
            found.update(zip(fresh, map(unpack_edges, at), strict=True))
            edges = {edge for key in fresh for edge in found[key] if edge.confidence >= self._least}
            fresh = list({key for edge in edges for key in (edge.first, edge.second)} - found.keys())
        return found

    def _group(self, key: int, known: Mapping[int, list[Edge]]) -> Group:
        return group_of(key, lambda keys: [known.get(one, []) for one in keys], self._least)

    def _records(self, keys: Sequence[int]) -> list[bytes | None]:
        return self._get([record_key(key) for key in keys])

    def _parts(self, keys: Sequence[int]) -> list[bytes | None]:
        return self._get([part_key(key) for key in keys])

    def _get(self, names: Sequence[bytes]) -> list[bytes | None]:
        return self._nodes.ask([(name, ("GET", name)) for name in names])  # type: ignore[return-value]


def content(part: bytes | None) -> bytes:
    """The record that a part holds; no bytes for none."""
    if part is None or part == EMPTY:
        return b""
    return part.removeprefix(MOVING)


def _ready(key: int, lies: bytes | None, part: bytes | None, several: bool) -> dict[bytes, Swap]:
    """What is to be done first under one key: its part made ready to be merged, or its record plain again."""
    record, name = record_key(key), part_key(key)
    moving = part is not None and part.startswith(MOVING)
    if joined(lies):
        if moving:
            return {record: Swap(lies or b"", content(part))}
        if not several:
            return {name: Swap(part or b"", MOVING + content(part))}
        return {} if part is not None else {name: Swap(b"", EMPTY)}
    if several:
        wanted = lies or EMPTY
        return {} if part == wanted else {name: Swap(part or b"", wanted)}
    return {name: Swap(part or b"", b"")} if moving else {}


def _united(group: Group, lies: Mapping[int, bytes | None], parts: Mapping[int, bytes | None]) -> dict[bytes, Swap]:
    """The merge, if it is another; else the aliases that are missing."""
    merged = merge([content(parts[key]) for key in group.keys])
    if lies[group.person] != merged:
        return {record_key(group.person): Swap(lies[group.person] or b"", merged)}
    named = alias(group.person)
    return {
        record_key(key): Swap(lies[key] or b"", named)
        for key in group.keys
        if key != group.person and lies[key] != named
    }


def _told(key: int, edges: list[Edge], new: Sequence[Edge]) -> list[Edge]:
    for edge in new:
        if key in (edge.first, edge.second):
            edges, _ = with_edge(edges, edge)
    return edges
