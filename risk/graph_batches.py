"""What is done to a graph in one go, beside those that have it open: files loaded, people forgotten, the log folded in.

Each makes a new snapshot of the old one and of the log up to where it may be read, and puts it in place; whoever has
the graph open sees that and goes on from there. One such work runs at a time, whoever begins it; others wait. A crash
leaves the old snapshot or the new one, and nothing else that counts.
"""

import fcntl
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from eventlog.reader import LogReader
from eventlog.rewriting import matching, rewrite
from eventlog.segments import place_of, read_mark, segment_path, segments
from risk import graph_snapshot
from risk.graph import LOG, SNAPSHOT, check_log, following, remembered
from risk.graph_records import EDGE, LABEL, Entries, blanked, named
from risk.graph_snapshot import Arrays
from targeting.forgotten import Forgotten

LOCK = "batch"
NO_EDGES, NO_LABELS = np.empty(0, EDGE), np.empty(0, LABEL)


def graph_directory(data: Path) -> Path:
    """Where a deployment keeps its graph."""
    return data / "risk" / "graph"


def fold(directory: Path) -> Arrays:
    """Makes a snapshot of everything that is in the log, and removes the log's old segments."""
    return load(directory, NO_EDGES, NO_LABELS)


def load(directory: Path, edges: Entries, labels: Entries, forgotten: Forgotten | None = None) -> Arrays:
    """Adds edges (`EDGE`) and labels (`LABEL`; a node's last one holds), all of them or, if it is broken off, none.

    Those of keys that are ``forgotten`` are left out.
    """
    with _alone(directory):
        if forgotten is not None:
            edges, labels = remembered(edges, forgotten), remembered(labels, forgotten)
        return _renewed(directory, edges, labels, ())


def forget(directory: Path, keys: Collection[int]) -> int:
    """Removes nodes with all their edges and labels, from the log, too; returns how many of them there were.

    Make sure first that nobody adds them again (`targeting.forgotten`).
    """
    if not directory.is_dir():
        return 0
    with _alone(directory):
        gone = set(keys)
        rows = graph_snapshot.read(directory / SNAPSHOT).rows["key"]
        found = set(rows[np.isin(rows, np.fromiter(gone, np.uint64, len(gone)))].tolist())

        def without(record: bytes) -> bytes | None:
            if (changed := blanked(record, gone)) is not None:
                found.update(named(record, gone))
            return changed

        rewrite(directory / LOG, _marks(gone), without)
        _renewed(directory, NO_EDGES, NO_LABELS, gone)
        return len(found)


def left(directory: Path, keys: Collection[int]) -> int:
    """How often keys are found in snapshot and log; 0: nothing is left of them."""
    gone = set(keys)
    records = matching(directory / LOG, _marks(gone))
    of_log = sum(blanked(record, gone) is not None for record in records)
    return _held(graph_snapshot.read(directory / SNAPSHOT), gone) + of_log


def _renewed(directory: Path, edges: Entries, labels: Entries, without: Collection[int]) -> Arrays:
    old = graph_snapshot.read(directory / SNAPSHOT)
    check_log(directory, old.position)
    until = read_mark(directory / LOG)
    all_edges, all_labels = [old.edges()], [old.labels()]
    reader = LogReader(directory / LOG, old.position)
    for entries in following(reader, until):
        (all_edges if entries.dtype == EDGE else all_labels).append(entries)
    made = graph_snapshot.build(
        np.concatenate([*all_edges, edges]), np.concatenate([*all_labels, labels]), until, without
    )
    graph_snapshot.write(directory / SNAPSHOT, made)
    for segment in segments(directory / LOG):
        if segment < place_of(until)[0]:
            segment_path(directory / LOG, segment).unlink(missing_ok=True)
    return made


def _held(arrays: Arrays, keys: Collection[int]) -> int:
    return int(np.isin(arrays.rows["key"], np.fromiter(keys, np.uint64, len(keys))).sum())


def _marks(keys: Collection[int]) -> list[bytes]:
    """Keys as they lie in the log."""
    return [key.to_bytes(8, "little") for key in keys]


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for draft in directory.glob(f".{SNAPSHOT}.*"):
            draft.unlink()  # of one that was killed
        yield


if __name__ == "__main__":
    os.nice(10)
    fold(Path(sys.argv[1]))
