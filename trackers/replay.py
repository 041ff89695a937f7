"""What a tracker remembers, made anew from its money log: for a profile store that was lost or put back from a copy.

The log is played into a memory of its own, and what that has more than the real one is missing there. Nothing is ever
taken away: lists, imports and what people asked for are in no event log, and segments that are gone told of events too.
Memberships of audiences by rules are not written: the tracker makes them anew from the log when it starts next.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import lmdb

from domain.events import Conversion, Notice, Visit, decode
from eventlog.reader import LogReader
from targeting.merge import joined
from targeting.profiles import ProfileStore
from targeting.record import OPT_OUT, Conversions, Standing, is_member
from targeting.unpacked import Record, Unreadable, pack, unpack
from trackers.audience_rules import RuleBook
from trackers.memory import Memory
from trackers.rule_revision import RuleTable

SCRATCH = "replaying.lmdb"
"""Made in the data directory, where the tombstones of forgotten persons are, and removed in the end."""
READ, WRITTEN = 20_000, 2_000
TABLES = ("seen", "clicks")

Say = Callable[[str], None]


@dataclass
class Difference:
    """What the log has more than the memory, or otherwise."""

    events: int = 0
    """Records that were read."""
    facts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    """By table: what the memory lacks, or has otherwise."""
    beyond: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    """By table: what the log does not have any more, or (of a tracker that runs) came since; it stays."""
    persons: int = 0
    """Records that lack impressions, clicks, visits or conversions."""
    several: int = 0
    """Persons with several keys, whose records are left as they are."""
    position: int = 0
    """Up to where the memory says that it has the log."""

    @property
    def any(self) -> bool:
        return bool(self.persons or any(self.facts.values()))


def replay(
    data: Path, log: str, real: ProfileStore, book: RuleBook, say: Say, *, write: bool, records: bool = True
) -> Difference:
    """Compares, and makes good if ``write``: then nobody else may write the log or remember it. Only what the memory
    says that it has is compared, unless it is made good. ``book`` knows what stages conversions bring people to.
    ``records``: the persons' records are in this store.
    """
    directory, scratch = data / "log" / log, data / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        with ProfileStore(scratch, sync=False) as fresh:
            found = Difference(position=_position(real, log))
            found.events, end = _play(directory, fresh, log, book, None if write else found.position, say)
            for table in TABLES:
                _compare_facts(real, fresh, table, found, write=write)
            if records:
                _compare_records(real, fresh, found, write=write)
            if write:
                # records elsewhere lack what came after the position: the tracker applies it when it starts
                _settle(real, log, end if records else found.position or end, records=records)
            return found
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _position(real: ProfileStore, log: str) -> int:
    table = _opened(real, b"checkpoints", write=False)
    if table is None:
        return 0
    with real.env.begin(db=table) as txn:
        return int.from_bytes(txn.get(log.encode(), b""), "big")


def _play(
    directory: Path, fresh: ProfileStore, log: str, book: RuleBook, until: int | None, say: Say
) -> tuple[int, int]:
    """(events, position) of the log as it is; nothing beyond ``until``."""
    memory, reader, count = Memory(fresh, log, book=lambda: book), LogReader(directory), 0
    while True:
        found, position = reader.read(READ, until)
        if not found:
            return count, reader.position
        events = [event for event in map(decode, found) if isinstance(event, Notice | Conversion | Visit)]
        memory.apply(events, position)
        count += len(events)
        if count % (25 * READ) < len(events):
            say(f"{count:,} events read")


def _compare_facts(real: ProfileStore, fresh: ProfileStore, table: str, found: Difference, *, write: bool) -> None:
    theirs, ours = fresh.env.open_db(table.encode()), _opened(real, table.encode(), write=write)
    of_log = 0
    for batch in _batches(fresh.env, theirs):
        lacking = []
        with real.env.begin() as txn:
            for key, value in batch:
                there = None if ours is None else txn.get(key, db=ours)
                of_log += there is not None or write
                if there != value:
                    lacking.append((key, value))
        found.facts[table] += len(lacking)
        if write and lacking:
            with real.write() as txn:
                for key, value in lacking:
                    txn.put(key, value, db=ours)
    if ours is not None:
        with real.env.begin() as txn:
            entries = int(txn.stat(db=ours)["entries"])
        found.beyond[table] = entries - of_log


def _compare_records(real: ProfileStore, fresh: ProfileStore, found: Difference, *, write: bool) -> None:
    for batch in _batches(fresh.env, fresh.profiles):
        changes: list[tuple[int, bytes]] = []
        with real.env.begin(db=real.profiles) as txn:
            for key, value in batch:
                there = txn.get(key)
                if joined(there):
                    found.several += 1
                elif not is_member(there or b"", OPT_OUT) and (new := completed(there or b"", value)) is not None:
                    changes.append((int.from_bytes(key, "big"), new))
        found.persons += len(changes)
        if write and changes:
            with real.write() as txn:
                for person, record in changes:
                    real.edit(txn, person, lambda editor, record=record: editor.load(record))  # type: ignore[misc]


def completed(there: bytes, logged: bytes) -> bytes | None:
    """A record with what the log has more; None: it has nothing more. What cannot be read is begun anew."""
    try:
        record = unpack(there)
    except Unreadable:
        record = Record()
    before, log = pack(record), unpack(logged)
    for scope, times in log.shown.items():
        if _impressions(log, scope) > _impressions(record, scope):
            record.shown[scope] = times
            record.hours.pop(scope, None)
            if scope in log.hours:
                record.hours[scope] = log.hours[scope]
    for kind, told in log.conversions.items():
        known = record.conversions.get(kind, Conversions(0, 0))
        record.conversions[kind] = Conversions(max(known.last_s, told.last_s), max(known.total, told.total))
    for advertiser, standing in log.relations.items():
        known_one = record.relations.get(advertiser)
        record.relations[advertiser] = standing if known_one is None else _later(known_one, standing)
    after = pack(record)
    return after if after != before else None


def _impressions(record: Record, scope: int) -> int:
    return len(record.shown.get(scope, ())) + sum(record.hours.get(scope, {}).values())


def _later(known: Standing, logged: Standing) -> Standing:
    """The stage that was reached last; of everything else the newest."""
    stage = logged if logged.since_s > known.since_s else known
    return stage._replace(
        visited_s=max(known.visited_s, logged.visited_s),
        shown_s=max(known.shown_s, logged.shown_s),
        clicked_s=max(known.clicked_s, logged.clicked_s),
    )


def _settle(real: ProfileStore, log: str, end: int, *, records: bool) -> None:
    """From here on the memory has the log up to there; memberships by rules are made anew by the tracker."""
    checkpoints, rules = real.env.open_db(b"checkpoints"), RuleTable(real.env)
    with real.write() as txn:
        if records:
            rules.put(txn, {})
        txn.put(log.encode(), end.to_bytes(8, "big"), db=checkpoints)


def _opened(store: ProfileStore, name: bytes, *, write: bool) -> lmdb._Database | None:
    try:
        return store.env.open_db(name, create=write)
    except lmdb.NotFoundError:
        return None


def _batches(env: lmdb.Environment, table: lmdb._Database) -> Iterator[list[tuple[bytes, bytes]]]:
    after = b""
    while True:
        with env.begin(db=table) as txn, txn.cursor() as cursor:
            found = (
                [(bytes(key), bytes(value)) for key, value in islice(cursor, WRITTEN)]
                if cursor.set_range(after)
                else []
            )
        yield found
        if len(found) < WRITTEN:
            return
        after = found[-1][0] + b"\0"
