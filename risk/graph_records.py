"""Records of the graph's log: batches of edges, and labels.

A record is a letter and then entries of fixed size, little-endian. A key of 0 is nobody's: what a forgotten person's
entries become, and what is passed over.
"""

from collections.abc import Collection, Container, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

EDGE = np.dtype([("first", "<u8"), ("second", "<u8"), ("first_kind", "u1"), ("second_kind", "u1")])
LABEL = np.dtype([("key", "<u8"), ("kind", "u1"), ("label", "i1")])
"""``label`` is 1 fraud, -1 good, 0 not known."""
EDGES_OF, LABELS_OF = b"E", b"L"
BATCH = 16_384
"""Entries of a record at most; the log takes records up to 1 MiB."""

Entries = NDArray[np.void]


def edge_array(edges: Iterable[tuple[int, int, int, int]]) -> Entries:
    """Of edges (first key, second key, first kind, second kind). Raises ValueError naming the first bad one."""
    given = list(edges)
    for place, (first, second, first_kind, second_kind) in enumerate(given):
        if not (0 < first < 1 << 64 and 0 < second < 1 << 64):
            raise ValueError(f"edges[{place}]: keys {first} and {second}; a key has 64 bits, not all 0")
        if first == second:
            raise ValueError(f"edges[{place}]: from key {first} to itself")
        if not (0 <= first_kind < 9 and 0 <= second_kind < 9):
            raise ValueError(f"edges[{place}]: kinds {first_kind} and {second_kind}; they are from 0 to 8")
    return np.array(given, EDGE)


def written(entries: Entries) -> list[bytes]:
    """Records that hold these entries, which are all `EDGE` or all `LABEL`."""
    letter = EDGES_OF if entries.dtype == EDGE else LABELS_OF
    return [letter + entries[at : at + BATCH].tobytes() for at in range(0, len(entries), BATCH)]


def read(records: Sequence[bytes]) -> list[Entries]:
    """Arrays of `EDGE` or `LABEL`, in the order of the records; neighbours of one sort come together.

    Raises ValueError for what is no record of a graph.
    """
    runs: list[tuple[bytes, list[bytes]]] = []
    for record in records:
        letter, entries = record[:1], record[1:]
        if letter not in (EDGES_OF, LABELS_OF) or len(entries) % _sort(letter).itemsize:
            raise ValueError(f"a record of {len(record)} bytes that begins with {letter!r} is not the graph's")
        if not runs or runs[-1][0] != letter:
            runs.append((letter, []))
        runs[-1][1].append(entries)
    return [np.frombuffer(b"".join(entries), _sort(letter)) for letter, entries in runs]


def blanked(record: bytes, keys: Container[int]) -> bytes | None:
    """The record without the entries that name one of ``keys``, in as many bytes; None: it names none."""
    (entries,) = read([record])
    changed, named = entries.copy(), False
    for field in ("first", "second") if entries.dtype == EDGE else ("key",):
        found = np.fromiter((key in keys for key in entries[field].tolist()), np.bool_, len(entries))
        changed[found] = np.zeros(1, entries.dtype)[0]
        named = named or bool(found.any())
    return record[:1] + changed.tobytes() if named else None


def named(record: bytes, keys: Collection[int]) -> set[int]:
    """Those of ``keys`` that a record names."""
    (entries,) = read([record])
    fields = ("first", "second") if entries.dtype == EDGE else ("key",)
    return {key for field in fields for key in entries[field].tolist()} & set(keys)


def _sort(letter: bytes) -> np.dtype[np.void]:
    return EDGE if letter == EDGES_OF else LABEL
