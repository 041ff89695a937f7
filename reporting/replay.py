"""Days of the analytics store made anew from event logs and ledger: for rows that were lost, doubled or changed.

Of a day each table is made apart from what the logs have, as far as they were shipped, and compared with what is
there. If they differ it takes the place of the old day at once. Rollups of the day are made anew if they do not agree
with it. What was begun and not completed must be completed before (`Shipper.round`, and then `Shipper.rest`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import msgspec

from domain.clock import SECOND
from domain.events import Event, Name
from eventlog.reader import LogReader
from eventlog.segments import place_of, position_of, segments
from reporting import rollups
from reporting.names import Dictionary, of_sites
from reporting.recovery import batch_id
from reporting.rows import blocks
from reporting.schema import FACTS, Table
from reporting.sources import LogSource, Source
from reporting.store import Store

OF_LOG = {
    "bids": ("bids", "no_bids"),
    "money": ("wins", "billings", "losses", "impressions", "clicks", "events", "conversions", "visits"),
    "settlements": ("settlements",),
}
"""Which tables a log's records go into, by its kind."""
READ = 50_000
SLACK_NS = 3_600 * SECOND
"""Records are logged in the order of their times, but for less than this."""
_DAY_NS = 86_400 * SECOND
_TABLES = {table.name: table for table in FACTS}
_decode = msgspec.msgpack.Decoder(Event).decode

Say = Callable[[str], None]


class Refused(Exception):
    """It cannot be done as things are; the text says what to do."""


@dataclass(frozen=True)
class Change:
    """``before`` and ``after``: rows of a table on a day. ``differs``: they are not the same, be it in one number."""

    table: str
    day: date
    before: int
    after: int
    differs: bool


class StoreReplay:
    """``sources``: all logs of this host, and the ledger's bookings where this host ships them. Nobody else may ship
    from these into the store meanwhile (`reporting.store_lock`). Raises Refused if others ship into it.
    """

    def __init__(self, store: Store, sources: Sequence[Source], origin: str, say: Say) -> None:
        self._store, self._sources, self._say = store, {source.name: source for source in sources}, say
        store.settle()
        self._shipped = {
            str(name): int(end) for name, end in store.query("SELECT log, max(end) FROM batches GROUP BY log")
        }
        others = {name.partition("/")[0] for name in self._shipped} - {origin}
        if others:
            raise Refused(f"hosts with other logs ship into this store, too: {', '.join(sorted(others))}")
        if not self._shipped and any(self._days()):
            raise Refused("the store has facts, and nothing says from where they are: empty it, and it is filled again")

    def days(self) -> list[date]:
        """Of which there are facts, or of which the logs have some that were shipped."""
        found = set(self._days())
        for source in self._logs():
            times = [at_ns for _, at_ns in _beginnings(source)]
            if times and self._shipped.get(source.name):
                first_day, last_day = times[0] // _DAY_NS, max(times) // _DAY_NS + 1
                found |= {_date(day) for day in range(first_day, last_day + 1)}
        return sorted(found)

    def day(self, day: date, *, write: bool) -> tuple[list[Change], dict[str, str]]:
        """Compares a day, and makes it good if ``write``. Returns the tables, and those that cannot be made with the
        reason. Raises StoreError.
        """
        kept_back = self._incomplete(day)
        tables = [t for kind in OF_LOG.values() for t in kind if t not in kept_back]
        spares = {name: f"{name}_replayed" for name in tables}
        for name, spare in spares.items():
            self._store.command(self._store.dialect.drop(spare))
            self._store.command(self._store.dialect.create(_TABLES[name], spare))
        try:
            self._fill(day, spares, write=write)
            changes = [self._compare(_TABLES[name], spare, day) for name, spare in spares.items()]
            changes = [change for change in changes if change.before or change.after]
            if write:
                for change in changes:
                    if change.differs:
                        self._put(change, spares[change.table])
                self._roll_up(day)
            return changes, kept_back
        finally:
            for spare in spares.values():
                self._store.command(self._store.dialect.drop(spare))

    def _days(self) -> Iterator[date]:
        rows = self._store.query(
            "SELECT DISTINCT partition FROM system.parts WHERE active AND database = currentDatabase() AND table IN ("
            + ", ".join(f"'{name}'" for kind in OF_LOG.values() for name in kind)
            + ")"
        )
        for (partition,) in rows:
            yield date.fromisoformat(str(partition))

    def _logs(self) -> list[LogSource]:
        return [source for source in self._sources.values() if isinstance(source, LogSource)]

    def _incomplete(self, day: date) -> dict[str, str]:
        """Tables that the logs do not have the whole of on a day, with the reason."""
        found: dict[str, str] = {}
        for name in self._shipped:
            kind = _kind(name)
            if name not in self._sources:
                found |= dict.fromkeys(OF_LOG.get(kind, ()), f"the log {name} was shipped, and is not there")
        for source in self._logs():
            if why := _lacking(source, day, self._shipped.get(source.name, 0)):
                found |= dict.fromkeys(OF_LOG[_kind(source.name)], f"{source.name} {why}")
        if not any(_kind(name) == "settlements" for name in self._sources):
            found["settlements"] = "another host ships the ledger's bookings"
        return found

    def _fill(self, day: date, spares: Mapping[str, str], *, write: bool) -> None:
        names = Dictionary()
        for name, shipped in self._shipped.items():
            if not set(OF_LOG[_kind(name)]) & spares.keys():
                continue
            source = self._sources[name]
            low, high = _bounds(source, day) if isinstance(source, LogSource) else (0, shipped)
            for first, last, records in _pieces(source, low, min(high, shipped)):
                made = blocks(records, self._store.dialect)
                if write:
                    names.write(self._store, of_sites(made.sites.items()), 1)
                for block in made.blocks:
                    if _date(block.day) == day and block.table.name in spares:
                        apart = replace(block, table=replace(block.table, name=spares[block.table.name]))
                        self._store.send(apart, f"replay:{batch_id(name, first, last, block)}")

    def _compare(self, table: Table, spare: str, day: date) -> Change:
        columns = ", ".join(f"`{name}`" for name in table.columns if name != "batch")
        asked = f"SELECT count(), sum(cityHash64({columns})) FROM {{}} WHERE day = toDate('{day}')"
        (before, old), (after, new) = (
            map(int, self._store.query(asked.format(name))[0]) for name in (table.name, spare)
        )
        return Change(table.name, day, before, after, (before, old) != (after, new))

    def _put(self, change: Change, spare: str) -> None:
        if change.after:
            self._store.command(f"ALTER TABLE {change.table} REPLACE PARTITION '{change.day}' FROM {spare}")
        else:  # current engines refuse to put an empty partition into another's place
            self._store.command(self._store.dialect.drop_partition(change.table, change.day))
        self._say(f"{change.table} of {change.day}: {change.before:,} rows, now {change.after:,}")

    def _roll_up(self, day: date) -> None:
        there = {grain for grain in rollups.GRAINS if self._has(rollups.ROLLUPS[grain].name, day) or grain == "day"}
        wrong = [grain for grain in rollups.GRAINS if grain in there and rollups.differences(self._store, day, grain)]
        if wrong:
            with self._store.alone():
                rollups.rebuild(self._store, day, wrong)
            self._say(f"rollups of {day} by {', '.join(wrong)}: made anew")

    def _has(self, table: str, day: date) -> bool:
        rows = self._store.query(f"SELECT count() FROM {table} WHERE day = toDate('{day}')")
        return int(rows[0][0]) > 0


def _kind(name: str) -> str:
    """``<origin>/bids/0`` -> ``bids``"""
    return name.split("/")[1]


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND


def _date(number: int) -> date:
    return datetime.fromtimestamp(number * 86_400, UTC).date()


def _pieces(source: Source, start: int, end: int) -> Iterator[tuple[int, int, list[bytes]]]:
    """(start, end, records) of a stretch, bit by bit."""
    at = start
    while at < end:
        records, after = source.read(at, READ, end)
        if after == at:
            return
        yield at, after, records
        at = after


def _beginnings(source: LogSource) -> Iterator[tuple[int, int]]:
    """(position, time of the first record that tells one) of each segment that there is."""
    for number in segments(source.directory):
        position = position_of(number)
        records, _ = LogReader(source.directory, position).read(100, position_of(number + 1))
        times = (_time_of(record) for record in records)
        if at_ns := next((at_ns for at_ns in times if at_ns), 0):
            yield position, at_ns


def _lacking(source: LogSource, day: date, shipped: int) -> str:
    """Why a log does not have the whole of a day, as far as it was shipped; empty: it has."""
    if not shipped:
        return ""
    low, high = _bounds(source, day)
    needed, there = place_of(low)[0] or 1, set(segments(source.directory))
    first = next(_beginnings(source), None)
    if not place_of(low)[0] and first is not None and first[1] <= _midnight(day):
        needed = place_of(first[0])[0]
    gone = [n for n in range(needed, place_of(min(high, shipped))[0] + 1) if n not in there and position_of(n) < high]
    return f"does not have segment {gone[0]} any more" if gone else ""


def _bounds(source: LogSource, day: date) -> tuple[int, int]:
    """The positions between which all records of a day are."""
    begins, ends = _midnight(day) - SLACK_NS, _midnight(day) + _DAY_NS + SLACK_NS
    low, high = 0, 1 << 62
    for position, at_ns in _beginnings(source):
        if at_ns <= begins:
            low = position
        elif at_ns >= ends:
            return low, position
    return low, high


def _time_of(record: bytes) -> int:
    try:
        event = _decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0
    if isinstance(event, Name):
        return 0
    return int(getattr(event, "received_ns", 0) or getattr(event, "time_ns", 0))


def days_of(changes: Iterable[Change]) -> list[date]:
    """On which something differs."""
    return sorted({change.day for change in changes if change.differs})
