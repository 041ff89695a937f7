"""A graph as one file: made from edges in one go, put in place at once, and memory-mapped by whoever reads it.

The file has a head of a page, and then, each from a page's beginning, the nodes (`risk.network.ROW`), where the
neighbours of each begin (uint64), the neighbours (uint32) and the table that finds a node by its key (uint32). Nodes
are written to in memory, so they are mapped copy-on-write: what processes do not change they share.
"""

import os
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from domain.errors import Unavailable
from eventlog.frames import checksum
from eventlog.segments import sync_directory
from risk.graph_records import EDGE, LABEL, Entries
from risk.network import ROW, Network, numbered, slots_of

MAGIC = b"outbid risk graph 1\n"
PAGE = 4096
HEAD_BYTES = len(MAGIC) + 5 * 8 + 4
"""How many rows, offsets, neighbours and slots, the position, a checksum."""


class Arrays(Struct, frozen=True):
    """What a snapshot holds."""

    rows: NDArray[np.void]
    offsets: NDArray[np.uint64]
    neighbours: NDArray[np.uint32]
    slots: NDArray[np.uint32]
    position: int = 0
    """Up to where in the log it holds everything."""

    @property
    def edge_count(self) -> int:
        return len(self.neighbours) // 2

    def network(self) -> Network:
        return Network(self.rows, self.offsets, self.neighbours, self.slots)

    def edges(self) -> Entries:
        """Every edge once."""
        ends = self.offsets.astype(np.int64)
        first = np.repeat(np.arange(len(self.rows), dtype=np.uint32), ends[1:] - ends[:-1])
        once = first < self.neighbours
        made = np.empty(int(once.sum()), EDGE)
        keys, kinds = np.ascontiguousarray(self.rows["key"]), np.ascontiguousarray(self.rows["kind"])
        for end, numbers in (("first", first[once]), ("second", self.neighbours[once])):
            made[end], made[f"{end}_kind"] = keys[numbers], kinds[numbers]
        return made

    def labels(self) -> Entries:
        known = self.rows[self.rows["label"] != 0]
        made = np.empty(len(known), LABEL)
        for field in ("key", "kind", "label"):
            made[field] = known[field]
        return made


EMPTY = Arrays(np.empty(0, ROW), np.zeros(1, np.uint64), np.empty(0, np.uint32), np.empty(0, np.uint32))


def build(edges: Entries, labels: Entries, position: int = 0, without: Collection[int] = ()) -> Arrays:
    """The graph of these edges; of the labels of a node the last holds.

    What names a key of ``without`` is left out, and so are keys of 0 and edges from a node to itself. The kind of a
    node is the one told first.
    """
    edges = edges[(edges["first"] != 0) & (edges["second"] != 0) & (edges["first"] != edges["second"])]
    labels = labels[labels["key"] != 0]
    if without:
        gone = np.fromiter(without, np.uint64, len(without))
        edges = edges[~(np.isin(edges["first"], gone) | np.isin(edges["second"], gone))]
        labels = labels[~np.isin(labels["key"], gone)]
    keys, kinds, places = numbered(
        np.concatenate([edges["first"], edges["second"], labels["key"]]),
        np.concatenate([edges["first_kind"], edges["second_kind"], labels["kind"]]),
    )
    if len(keys) >= 1 << 31:
        raise Unavailable(f"a graph of {len(keys):,} nodes; there is room for 2**31")
    order = np.argsort(kinds, kind="stable")
    rank = np.empty(len(keys), np.uint32)
    rank[order] = np.arange(len(keys), dtype=np.uint32)
    rows = np.zeros(len(keys), ROW)
    rows["key"], rows["kind"], rows["parent"], rows["distance"] = keys[order], kinds[order], -1, 255
    rows["label"][rank[places[2 * len(edges) :]]] = labels["label"]
    offsets, neighbours = _compressed(rank[places[: len(edges)]], rank[places[len(edges) : 2 * len(edges)]], len(keys))
    made = Arrays(rows, offsets, neighbours, slots_of(np.ascontiguousarray(rows["key"])), position)
    made.network().settle()
    return made


def _compressed(
    one: NDArray[np.uint32], other: NDArray[np.uint32], nodes: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Of edges between numbers: where each node's neighbours begin, and these in order, each once."""
    pairs = np.concatenate([one, other]).astype(np.uint64)
    pairs <<= np.uint64(32)
    pairs |= np.concatenate([other, one])
    pairs.sort()
    if len(pairs):
        pairs = pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])]
    offsets = np.zeros(nodes + 1, np.uint64)
    np.cumsum(np.bincount((pairs >> np.uint64(32)).astype(np.int64), minlength=nodes), out=offsets[1:])
    return offsets, pairs.astype(np.uint32)


def write(path: Path, arrays: Arrays) -> None:
    """Puts the file in place at once, on disk for certain; what was there stays as it is for those who have it open."""
    parts = (arrays.rows, arrays.offsets, arrays.neighbours, arrays.slots)
    numbers = np.array([*(len(part) for part in parts), arrays.position], "<u8").tobytes()
    head = MAGIC + numbers + checksum(MAGIC + numbers).to_bytes(4, "little")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            for part in (head, *parts):
                file.seek(-file.tell() % PAGE, os.SEEK_CUR)
                file.write(part if isinstance(part, bytes) else part.data)
            file.truncate(file.tell() + -file.tell() % PAGE)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)


def read(path: Path) -> Arrays:
    """A snapshot's arrays, mapped; of a file that is not there, `EMPTY`. Raises Unavailable for what is none."""
    try:
        with open(path, "rb") as file:
            return _mapped(path, file)
    except FileNotFoundError:
        return EMPTY


def _mapped(path: Path, file: BinaryIO) -> Arrays:
    head = file.read(HEAD_BYTES)
    told, sum_of = head[:-4], int.from_bytes(head[-4:], "little")
    if len(head) < HEAD_BYTES or not head.startswith(MAGIC) or checksum(told) != sum_of:
        raise Unavailable(f"{path} is no snapshot of a graph; put back a copy of it, or remove it and load anew")
    counts, at, size = np.frombuffer(told[len(MAGIC) :], "<u8").tolist(), PAGE, os.fstat(file.fileno()).st_size

    def part(number: int, kind: "np.dtype[Any]") -> "NDArray[Any]":
        nonlocal at
        begin, at = at, at + counts[number] * kind.itemsize
        if at > size:
            raise Unavailable(f"{path} is cut short; put back a copy of it, or remove it and load anew")
        at += -at % PAGE
        return np.asarray(np.memmap(file, kind, "c", begin, (counts[number],))) if counts[number] else np.empty(0, kind)

    return Arrays(
        part(0, ROW),
        part(1, np.dtype(np.uint64)),
        part(2, np.dtype(np.uint32)),
        part(3, np.dtype(np.uint32)),
        counts[4],
    )
