"""Who shares what with whom: devices, addresses, phones, accounts as nodes, and what their neighbourhood says of fraud.

A graph's directory holds a snapshot (`risk.graph_snapshot`) and a log of what came since (`risk.graph_records`, in the
segments of `eventlog`). One process owns it and appends; any number map the snapshot and follow the log. What is done
to many edges at once (a file loaded, persons forgotten, the log folded in) makes a new snapshot, beside all of them
(`risk.graph_batches`); they see it there and open it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from domain.errors import Unavailable
from domain.file_stamp import Stamp, stamp_of
from eventlog.reader import LogCorrupt, LogReader
from eventlog.segments import read_mark
from eventlog.writer import LogBusy, LogWriter
from risk import graph_snapshot
from risk.graph_features import GraphFeatures
from risk.graph_kinds import KINDS, OTHER
from risk.graph_records import EDGE, LABEL, Entries, edge_array, read, written
from risk.network import Network
from targeting.forgotten import Forgotten

__all__ = ["Edge", "Graph", "GraphFeatures", "LogBusy"]

SNAPSHOT, LOG = "snapshot", "log"
SEGMENT_BYTES = 16 << 20
LEAST_SINCE = 200_000
"""Edges after the snapshot, from which on it is worth making a new one."""
STEPS = 20_000
"""Neighbours that are told of changed distances and scores by one call, about a millisecond's worth; the rest waits for
`Graph.settle`."""
LABEL_OF = {True: 1, False: -1, None: 0}


class Edge(NamedTuple):
    """Two things were seen together: a device at an address, a phone of an account."""

    first: int
    second: int
    first_kind: int = OTHER
    second_kind: int = OTHER


class Graph:
    """``Graph()`` is one in memory; `open` that of a directory."""

    def __init__(self) -> None:
        self._network = Network()
        self._directory: Path | None = None
        self._writer: LogWriter | None = None
        self._reader: LogReader | None = None
        self._seen: Stamp | None = None
        self._appended = 0
        self._forgotten: Forgotten | None = None

    @classmethod
    def open(cls, directory: Path, *, owner: bool = False, forgotten: Forgotten | None = None) -> Self:
        """The graph kept in ``directory``, which need not exist. Only the ``owner``, one process at a time, may `add`
        and `label`; of keys that are ``forgotten`` nothing is added. Raises LogBusy if there is an owner already,
        Unavailable if the files cannot be used.
        """
        graph = cls()
        graph._directory, graph._forgotten = directory, forgotten
        if owner:
            graph._writer = LogWriter(directory / LOG, segment_bytes=SEGMENT_BYTES)
            graph._appended = graph._writer.published
        try:
            graph._reopen()
        except BaseException:
            graph.close()
            raise
        return graph

    def __len__(self) -> int:
        """Nodes."""
        return len(self._network)

    @property
    def edges(self) -> int:
        return self._network.edges

    @property
    def owned(self) -> Path | None:
        """The directory, if this is its owner."""
        return self._directory if self._writer is not None else None

    @property
    def due(self) -> bool:
        """Is it time that `graph_batches.fold` makes a new snapshot?"""
        return self._network.since >= max(LEAST_SINCE, self._network.edges // 10)

    def features(self, key: int) -> GraphFeatures:
        """What is known of a node. Some microseconds, whatever its degree."""
        return self._network.features(key)

    def columns(self) -> "tuple[NDArray[np.uint64], NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]":
        """Of all nodes key, kind, degree and label score."""
        return self._network.columns()

    def add(self, edges: Iterable[Edge]) -> int:
        """Joins nodes; returns how many edges are new. They show in `features` at once, and within a second in those of
        other processes; what they mean for the distances and scores of nodes far and near, where that is much, follows
        with the next calls of `settle`.

        Raises ValueError naming the first bad edge (a key of 0, a node with itself, no such kind), LogFull if the disk
        takes nothing; then none is added.
        """
        given = edge_array(edges)
        if self._forgotten is not None:
            given = remembered(given, self._forgotten)
        first, second = np.ascontiguousarray(given["first"]), np.ascontiguousarray(given["second"])
        new = given[self._network.missing(first, second)]
        self._append(new)
        return _joined(self._network, new)

    def label(self, key: int, fraud: bool | None, kind: int = OTHER) -> None:
        """Says that a node is known fraud, known to be good, or neither (None); one that is not known yet is made, of
        ``kind``. Raises ValueError, and LogFull as `add`.
        """
        if not 0 < key < 1 << 64 or not 0 <= kind < len(KINDS):
            raise ValueError(f"key {key} of kind {kind}; a key has 64 bits, not all 0, and kinds are from 0 to 8")
        if self._forgotten is not None and key in self._forgotten:
            return
        self._append(np.array([(key, kind, LABEL_OF[fraud])], LABEL))
        self._network.label(key, kind, LABEL_OF[fraud], STEPS)

    def settle(self, steps: int | None = STEPS) -> bool:
        """Goes on working out distances and scores after large changes; None: to the end. Says whether more is to do:
        until it is not, distances may be too long, and scores are on their way.
        """
        return self._network.spread() if steps is None else self._network.spread(steps)

    def refresh(self) -> bool:
        """Takes in what other processes did to the directory, and settles a piece; some microseconds if there is
        nothing. Whoever keeps a graph open calls it several times a second. Says whether something came. Raises
        Unavailable if the files cannot be used; the graph is then as it was.
        """
        self.settle()
        if self._directory is None:
            return False
        if self._forgotten is not None:
            self._forgotten.refresh()
        if stamp_of(self._directory / SNAPSHOT) != self._seen:
            if self._writer is not None and self._writer.published < self._appended:
                return False  # what is still on its way to the log would not be in what is opened
            self._reopen()
            return True
        return self._reader is not None and self._follow(self._network, self._reader) > 0

    async def durable(self) -> None:
        """Returns when everything added so far is on disk. Raises LogFull if it could not be kept."""
        if self._writer is not None:
            await self._writer.durable(self._appended)

    def close(self) -> None:
        """What was added is on disk when this returns."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _append(self, entries: Entries) -> None:
        if self._writer is None:
            if self._directory is not None:
                raise Unavailable(f"{self._directory} is read here, not owned: who owns it adds to it")
            return
        for record in written(entries):
            self._appended = self._writer.append(record)

    def _reopen(self) -> None:
        """The snapshot there is, and the log behind it."""
        assert self._directory is not None
        seen = stamp_of(self._directory / SNAPSHOT)
        arrays = graph_snapshot.read(self._directory / SNAPSHOT)
        check_log(self._directory, arrays.position)
        network, reader = arrays.network(), LogReader(self._directory / LOG, arrays.position)
        self._follow(network, reader)
        self._network, self._seen = network, seen
        self._reader = None if self._writer is not None else reader

    @staticmethod
    def _follow(network: Network, reader: LogReader) -> int:
        taken = 0
        for entries in following(reader):
            taken += len(entries)
            if entries.dtype == EDGE:
                _joined(network, entries)
            else:
                for key, kind, label in entries[entries["key"] != 0].tolist():
                    network.label(key, kind, label, STEPS)
        return taken


def following(reader: LogReader, until: int | None = None) -> Iterator[Entries]:
    """Entries of the log from where the reader is, up to its end or to a position. Raises Unavailable if the log is
    damaged, or another's.
    """
    try:
        while records := reader.read(until=until)[0]:
            yield from read(records)
    except (LogCorrupt, ValueError) as error:
        raise Unavailable(f"{reader.directory}: {error}") from None


def check_log(directory: Path, position: int) -> None:
    """Raises Unavailable if the log is not the one of which a snapshot holds everything up to ``position``: what is
    appended to it would never be read.
    """
    if read_mark(directory / LOG) < position:
        raise Unavailable(
            f"{directory / LOG} ends before the snapshot beside it: put back the log, or an older snapshot with it"
        )


def remembered(entries: Entries, forgotten: Forgotten) -> Entries:
    """Entries that name nobody who is forgotten."""
    if not len(forgotten) or not len(entries):
        return entries
    keep = np.ones(len(entries), np.bool_)
    for field in ("first", "second") if entries.dtype == EDGE else ("key",):
        keep &= np.fromiter((key not in forgotten for key in entries[field].tolist()), np.bool_, len(entries))
    return entries[keep]


def _joined(network: Network, edges: Entries) -> int:
    return network.add(
        np.ascontiguousarray(edges["first"]),
        np.ascontiguousarray(edges["first_kind"]),
        np.ascontiguousarray(edges["second"]),
        np.ascontiguousarray(edges["second_kind"]),
        STEPS,
    )
