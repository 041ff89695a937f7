"""The identity map: which keys are one person, why, and how sure that is.

Each join is an *edge* between two keys, with its source, confidence and time. Keys that edges connect, at least as sure
as the setting ``[profiles] least_confidence``, are one person's *group*. Nothing but the edges says who is in a group
and which key is the person's, so that an edge taken out leaves all as if it had never been. Edges hold keys, never
what was written or sent.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import replace

MAX_KEYS = 64
"""Keys of one person. What would join more is refused: an id that so many share is nobody's, but a device in a shop, a
family's address, or a default that an application sends for everybody."""
EDGES_A_TURN = 500
"""Edges joined in one transaction, or in one go: a tracker waits no longer than that for its turn."""
MAX_SOURCE = 32
CERTAIN = 1.0
"""Confidence of a deterministic join: a log-in, or a cookie sync."""


class Edge(Struct, frozen=True, array_like=True):
    """Two keys of one person, as somebody told."""

    first: int
    second: int
    source: str
    """Who told, in a word: ``login``, ``sync``, ``import`` …"""
    confidence: float
    """Above 0, up to 1, which is `CERTAIN`; what is inferred has less."""
    at_s: int
    """When it was told first (unix seconds)."""

    def other(self, key: int) -> int:
        return self.second if key == self.first else self.first

    def checked(self) -> "Edge":
        """Itself. Raises ValueError saying what is wrong."""
        if not self.first or not self.second:
            raise ValueError("an edge has two keys, and 0 is nobody's")
        if self.first == self.second:
            raise ValueError("both keys are the same")
        if not 0 < self.confidence <= CERTAIN:
            raise ValueError(f"confidence {self.confidence}: it is above 0, up to 1")
        if not 0 < len(self.source) <= MAX_SOURCE or not self.source.isprintable():
            raise ValueError(f"source {self.source[:80]!r}: it has 1 to {MAX_SOURCE} printable characters")
        if not 0 <= self.at_s < 1 << 32:
            raise ValueError(f"time {self.at_s}: it is in unix seconds")
        return self


def of_device(keys: Iterable[int], device: int, person: int) -> int:
    """The key among ``keys`` whose number the device has; ``person`` if there is none."""
    return next((key for key in keys if key & 0xFFFF_FFFF == device), person)


class TooManyKeys(ValueError):
    """A join that would make one person of more than `MAX_KEYS` keys."""


class WasForgotten(ValueError):
    """A join with a key that has a tombstone (`targeting.forgotten`)."""

    def __init__(self) -> None:
        super().__init__("one of the keys was forgotten; outbid people remember ends that")


@dataclass(frozen=True)
class Group:
    """The keys of one person, and the edges that connect them."""

    keys: tuple[int, ...]
    """Ascending."""
    edges: tuple[Edge, ...]
    """Oldest first."""
    person: int
    """The person's key: the first one of the oldest edge, so it stays while a group grows by newer edges, and is that
    of the older group when two become one."""


@dataclass(frozen=True)
class Outcome:
    """What joining many did; problems are by the edge's place."""

    joined: int
    """Edges that were not there before."""
    refused: dict[int, str]
    forgotten: int = 0
    """Edges that were passed over, since one of their keys was forgotten."""


class IdentityMap(Protocol):
    """What a profile store knows of its persons' keys: ``store.identity``, in LMDB and in Redis."""

    def join(self, first: int, second: int, source: str, confidence: float, at_s: int) -> bool:
        """Two keys are one person's; says whether nobody of this source had told so. If it was told, the confidence is
        the new one and the earlier time stays. Raises ValueError for what is no edge, `TooManyKeys` and
        `WasForgotten`.
        """

    def join_all(self, edges: Iterable[Edge]) -> Outcome:
        """As `join`, many at a time."""

    def split(self, first: int, second: int) -> int:
        """Takes out the edges between two keys, whoever told them; returns how many. The groups on both sides are then
        as if there had been none: each key has what was learnt under it. The two stay one person if other edges
        connect them (`person`).
        """

    def person(self, key: int) -> int:
        """The key of the person that a key is of; itself, if it was never joined."""

    def keys(self, key: int) -> list[int]:
        """All keys of the person, ascending."""

    def edges(self, key: int) -> list[Edge]:
        """All edges at the person's keys, oldest first: those, too, that are not sure enough to join."""

    def shown_to(self, person: int, device: int) -> int:
        """Under which key it is learnt that an ad was shown to a person on a device (`targeting.households.number`, 0:
        not told): the device's own, if it is one of the person's, else the person's.
        """

    def forget(self, key: int) -> list[int]:
        """Forgets records, memberships of audiences, counters of devices and edges of all keys of the person, which are
        returned. If it is broken off, run it again.
        """

    def rebuild(self, progress: Callable[[int], None] = lambda done: None) -> int:
        """Makes all groups anew, as after a change of ``least_confidence``; returns how many keys have edges."""


EdgesOf = Callable[[Sequence[int]], Sequence[Sequence[Edge]]]
"""The edges at each of some keys."""

_encode = Encoder().encode
_decode = Decoder(list[Edge]).decode


def pack_edges(edges: Sequence[Edge]) -> bytes:
    """The edges at one key as bytes; no bytes for none."""
    return _encode(edges) if edges else b""


def unpack_edges(data: bytes | None) -> list[Edge]:
    return _decode(data) if data else []


def group_of(key: int, edges_of: EdgesOf, least: float) -> Group:
    """The group of a key, found along the edges that are at least so sure."""
    seen, fresh = {key}, [key]
    found: dict[tuple[int, int, str], Edge] = {}
    while fresh:
        reached: dict[int, None] = {}
        for at, edges in zip(fresh, edges_of(fresh), strict=True):
            for edge in edges:
                if edge.confidence >= least:
                    found[edge.first, edge.second, edge.source] = edge
                    reached[edge.other(at)] = None
        fresh = [other for other in reached if other not in seen]
        seen.update(fresh)
    edges = tuple(sorted(found.values(), key=age))
    return Group(tuple(sorted(seen)), edges, edges[0].first if edges else key)


def age(edge: Edge) -> tuple[int, int, int, str]:
    """By which edges are put in order, the oldest first."""
    return edge.at_s, edge.first, edge.second, edge.source


def with_edge(edges: Sequence[Edge], new: Edge) -> tuple[list[Edge], bool]:
    """The edges at a key once ``new`` was told, and whether that was news."""
    for place, known in enumerate(edges):
        if known.source == new.source and {known.first, known.second} == {new.first, new.second}:
            older = min(known, new, key=age)
            told = replace(older, confidence=new.confidence)
            return [*edges[:place], told, *edges[place + 1 :]], False
    return [*edges, new], True


def without_edges(edges: Sequence[Edge], first: int, second: int) -> list[Edge]:
    """The edges at a key but those between two."""
    return [edge for edge in edges if {edge.first, edge.second} != {first, second}]
