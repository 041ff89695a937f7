"""Plain counts of the event logs, by hour and account: what the analytics store's rows are compared with.

The logs are read a second time, by nothing of what ships them, up to where they were shipped. What a reading counts
goes into the table ``tallies`` as one block that names the stretch of the log, so that no crash counts a record twice:
the next reading begins at the end of the last one that the table has.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from domain.clock import SECOND
from domain.events import NOT_COUNTED, Bid, Conversion, Event, Kind, Name, NoBid, Notice, Visit, decode
from eventlog.reader import LogCorrupt, LogReader
from eventlog.segments import place_of, segments
from reporting.schema import Table
from reporting.store import Store

HOUR_NS = 3_600 * SECOND
READ = 50_000
"""Records read at once."""
GAPS = "gaps"
"""Stands where a table's name does, for segments that are not there."""
TALLIES = Table(
    "tallies",
    {
        "log": "String",
        "fact": "word",
        "hour": "UInt32",
        "advertiser": "UInt32",
        "rows": "Int64",
        "counted": "Int64",
        "amount": "Int64",
        "billable": "Int64",
        "newest_ns": "UInt64",
        "start": "UInt64",
        "end": "UInt64",
    },
    ("log", "hour", "fact", "advertiser"),
)
"""What was counted between two positions of a log. ``hour`` is counted from 1970 in UTC, ``newest_ns`` the time of the
newest event before ``end``. The first row of a stretch has no ``fact``: it stands for the stretch.
"""
NOTICES = {
    Kind.WIN: "wins",
    Kind.BILLING: "billings",
    Kind.LOSS: "losses",
    Kind.IMPRESSION: "impressions",
    Kind.CLICK: "clicks",
    Kind.EVENT: "events",
}
_NOT_COUNTED = int(NOT_COUNTED)

Key = tuple[str, int, int]
"""fact, hour, advertiser (0 where there is none)"""

log = logging.getLogger(__name__)


@dataclass
class Tally:
    """``amount``: sum of prices of bids and notices, of values of conversions, of weights of no-bids. ``billable``:
    notices that the ledger books.
    """

    rows: int = 0
    counted: int = 0
    amount: int = 0
    billable: int = 0

    def add(self, other: "Tally") -> None:
        self.rows += other.rows
        self.counted += other.counted
        self.amount += other.amount
        self.billable += other.billable


@dataclass
class Reach:
    """How far a log was counted."""

    end: int = 0
    newest_ns: int = 0
    waiting: bool = False
    """There is more of it, or there may be."""
    trouble: str = ""
    """Why it could not be read on."""


def count(events: list[Event], into: dict[Key, Tally]) -> int:
    """Adds up events; returns the time of the newest."""
    newest = 0
    for event in events:
        fact, at_ns, advertiser, counts, amount, billable = _facts(event)
        if not fact or at_ns // HOUR_NS >> 32:
            continue
        tally = into[fact, at_ns // HOUR_NS, advertiser]
        tally.rows += 1
        tally.counted += counts
        tally.amount += amount
        tally.billable += billable
        newest = max(newest, at_ns)
    return newest


def _facts(event: Event) -> tuple[str, int, int, bool, int, bool]:
    """(table, time, advertiser, whether it counts, amount, whether the ledger books it)"""
    match event:
        case Notice():
            counts = not event.marks & _NOT_COUNTED
            fact = NOTICES.get(Kind(event.kind), "") if 0 < event.kind <= Kind.EVENT else ""
            books = counts and event.kind == event.basis
            return fact, event.received_ns, event.advertiser, counts, event.price, books
        case Bid():
            return "bids", event.time_ns, event.advertiser, not event.test, event.price, False
        case NoBid():
            return "no_bids", event.time_ns, 0, True, event.weight, False
        case Conversion():
            counts = not event.marks & _NOT_COUNTED
            return "conversions", event.received_ns, event.advertiser, counts, event.value, False
        case Visit():
            return "visits", event.received_ns, event.advertiser, not event.marks & _NOT_COUNTED, 0, False
        case Name():
            return "", 0, 0, False, 0, False


def directories(data: Path, origin: str) -> dict[str, Path]:
    """This host's logs, by the names that the store knows them by."""
    found = sorted(mark.parent for mark in (data / "log").glob("*/*/published"))
    return {f"{origin}/{path.parent.name}/{path.name}": path for path in found}


def read(store: Store, data: Path, origin: str, shipped: Mapping[str, int]) -> dict[str, Reach]:
    """Counts this host's logs on, each up to where it was ``shipped``; says how far all logs of the store have come.
    Raises StoreError.
    """
    reaches = reached(store)
    for name, directory in directories(data, origin).items():
        reach = reaches.setdefault(name, Reach())
        try:
            for stretch in _stretches(directory, reach.end, shipped.get(name, 0)):
                stretch.newest_ns = max(stretch.newest_ns, reach.newest_ns)
                _put(store, name, stretch)
                reach.end, reach.newest_ns = stretch.end, stretch.newest_ns
            reach.waiting = LogReader(directory, reach.end).behind() > 0
        except (OSError, LogCorrupt) as error:
            reach.trouble, reach.waiting = str(error), True
    return reaches


def reached(store: Store) -> dict[str, Reach]:
    """How far each log has been counted, of all that were ever shipped; what was shipped since then is ``waiting``."""
    found: dict[str, Reach] = {}
    for name, end, newest_ns in store.query("SELECT log, max(end), max(newest_ns) FROM tallies GROUP BY log"):
        found[str(name)] = Reach(int(end), int(newest_ns))
    for name, end in store.query("SELECT log, max(end) FROM batches GROUP BY log"):
        if not str(name).endswith("/settlements"):
            reach = found.setdefault(str(name), Reach())
            reach.waiting = int(end) > reach.end
    return found


def tallied(store: Store, first: int, last: int) -> dict[Key, Tally]:
    """What the logs have of these hours, both included."""
    rows = store.query(
        "SELECT fact, hour, advertiser, sum(rows), sum(counted), sum(amount), sum(billable) FROM tallies"
        " WHERE fact != '' AND hour >= %(first)s AND hour <= %(last)s GROUP BY fact, hour, advertiser",
        {"first": first, "last": last},
    )
    return {(str(fact), int(hour), int(who)): Tally(*map(int, sums)) for fact, hour, who, *sums in rows}


@dataclass
class _Stretch:
    start: int
    end: int
    newest_ns: int
    tallies: dict[Key, Tally]


def _stretches(directory: Path, start: int, until: int) -> Iterator[_Stretch]:
    """What there is of a log between two positions, counted in pieces that fit into memory."""
    reader = LogReader(directory, start)
    while True:
        begin, tallies, newest = reader.position, defaultdict[Key, Tally](Tally), 0
        for _ in range(40):
            before = reader.position
            records, after = reader.read(READ, until)
            if not records:
                break
            events = [event for record in records if (event := _decoded(record)) is not None]
            at_ns = count(events, tallies)
            newest = max(newest, at_ns)
            if missing := _missing(directory, before, after):
                tallies[GAPS, at_ns // HOUR_NS, 0].rows += missing
        if reader.position == begin:
            return
        yield _Stretch(begin, reader.position, newest, tallies)


def _decoded(record: bytes) -> Event | None:
    """None for what is no event; the shipper puts it aside and says so."""
    try:
        event: Event = decode(record)
        return event
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _missing(directory: Path, before: int, after: int) -> int:
    """How many segments are not there between two positions. The first ones that a log still has are its beginning."""
    here, there = place_of(before)[0], place_of(after)[0]
    if not here or here == there:
        return 0
    return there - here - sum(here < number < there for number in segments(directory)) - 1


def _put(store: Store, name: str, stretch: _Stretch) -> None:
    rows = [("", 0, 0, Tally()), *((*key, tally) for key, tally in sorted(stretch.tallies.items()))]
    columns: dict[str, list[Any]] = {
        "log": [name] * len(rows),
        "fact": [row[0] for row in rows],
        "hour": [row[1] for row in rows],
        "advertiser": [row[2] for row in rows],
        "rows": [row[3].rows for row in rows],
        "counted": [row[3].counted for row in rows],
        "amount": [row[3].amount for row in rows],
        "billable": [row[3].billable for row in rows],
        "newest_ns": [stretch.newest_ns] * len(rows),
        "start": [stretch.start] * len(rows),
        "end": [stretch.end] * len(rows),
    }
    store.insert(TALLIES, columns, f"tally:{name}:{stretch.start}-{stretch.end}")


def unshipped(data: Path, origin: str, shipped: Mapping[str, int]) -> Iterator[tuple[str, int, str]]:
    """Of this host's logs that have more than was shipped: (log, time of the first event that was not, why it cannot be
    read if it cannot).
    """
    for name, directory in directories(data, origin).items():
        try:
            records, _ = LogReader(directory, shipped.get(name, 0)).read(20)
        except (OSError, LogCorrupt) as error:
            yield name, 0, str(error)
            continue
        times = (_facts(event)[1] for record in records if (event := _decoded(record)) is not None)
        if oldest := next((at_ns for at_ns in times if at_ns), 0):
            yield name, oldest, ""
