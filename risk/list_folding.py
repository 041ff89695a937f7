"""A new base of one list: what was in the old one, and what is added to it or taken out of it, written as new files.

Old and new keys are both sorted, so the files are read and written once from beginning to end, a part of the keys at a
time. Entries whose time has come are left out on the way.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from cython_ext.key_table import KeyTableWriter
from domain.whole_file import write_whole
from risk.list_files import ListName, RangeRow, Shelf, Terms, packed_terms
from risk.list_state import OpenShelf
from targeting.addresses import IpRange

STEP = 1 << 18
"""Keys merged at a time: some milliseconds, so that a service which does it in a thread answers meanwhile."""
GONE = -1
"""In place of terms: the key is taken out."""


@dataclass(frozen=True)
class Updates:
    """What happens to one list."""

    keys: NDArray[np.uint64]
    """Sorted, each once."""
    places: NDArray[np.int32]
    """Of each key the place of its terms in ``terms``, or `GONE`."""
    terms: tuple[Terms, ...]
    ranges: Mapping[IpRange, Terms]
    """All ranges that are to be on the list, old and new."""
    replace: bool = False
    """Nothing of the old base stays."""


@dataclass
class Folded:
    """A list's new files, and what became of its keys."""

    shelf: Shelf
    added: int = 0
    changed: int = 0
    removed: int = 0
    expired: int = 0


def latest(keys: NDArray[np.uint64], places: NDArray[np.int32]) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Keys in any order -> sorted, each once, with the place that came last. Keys of which all places are the same may
    be sorted where they are.
    """
    if not len(keys):
        return keys, np.array(places)
    if places.strides == (0,):  # one place for all
        keys.sort()
        keys = keys[np.append(keys[1:] != keys[:-1], True)] if (keys[1:] == keys[:-1]).any() else keys
        return keys, np.broadcast_to(places[0], len(keys))
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    last = np.append(keys[1:] != keys[:-1], True)
    return keys[last], places[order[last]]


def edited(told: Mapping[int, Terms | None], ranges: Mapping[IpRange, Terms], now_s: int) -> Updates:
    """Edits of single keys as updates; an entry whose time has come is taken out."""
    terms: dict[Terms, int] = {}
    places = []
    for key in sorted(told):
        one = told[key]
        places.append(GONE if one is None or not one.live(now_s) else terms.setdefault(one, len(terms)))
    return Updates(np.array(sorted(told), np.uint64), np.array(places, np.int32), tuple(terms), ranges)


def fold(
    directory: Path,
    name: str,
    of: tuple[ListName, str],
    old: OpenShelf | None,
    updates: Updates,
    now_s: int,
    progress: Callable[[float], None] = lambda share: None,
) -> Folded:
    """Writes the files of a list of (name, institution). Those of ``old`` stay; what is at ``name`` is replaced."""
    old_terms = [] if old is None else [old.terms[place] for place in range(len(old.terms))]
    live = np.array([terms.live(now_s) for terms in old_terms], np.bool_)
    keep = [] if updates.replace else [place for place, stays in enumerate(live.tolist()) if stays]
    moved = np.zeros(len(old_terms), np.int64)
    moved[keep] = np.arange(len(keep))
    terms = [*(old_terms[place] for place in keep), *updates.terms]
    width = next(width for width, most in ((0, 1), (1, 1 << 8), (2, 1 << 16), (4, 1 << 32)) if len(terms) <= most)
    done = Folded(Shelf(*of, 0, len(updates.ranges), name))
    with KeyTableWriter(directory / f"{name}.keys", width) as writer:
        for keys, places in _merged(old, live, moved, len(keep), updates, done, progress):
            writer.append(keys, places.astype(f"<u{width}") if width else None)
    rows: list[RangeRow] = [
        (range_.network.to_bytes(range_.bits // 8), range_.length, told) for range_, told in updates.ranges.items()
    ]
    write_whole(directory / f"{name}.terms", msgspec.msgpack.encode(packed_terms(terms)))
    write_whole(directory / f"{name}.ranges", msgspec.msgpack.encode(rows))
    done.shelf = msgspec.structs.replace(done.shelf, keys=writer.rows)
    return done


def _merged(
    old: OpenShelf | None,
    live: NDArray[np.bool_],
    moved: NDArray[np.int64],
    kept_terms: int,
    updates: Updates,
    done: Folded,
    progress: Callable[[float], None],
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    """Blocks of keys in ascending order, with the places of their terms in the new file."""
    old_keys = np.empty(0, np.uint64) if old is None else old.table.keys()
    total, begun, before = len(old_keys) + len(updates.keys), 0, 0
    while begun < len(old_keys) or before < len(updates.keys):
        end = min(begun + STEP, len(old_keys))
        upto = min(before + STEP, len(updates.keys))
        if end < len(old_keys) or upto < len(updates.keys):  # both up to the same key
            ends = [keys[at - 1] for keys, at in ((old_keys, end), (updates.keys, upto)) if at and at < len(keys)]
            last = min(ends)
            end = begun + int(np.searchsorted(old_keys[begun:end], last, "right"))
            upto = before + int(np.searchsorted(updates.keys[before:upto], last, "right"))
        keys, new = old_keys[begun:end], updates.keys[before:upto]
        places, new_places = _places(old, begun, end), updates.places[before:upto]
        at = np.searchsorted(keys, new)
        met = np.zeros(len(new), np.bool_)
        inside = at < len(keys)
        met[inside] = keys[at[inside]] == new[inside]
        stays = live[places] if old is not None else np.zeros(0, np.bool_)
        done.expired += int((~stays).sum())
        met_live = met.copy()
        met_live[met] = stays[at[met]]
        gone = new_places == GONE
        done.added += int((~gone & ~met_live).sum())
        done.changed += int((~gone & met_live).sum())
        done.removed += int((gone & met_live).sum())
        if updates.replace:
            done.removed += int(stays.sum()) - int(met_live.sum())
            stays[:] = False
        stays[at[met]] = False
        keys, places, new, new_places = keys[stays], moved[places[stays]], new[~gone], new_places[~gone]
        yield _interleaved(keys, places, new, new_places.astype(np.int64) + kept_terms)
        begun, before = end, upto
        progress((begun + before) / max(1, total))


def _places(old: OpenShelf | None, begun: int, end: int) -> NDArray[np.int64]:
    """Of some rows of a base the places of their terms."""
    if old is None or not old.table.width:
        return np.zeros(end - begun, np.int64)
    column = old.table.payloads()[begun:end]
    return np.ascontiguousarray(column).view(f"<u{old.table.width}").reshape(-1).astype(np.int64)


def _interleaved(
    keys: NDArray[np.uint64], places: NDArray[np.int64], new: NDArray[np.uint64], new_places: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Two sorted sets of keys that have none in common, as one."""
    if not len(keys) or not len(new):
        return (keys, places) if len(keys) else (new, new_places)
    at = np.searchsorted(keys, new) + np.arange(len(new))
    old = np.ones(len(keys) + len(new), np.bool_)
    old[at] = False
    both, both_places = np.empty(len(old), np.uint64), np.empty(len(old), np.int64)
    both[at], both[old] = new, keys
    both_places[at], both_places[old] = new_places, places
    return both, both_places
