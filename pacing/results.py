"""What came of impressions, by line item and creative: the counts that priors and goals are worked out from.

They are taken from the same money logs, in the same transactions, as what is booked, so that neither a crash nor a
restart loses or doubles one. Conversions count where the click they came from is known, and only those that the line
item's strategy means.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, select

from domain.attribution import resolved
from domain.campaign import Snapshot
from domain.events import NOT_COUNTED, Conversion, Event, Kind, Notice
from domain.money import RATE_UNIT
from pacing import bulk
from pacing.tables import results

_NOT_COUNTED = int(NOT_COUNTED)
_IMPRESSION, _CLICK = int(Kind.IMPRESSION), int(Kind.CLICK)
SUMS = ("impressions", "clicks", "conversions", "value", "valued")
MOST_DELAYS = 500
"""Conversions of a line item whose delays are kept."""


@dataclass
class Result:
    """Of one creative in a line item, or of a line item. ``value``: nanos of the advertiser's currency."""

    impressions: int = 0
    clicks: int = 0
    conversions: int = 0
    value: int = 0
    valued: int = 0
    """Conversions that told a value."""

    def add(self, other: "Result") -> None:
        self.impressions += other.impressions
        self.clicks += other.clicks
        self.conversions += other.conversions
        self.value += other.value
        self.valued += other.valued


class Delay(NamedTuple):
    """Of a conversion."""

    click_ns: int
    received_ns: int


@dataclass
class Results:
    of: dict[tuple[int, int], Result] = field(default_factory=dict)
    """By line item and creative."""
    lines: dict[int, Result] = field(default_factory=dict)
    """By line item."""
    delays: dict[int, deque[Delay]] = field(default_factory=dict)
    """Of the newest conversions of each line item that nobody has taken yet."""
    windows_s: dict[int, float] = field(default_factory=dict)
    """By line item: how long after a click conversions count."""
    _meant: dict[int, str] = field(default_factory=dict)
    """By line item: the conversion that counts; empty: every one."""
    _currency: dict[int, str] = field(default_factory=dict)
    _rates: dict[tuple[str, str], int] = field(default_factory=dict)

    def plan(self, snapshot: Snapshot) -> None:
        """Takes over what line items mean by a conversion, and in which currency its value is kept."""
        owners = {one.id: one for one in snapshot.advertisers}
        campaigns = {one.id: owners[one.advertiser].currency for one in snapshot.campaigns}
        rules = {c.id: resolved([c.attribution, owners[c.advertiser].attribution]) for c in snapshot.campaigns}
        self.windows_s = {item.id: rules[item.campaign].click_ns / 1e9 for item in snapshot.line_items}
        self._meant = {item.id: item.strategy.conversion for item in snapshot.line_items}
        self._currency = {item.id: campaigns[item.campaign] for item in snapshot.line_items}
        self._rates = {(rate.base, rate.quote): rate.per_unit for rate in snapshot.rates}

    def load(self, conn: Connection) -> None:
        """Reads what is stored, in place of what is here."""
        self.of.clear()
        self.lines.clear()
        for line_item, creative, *counts in conn.execute(select(results)):
            self._add(line_item, creative, Result(*counts))

    def take(self, conn: Connection, events: Iterable[Event]) -> None:
        """Counts a batch, here and in the store."""
        fresh: dict[tuple[int, int], Result] = {}
        for event in events:
            if isinstance(event, Notice):
                self._notice(event, fresh)
            elif isinstance(event, Conversion):
                self._conversion(event, fresh)
        rows = [
            {"line_item": line_item, "creative": creative} | {name: getattr(more, name) for name in SUMS}
            for (line_item, creative), more in fresh.items()
        ]
        bulk.add_up(conn, results, rows, SUMS)
        for (line_item, creative), more in fresh.items():
            self._add(line_item, creative, more)

    def take_delays(self, line_item: int) -> tuple[Delay, ...]:
        """Those that have come since the last time."""
        return tuple(self.delays.pop(line_item, ()))

    def line(self, line_item: int) -> Result:
        return self.lines.get(line_item) or Result()

    def _notice(self, notice: Notice, fresh: dict[tuple[int, int], Result]) -> None:
        if notice.marks & _NOT_COUNTED or notice.kind not in (_IMPRESSION, _CLICK):
            return
        into = fresh.setdefault((notice.line_item, notice.creative), Result())
        if notice.kind == _IMPRESSION:
            into.impressions += 1
        else:
            into.clicks += 1

    def _conversion(self, conversion: Conversion, fresh: dict[tuple[int, int], Result]) -> None:
        meant = self._meant.get(conversion.line_item)
        if conversion.marks & _NOT_COUNTED or not conversion.bid or meant is None:
            return
        if meant and conversion.event != meant:
            return
        into = fresh.setdefault((conversion.line_item, conversion.creative), Result())
        into.conversions += 1
        value = self._account_value(conversion)
        if value > 0:
            into.value += value
            into.valued += 1
        if 0 < conversion.click_ns <= conversion.received_ns:
            kept = self.delays.setdefault(conversion.line_item, deque(maxlen=MOST_DELAYS))
            kept.append(Delay(conversion.click_ns, conversion.received_ns))

    def _account_value(self, conversion: Conversion) -> int:
        """Nanos of the advertiser's currency; 0 where no rate is known."""
        currency = self._currency[conversion.line_item]
        if conversion.currency == currency:
            return conversion.value
        per_unit = self._rates.get((conversion.currency, currency), 0)
        return conversion.value * per_unit // RATE_UNIT

    def _add(self, line_item: int, creative: int, more: Result) -> None:
        self.of.setdefault((line_item, creative), Result()).add(more)
        self.lines.setdefault(line_item, Result()).add(more)


def delays_of(kept: Sequence[Delay], now_ns: int) -> tuple[list[float], list[float]]:
    """(seconds from the click to the conversion, seconds from the click until now) of each."""
    return (
        [(one.received_ns - one.click_ns) / 1e9 for one in kept],
        [(now_ns - one.click_ns) / 1e9 for one in kept],
    )
