"""Days of the analytics store made anew from event logs and ledger: for rows that were lost, doubled or changed.

Of a day each table is made apart from what the logs have, as far as they were shipped, and compared with what is
there. If they differ it takes the place of the old day at once. Rollups of the day are made anew if they do not agree
with it. What was begun and not completed must be completed before (`Shipper.round`, and then `Shipper.rest`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import msgspec

from domain.clock import SECOND
from domain.events import Event, Name
from eventlog.damage import list_of
from eventlog.reader import LogReader
from eventlog.segments import place_of, position_of, segments
from reporting import rollups
from reporting.config import KeepDays
from reporting.names import Dictionary, of_sites
from reporting.recovery import batch_id
from reporting.retention import kept
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
_LEDGER, _SPARE = "settlements", "_replayed"
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


@dataclass(frozen=True)
class Outcome:
    """Of one day."""

    changes: list[Change]
    """Of all tables that have something, or should."""
    left: dict[str, str]
    """Tables that cannot be made anew, with the reason."""
    grains: list[str]
    """Rollups that do not agree with the facts (as they are, in a comparison)."""

    @property
    def differs(self) -> int:
        """How many tables, and rollups."""
        return sum(change.differs for change in self.changes) + len(self.grains)


class StoreReplay:
    """``sources``: all logs of this host, and the ledger's bookings where this host ships them. Nobody else may ship
    from these into the store meanwhile (`reporting.store_lock`). ``today``, and ``keep``: what is too old is not made.
    Raises Refused if others ship into it, too. `close` it.
    """

    def __init__(
        self, store: Store, sources: Sequence[Source], origin: str, say: Say, today: date, keep: KeepDays
    ) -> None:
        self._store, self._sources, self._say = store, {source.name: source for source in sources}, say
        self._today, self._keep = today, kept(keep)
        self._spares: set[str] = set()
        self._ledger_read = False
        store.settle()
        rows = store.query("SELECT log, max(end) FROM batches GROUP BY log")
        self._shipped = {str(name): int(end) for name, end in rows}
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

    def day(self, day: date, *, write: bool) -> Outcome:
        """Compares a day, and makes it good if ``write``. Raises StoreError."""
        left = self._incomplete(day)
        tables = [name for kind in OF_LOG.values() for name in kind if name not in left]
        self._drop(*(name for name in tables if name != _LEDGER))
        self._fill(day, tables, write=write)
        changes = [change for name in tables if (change := self._compare(_TABLES[name], day))]
        if write:
            for change in changes:
                if change.differs:
                    self._put(change)
        wrong = [grain for grain in self._grains(day) if rollups.differences(self._store, day, grain)]
        if wrong and write:
            with self._store.alone():
                rollups.rebuild(self._store, day, wrong)
            self._say(f"rollups of {day} by {', '.join(wrong)}: made anew")
        return Outcome(changes, left, wrong)

    def close(self) -> None:
        """Drops what was made apart."""
        self._drop(*self._spares.copy())

    def _days(self) -> Iterator[date]:
        of = ", ".join(f"'{self._store.dialect.local(name)}'" for kind in OF_LOG.values() for name in kind)
        active = "SELECT DISTINCT partition FROM system.parts WHERE active AND database = currentDatabase()"
        for (partition,) in self._store.query(f"{active} AND table IN ({of})"):
            yield date.fromisoformat(str(partition))

    def _logs(self) -> list[LogSource]:
        return [source for source in self._sources.values() if isinstance(source, LogSource)]

    def _grains(self, day: date) -> list[str]:
        return [grain for grain in rollups.GRAINS if day >= rollups.first_kept(grain, self._today)]

    def _incomplete(self, day: date) -> dict[str, str]:
        """Tables that the logs do not have the whole of on a day, or that are not kept so long, with the reason."""
        age = (self._today - day).days
        found = {
            name: "not kept any more"
            for kind in OF_LOG.values()
            for name in kind
            if self._keep[name] and age > self._keep[name]
        }
        for name in self._shipped:
            if name not in self._sources:
                found |= dict.fromkeys(OF_LOG.get(_kind(name), ()), f"the log {name} was shipped, and is not there")
        for source in self._logs():
            if why := _lacking(source, day, self._shipped.get(source.name, 0)):
                found |= dict.fromkeys(OF_LOG[_kind(source.name)], f"{source.name} {why}")
        if not any(_kind(name) == "settlements" for name in self._sources):
            found[_LEDGER] = "another host ships the ledger's bookings"
        return found

    def _fill(self, day: date, tables: Sequence[str], *, write: bool) -> None:
        """Makes tables apart that have the day. Bookings of a day are all over the ledger: they are read once, all days
        of them.
        """
        names = Dictionary()
        for name, shipped in self._shipped.items():
            ledger = _kind(name) == "settlements"
            if not set(OF_LOG[_kind(name)]) & {*tables} or (ledger and self._ledger_read):
                continue
            source = self._sources[name]
            low, high = _bounds(source, day) if isinstance(source, LogSource) else (0, shipped)
            for first, last, records in _pieces(source, low, min(high, shipped)):
                made = blocks(records, self._store.dialect)
                if write:
                    names.write(self._store, of_sites(made.sites.items()), 1)
                for block in made.blocks:
                    if block.table.name in tables and (ledger or _date(block.day) == day):
                        apart = replace(block, table=replace(block.table, name=self._spare(block.table.name)))
                        self._store.send(apart, f"replay:{batch_id(name, first, last, block)}")
            self._ledger_read |= ledger

    def _spare(self, name: str) -> str:
        spare = f"{name}{_SPARE}"
        if name not in self._spares:
            self._spares.add(name)
            self._store.command(self._store.dialect.drop(spare))
            self._store.command(self._store.dialect.create(_TABLES[name], spare))
        return spare

    def _drop(self, *names: str) -> None:
        for name in self._spares.intersection(names):
            self._store.command(self._store.dialect.drop(f"{name}{_SPARE}"))
            self._spares.remove(name)

    def _compare(self, table: Table, day: date) -> Change | None:
        columns = ", ".join(f"`{name}`" for name in table.columns if name != "batch")
        asked = f"SELECT count(), sum(cityHash64({columns})) FROM {{}} WHERE day = toDate('{day}')"
        before, old = map(int, self._store.query(asked.format(self._store.dialect.local(table.name)))[0])
        after = new = 0
        if table.name in self._spares:
            after, new = map(int, self._store.query(asked.format(self._spare(table.name)))[0])
        if not before and not after:
            return None
        return Change(table.name, day, before, after, (before, old) != (after, new))

    def _put(self, change: Change) -> None:
        if change.after:
            spare = self._spare(change.table)
            table = self._store.dialect.local(change.table)
            self._store.command(f"ALTER TABLE {table} REPLACE PARTITION '{change.day}' FROM {spare}")
        else:  # current engines refuse to put an empty partition into another's place
            self._store.command(self._store.dialect.drop_partition(change.table, change.day))
        self._say(f"{change.table} of {change.day}: {change.before:,} rows, now {change.after:,}")


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
    of_day = [n for n in range(needed, place_of(min(high, shipped))[0] + 1) if position_of(n) < high]
    if gone := [n for n in of_day if n not in there]:
        return f"does not have segment {gone[0]} any more"
    lost = [n for n in of_day if list_of(source.directory, n).exists()]  # the store may have it still
    return f"is damaged in segment {lost[0]}" if lost else ""


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
