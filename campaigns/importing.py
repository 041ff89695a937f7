"""``outbid campaigns import FILE``: a file's content into the store, whole or not at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from campaigns import catalogue, history
from campaigns.catalogue import Counts
from campaigns.reading import Reading
from campaigns.store import Store, touch
from domain import clock
from domain.creative import Creative
from domain.settings import places
from domain.yaml_file import read_yaml
from pacing import counters
from targeting.audience_import import write
from targeting.audience_lists import lists_of
from targeting.profiles import ProfileStore
from targeting.stores import open_store


@dataclass(frozen=True)
class Summary:
    """What an import did: the catalogue's version since, and counts for each kind of thing."""

    version: int
    counts: dict[str, Counts]

    @property
    def changed(self) -> bool:
        return any(counts.added or counts.changed for counts in self.counts.values())


Inspect = Callable[[Mapping[str, Creative]], None]
"""Looks at a file's creatives, by their paths in it; raises `Refused`."""


def import_file(
    store: Store,
    path: Path,
    *,
    profiles: Path | None = None,
    now_ns: int | None = None,
    inspect: Inspect | None = None,
) -> Summary:
    """Imports a campaign file. What is new by its key is added, what is known is changed to what the file says, and the
    rest stays. Raises `Refused` with every problem in the file; then nothing is changed.

    Audience members go to the profile store (directory ``profiles``; default: the host's). They are written before the
    rest is committed, under ids that nothing else uses: a crash in between leaves nothing that a bidder could see of a
    new audience, and running the import again completes a changed one.
    """
    now_ns = clock.from_env().now_ns() if now_ns is None else now_ns
    content, today = read_yaml(path), _today(now_ns)
    new_id = fresh_ids(store)
    while True:
        with store.read() as conn:
            known = catalogue.load(conn)
        reading = Reading(known, path.parent, new_id, today)
        try:
            reading.read(content)
            if inspect is not None:
                inspect(_creatives(content, reading))
                inspect = None  # once is enough, whatever other imports come between
            if reading.lists:
                with ProfileStore(profiles) if profiles else open_store(places().data) as persons:
                    for listed in reading.lists:
                        write(lists_of(persons), listed.order, listed.spool, listed.tally, now_ns // 10**9)
        finally:
            reading.close()
        with store.write() as conn:
            if catalogue.version(conn) != known.version:
                continue  # another import came between: what this one means is to be worked out on top of it
            counts = history.save(conn, known, reading.new, history.BY_FILE, now_ns)
            summary = Summary(known.version, counts)
            if not summary.changed:
                return summary
            return Summary(touch(conn), summary.counts)


def check_file(store: Store, path: Path, *, now_ns: int | None = None, inspect: Inspect | None = None) -> int:
    """As `import_file`, up to where it would change anything; returns how many creatives the file has."""
    content = read_yaml(path)
    with store.read() as conn:
        known = catalogue.load(conn)
    never_used = count(1 << 31)
    reading = Reading(known, path.parent, lambda kind: next(never_used), _today(now_ns))
    try:
        reading.read(content)
    finally:
        reading.close()
    creatives = _creatives(content, reading)
    if inspect is not None:
        inspect(creatives)
    return len(creatives)


def _today(now_ns: int | None) -> str:
    return clock.utc(clock.from_env().now_ns() if now_ns is None else now_ns).date().isoformat()


def _creatives(content: Any, reading: Reading) -> dict[str, Creative]:
    """By their paths in a file that was found sound."""
    return {
        f"creatives[{i}]": reading.new.creatives[entry["key"]] for i, entry in enumerate(content.get("creatives") or ())
    }


def fresh_ids(store: Store) -> Callable[[str], int]:
    """Ids from the store's counters, in blocks that double: a file of many things needs few transactions."""
    blocks: dict[str, tuple[int, int]] = {}
    sizes: dict[str, int] = {}

    def new_id(kind: str) -> int:
        first, end = blocks.get(kind, (0, 0))
        if first == end:
            size = sizes[kind] = min(2 * sizes.get(kind, 0) or 1, 1024)
            with store.write() as conn:
                first = counters.take(conn, kind, size)
            end = first + size
        blocks[kind] = first + 1, end
        return first

    return new_id
