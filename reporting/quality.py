"""Data quality: do event logs, ledger and analytics store say the same, hour by hour and account by account?

Hours are checked once all that is of them must be everywhere: each log was counted beyond the hour's end, or to its own
end; the ledger has booked beyond it; and of the ledger's bookings only those are looked at that were shipped. What is
found is looked at a second time before it is said, so nothing that was on its way between two queries is a finding.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import asdict

from domain.clock import SECOND, Clock
from pacing.protocol import LedgerHour, LedgerHours
from reporting import rollups, tallies
from reporting.config import KeepDays
from reporting.counting import COUNTED
from reporting.findings import CHECKS, Finding, Report, hour_text, text_of
from reporting.quality_checks import Breach, Hours, breaches, hour_of, nameless, rolled_up
from reporting.retention import kept
from reporting.schema import ATTRIBUTIONS, FACTS, SETTLEMENTS, Table
from reporting.store import Store
from reporting.tallies import GAPS, HOUR_NS, Key, Reach, Tally

MOST_FINDINGS = 500
MOST_HOURS = 24 * 32
"""Checked at once."""
LOOK_AGAIN_S = 1.0
FOR_EVER = KeepDays(0, 0, 0)
_ORDER = list(CHECKS)
_AMOUNTS = {"bids": ("test = 0", "price"), "no_bids": ("1", "toInt64(weight)"), "conversions": (COUNTED, "value"),
            "visits": (COUNTED, "toInt64(0)")}  # fmt: skip


class Ledger(Protocol):
    """Control, as far as it is asked."""

    def hours(self, first: int, last: int, through: int) -> LedgerHours: ...


class Asked:
    """Control over HTTP. Raises OSError, msgspec.DecodeError."""

    def __init__(self, control_base: str, ask: Callable[[str], bytes]) -> None:
        self._url, self._ask = f"{control_base}/v1/settlements/hours", ask
        self._decode = msgspec.json.Decoder(LedgerHours).decode

    def hours(self, first: int, last: int, through: int) -> LedgerHours:
        return self._decode(self._ask(f"{self._url}?first={first}&last={last}&through={through}"))


class Auditor:
    """Belongs to one thread; ``store`` is a connection of its own. ``shipped`` tells up to where each source is in the
    store for certain; bookings are the source ``<origin>/settlements``. Without ``ledger`` money is not compared.
    """

    def __init__(
        self,
        store: Store,
        data: Path,
        origin: str,
        shipped: Callable[[], Mapping[str, int]],
        clock: Clock,
        ledger: Ledger | None,
        *,
        grace_s: float = 300.0,
        fresh_s: float = 900.0,
        tolerated: float = 0.02,
        keep: KeepDays = FOR_EVER,
    ) -> None:
        self._store, self._data, self._origin, self._shipped = store, data, origin, shipped
        self._clock, self._ledger, self._fresh_s, self._tolerated = clock, ledger, fresh_s, tolerated
        self._kept = kept(keep)
        self._grace_ns = int(max(grace_s, clock.speed) * SECOND)  # compressed days: at least a real second
        self._since: dict[tuple[str, str, str, int], str] = {}

    def count(self) -> dict[str, Reach]:
        """Counts this host's logs on."""
        return tallies.read(self._store, self._data, self._origin, self._shipped())

    def closed(self) -> int:
        """The newest hour that is over, by the clock alone."""
        return (self._clock.now_ns() - self._grace_ns) // HOUR_NS - 1

    def run(self, hours: Iterable[int]) -> Report:
        """Checks these hours, as far as they can be. Raises StoreError."""
        now_ns = self._clock.now_ns()
        closed = self.closed()
        wanted = sorted(hour for hour in set(hours) if hour <= closed)[-MOST_HOURS:]
        reaches = self.count()
        through = self._shipped().get(f"{self._origin}/settlements", 0)
        ready: list[int] = []
        pending: dict[int, str] = {}
        for stretch in stretches(wanted):
            booked, reason = self._booked(stretch, through)
            late = self._pending(stretch, reaches, reason, booked)
            pending |= late
            ready += [hour for hour in range(stretch.first, stretch.last + 1) if hour not in late]
        found = list(self._look(ready, reaches, through, now_ns))
        if found:
            time.sleep(LOOK_AGAIN_S)
            again = set(self._look(ready, reaches, through, now_ns))
            found = [one for one in found if one in again]
        at = text_of(now_ns)
        self._since = {one.identity: self._since.get(one.identity, at) for one in found}
        found = [msgspec.structs.replace(one, since=self._since[one.identity]) for one in found]
        found.sort(key=lambda one: (_ORDER.index(one.check), one.hour, one.account, one.what))
        return Report(
            at,
            hour_text(ready[0]) if ready else "",
            hour_text(ready[-1]) if ready else "",
            len(ready),
            {hour_text(hour): why for hour, why in pending.items()},
            tuple(found[:MOST_FINDINGS]),
            max(0, len(found) - MOST_FINDINGS),
            self._newest(now_ns),
        )

    def known(self, findings: Iterable[Finding]) -> None:
        """Findings of an earlier run, whose ``since`` stays."""
        self._since |= {one.identity: one.since for one in findings}

    def _booked(self, hours: Hours, through: int) -> tuple[dict[str, LedgerHours], str]:
        """What control says of these hours, ``all`` and as far as it was ``shipped``; or why it says nothing."""
        if self._ledger is None:
            return {}, ""
        try:
            shipped = self._ledger.hours(hours.first, hours.last, through)
            return {"all": self._ledger.hours(hours.first, hours.last, 2**63 - 1), "shipped": shipped}, ""
        except (OSError, msgspec.DecodeError) as error:
            return {}, f"control does not answer: {error}"

    def _pending(
        self, hours: Hours, reaches: Mapping[str, Reach], reason: str, booked: Mapping[str, LedgerHours]
    ) -> dict[int, str]:
        found: dict[int, str] = {}
        for hour in range(hours.first, hours.last + 1):
            past_ns = (hour + 1) * HOUR_NS + self._grace_ns
            late = [name for name, reach in reaches.items() if reach.waiting and reach.newest_ns < past_ns]
            if late:
                found[hour] = f"{late[0]} is not in the store beyond the hour"
            elif reason:
                found[hour] = reason
            elif booked and booked["all"].settled_ns < past_ns:
                found[hour] = "the ledger has not booked beyond the hour"
        return found

    def _look(
        self,
        ready: list[int],
        reaches: Mapping[str, Reach],
        through: int,
        now_ns: int,
    ) -> Iterator[Finding]:
        yield from self._troubles(reaches, now_ns)
        for hours in stretches(ready):
            logged = tallies.tallied(self._store, hours.first, hours.last)
            for (fact, hour, _), tally in logged.items():
                if fact == GAPS:
                    yield _finding("log_gaps", "segments that are not there", hour, 0, 0, tally.rows)
            yield from self._rows(hours, logged, self._gone(hours, now_ns))
            booked, _ = self._booked(hours, through)
            if booked:
                yield from self._money(hours, logged, booked, through)
            for grain in self._grains(hours, now_ns):
                gone = self._gone(hours, now_ns)
                for figure, hour, who, expected, found in rolled_up(self._store, hours, grain, gone):
                    yield _finding("rollups", f"{figure} of delivery_{grain}", hour, who, expected, found)
            broken = breaches(self._store, hours, self._tolerated)
            for breach in (*broken, *nameless(self._store, hours)):
                yield _of_breach(breach)
            yield from self._days(hours)

    def _troubles(self, reaches: Mapping[str, Reach], now_ns: int) -> Iterator[Finding]:
        troubles = {name: reach.trouble for name, reach in reaches.items() if reach.trouble}
        behind_ns = now_ns - int(max(self._fresh_s, self._clock.speed) * SECOND)
        for name, oldest_ns, trouble in tallies.unshipped(self._data, self._origin, self._shipped()):
            if trouble:
                troubles.setdefault(name, trouble)
            elif oldest_ns < behind_ns:
                yield Finding("freshness", name, "", 0, 0, (now_ns - oldest_ns) // SECOND, "")
        for name, trouble in troubles.items():
            yield Finding("log_unreadable", f"{name}: {trouble}", "", 0, 0, 1, "")

    def _gone(self, hours: Hours, now_ns: int) -> set[str]:
        """Tables whose facts of these hours may be too old to be kept (`reporting.retention`)."""
        age = now_ns // (24 * HOUR_NS) - hours.first // 24
        return {table for table, days in self._kept.items() if days and age > days}

    def _rows(self, hours: Hours, logged: Mapping[Key, Tally], gone: Collection[str]) -> Iterator[Finding]:
        for table in FACTS:
            if table in (SETTLEMENTS, ATTRIBUTIONS) or table.name in gone:
                continue
            stored = self._stored(table, hours)
            told = {key[1:]: tally for key, tally in logged.items() if key[0] == table.name}
            for hour, who in sorted(stored.keys() | told.keys()):
                expected, found = told.get((hour, who), Tally()), stored.get((hour, who), Tally())
                for figure in ("rows", "counted", "amount"):
                    if getattr(expected, figure) != getattr(found, figure):
                        values = getattr(expected, figure), getattr(found, figure)
                        yield _finding("store_rows", f"{figure} of {table.name}", hour, who, *values)

    def _stored(self, table: Table, hours: Hours) -> dict[tuple[int, int], Tally]:
        counts, amount = _AMOUNTS.get(table.name, (COUNTED, "price"))
        who = "advertiser" if "advertiser" in table.columns else "toUInt32(0)"
        rows = self._store.query(
            f"SELECT {hour_of(table.clock)} AS hour, {who} AS who, count(), countIf({counts}), sum({amount})"
            f" FROM {table.name} WHERE {hours.of(table.clock)} GROUP BY hour, who"
        )
        return {(int(hour), int(of)): Tally(*map(int, sums)) for hour, of, *sums in rows}

    def _money(
        self, hours: Hours, logged: Mapping[Key, Tally], booked: Mapping[str, LedgerHours], through: int
    ) -> Iterator[Finding]:
        names = LedgerHour.__struct_fields__[2:]
        rows = self._store.query(
            f"SELECT {hour_of('received_ns')} AS hour, advertiser, count(), countIf(number = 0), sum(price),"
            f" sum(account_price), sum(fees) FROM settlements WHERE {hours.of('received_ns')} AND id <= {through}"
            " GROUP BY hour, advertiser"
        )
        stored = {(int(hour), int(who)): dict(zip(names, map(int, sums), strict=True)) for hour, who, *sums in rows}
        ledger = {(row.hour, row.advertiser): asdict(row) for row in booked["shipped"].rows}
        nothing = dict.fromkeys(names, 0)
        for key in sorted(stored.keys() | ledger.keys()):
            if hours.first <= key[0] <= hours.last:
                expected, found = ledger.get(key, nothing), stored.get(key, nothing)
                for name in names:
                    if expected[name] != found[name]:
                        yield _finding("ledger_store", f"{name} of settlements", *key, expected[name], found[name])
        billable: Counter[tuple[int, int]] = Counter()
        for (_, hour, who), tally in logged.items():
            billable[hour, who] += tally.billable
        billed = {(row.hour, row.advertiser): row.billed for row in booked["all"].rows}
        for key in sorted(billable.keys() | billed.keys()):
            if hours.first <= key[0] <= hours.last and billable[key] != billed.get(key, 0):
                yield _finding("ledger_log", "bids that were billed", *key, billable[key], billed.get(key, 0))

    def _grains(self, hours: Hours, now_ns: int) -> list[str]:
        """Of which rollups the hours are still kept."""
        today = datetime.fromtimestamp(now_ns // SECOND, UTC).date()
        begins = datetime.fromtimestamp(hours.first * 3_600, UTC).date()
        return [
            grain for grain, days in rollups.KEPT_DAYS.items() if begins >= today - timedelta(days=max(0, days - 1))
        ]

    def _days(self, hours: Hours) -> Iterator[Finding]:
        """Rollups by day, of the days that are wholly within these hours."""
        for day in range(-(-hours.first // 24), (hours.last + 1) // 24):
            of = datetime.fromtimestamp(day * 86_400, UTC).date()
            for figure, (expected, found) in rollups.differences(self._store, of, "day").items():
                yield _finding("rollups", f"{figure} of delivery_day", day * 24, 0, expected, found)

    def _newest(self, now_ns: int) -> dict[str, str]:
        since = datetime.fromtimestamp(now_ns // SECOND - 2 * 86_400, UTC).date()
        asked = " UNION ALL ".join(
            f"SELECT '{table.name}' AS name, max({table.clock}) AS newest FROM {table.name}"
            f" WHERE day >= toDate('{since}')"
            for table in FACTS
        )
        told = {str(name): int(newest) for name, newest in self._store.query(asked)}
        return {table.name: text_of(newest) if (newest := told.get(table.name, 0)) else "" for table in FACTS}


def stretches(hours: list[int]) -> Iterator[Hours]:
    """Hours that follow each other, together."""
    begin = 0
    for place in range(1, len(hours) + 1):
        if place == len(hours) or hours[place] != hours[place - 1] + 1:
            yield Hours(hours[begin], hours[place - 1])
            begin = place


def _finding(check: str, what: str, hour: int, account: int, expected: int, found: int) -> Finding:
    return Finding(check, what, hour_text(hour), account, expected, found, "")


def _of_breach(breach: Breach) -> Finding:
    return _finding(breach.check, breach.what, breach.hour, breach.account, 0, breach.bad)
