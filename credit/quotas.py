"""The quotas of a catalogue in one worker: which products have room for an offer, from leases held in memory.

Asking is a comparison of arrays and taking is a subtraction: no file is touched while an offer is chosen. `renew`
fetches leases beforehand, a hundredth of a quota at a time and one offer at least, those of the next day shortly before
it begins. So what has room is known before an offer is drawn, and the propensities that are logged are of what could be
drawn.

When nothing is left that nobody has, a worker that does not use what it holds gives it back after a while, for others.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from credit.calendar_periods import Span, span_of
from credit.products import PERIODS, Catalogue, Period
from credit.quota_store import Ask, Given, QuotaStore
from domain.clock import SECOND

LEASE_PART = 100
"""A lease is this part of a quota …"""
MOST_OFFERS = 256
"""… of so many offers at most."""
AHEAD_NS = 5 * SECOND
"""So long before a period begins leases of it are fetched."""
IDLE_NS = 20 * SECOND
"""After so long unused a lease of a quota that is used up is given back …"""
PAUSE_NS = 5 * SECOND
"""… and not asked for again for at least so long; nor is one that there was nothing left of."""
UNLIMITED = 1 << 62


class Quota(NamedTuple):
    """One limit."""

    name: str
    """``offers day northbank/flex`` of a product, ``volume month northbank`` of a lender."""
    period: Period
    zone: ZoneInfo
    most: int
    counts_offers: bool
    """Or the amounts asked for, in nanos."""
    lease: int


class Plan(NamedTuple):
    """What to ask the store for, and what to give back to it."""

    asks: list[Ask]
    places: list[tuple[int, Span]]
    """Of each ask: the quota, and the period that it is of."""
    back: list[tuple[str, str, int]]


class Quotas:
    """Of one thread; `renew` may be split so that another one waits for the file. Without a store: to `look` at."""

    def __init__(self, catalogue: Catalogue, store: QuotaStore | None, now_ns: Callable[[], int]) -> None:
        self._store, self._now_ns = store, now_ns
        self.quotas, rows = quotas_of(catalogue)
        count = len(self.quotas)
        self._flat = np.array([place for row in rows for place in [count, *row]], dtype=np.int64)
        self._starts = np.cumsum([0, *(len(row) + 1 for row in rows[:-1])], dtype=np.int64)
        self._rows = [np.array(row, dtype=np.int64) for row in rows]
        self._held = np.zeros(count + 1, dtype=np.int64)
        self._held[count] = UNLIMITED
        self._offers = np.array([quota.counts_offers for quota in self.quotas] + [True])
        self._lease = np.array([quota.lease for quota in self.quotas], dtype=np.int64)
        self._low = np.where(self._offers[:-1], (self._lease + 1) // 2, self._lease)
        """Below this a lease is fetched. Amounts differ, so of them the whole lease is kept at hand."""
        self._spans = [Span("", 0)] * count
        self._ahead: dict[int, tuple[Span, int]] = {}
        self._left = np.full(count, UNLIMITED, dtype=np.int64)
        self._used_ns = np.zeros(count, dtype=np.int64)
        self._paused_ns = np.zeros(count, dtype=np.int64)
        self._turns_ns = 0
        self.short = False
        """Since the last plan something was taken of which another lease may be had now."""
        self._pause = random.Random()

    def room(self, amount: int) -> NDArray[np.bool_]:
        """(products,): which can be offered once more for so many nanos."""
        if self._turns_ns <= self._now_ns():
            self._turn()
        enough = self._held >= np.where(self._offers, 1, amount)
        return np.logical_and.reduceat(enough[self._flat], self._starts) if len(self._starts) else np.empty(0, bool)

    def take(self, product: int, amount: int) -> None:
        """Counts one offer of a product that there is room for."""
        row = self._rows[product]
        if len(row):
            self._held[row] -= np.where(self._offers[row], 1, amount)
            self._used_ns[row] = self._now_ns()
            left = self._held[row]
            self.short |= bool(((left < self._low[row]) & (self._paused_ns[row] <= self._used_ns[row])).any())
            if (left < 0).any():
                raise RuntimeError(f"there was no room for product {product}")

    @property
    def periods(self) -> tuple[Span, ...]:
        """Those that offers are counted in now, for `put_back`."""
        return tuple(self._spans)

    def put_back(self, product: int, amount: int, periods: Sequence[Span]) -> None:
        """Counts one offer less that was taken in these periods, and not made after all. Of periods that are over by
        now nothing is counted.
        """
        for place in self._rows[product].tolist():
            if self._spans[place] == periods[place]:
                self._held[place] += 1 if self.quotas[place].counts_offers else amount

    def renew(self) -> None:
        """Fetches leases for what is short. Raises `sqlite3.Error` when the file cannot be written; what was to be
        given back then counts as used.
        """
        plan = self.plan()
        self.fetched(plan, self.fetch(plan))

    def plan(self) -> Plan:
        """What `renew` is to fetch. What it gives back is forgotten here."""
        now = self._now_ns()
        self.short = False
        if self._turns_ns <= now:
            self._turn()
        back = []
        held = self._held[:-1]
        scarce = (self._left == 0) & (held > 0) & (self._used_ns + IDLE_NS < now)
        for place in np.flatnonzero(scarce).tolist():
            back.append((self.quotas[place].name, self._spans[place].name, int(held[place])))
            held[place] = 0
            self._paused_ns[place] = now + self._pause.randint(PAUSE_NS, IDLE_NS)
        asks, places = [], []
        for place in np.flatnonzero((held < self._low) & (self._paused_ns <= now)).tolist():
            quota, span = self.quotas[place], self._spans[place]
            asks.append(Ask(quota.name, span.name, quota.most, quota.lease - int(held[place])))
            places.append((place, span))
        if self._turns_ns - AHEAD_NS <= now:
            for place, quota in enumerate(self.quotas):
                span = self._spans[place]
                if span.ends_ns - AHEAD_NS <= now and place not in self._ahead:
                    following = span_of(quota.period, quota.zone, span.ends_ns)
                    asks.append(Ask(quota.name, following.name, quota.most, quota.lease))
                    places.append((place, following))
        return Plan(asks, places, back)

    def fetch(self, plan: Plan) -> list[Given]:
        """Asks the store; it may wait for the disk and for other workers, so not on the event loop."""
        if plan.back:
            self._file.give_back(plan.back)
        return self._file.take(plan.asks) if plan.asks else []

    def fetched(self, plan: Plan, given: Sequence[Given]) -> None:
        """Takes over what the store gave."""
        now = self._now_ns()
        for (place, span), one in zip(plan.places, given, strict=True):
            if span == self._spans[place]:
                self._held[place] += one.given
                self._left[place] = one.left
                if one.given == 0:
                    self._paused_ns[place] = now + PAUSE_NS
            elif span.ends_ns > now:
                self._ahead[place] = (span, one.given)

    def look(self, used: Mapping[tuple[str, str], int]) -> None:
        """Holds all that is left, taking nothing: for who asks what would be offered. ``used`` as `QuotaStore.used`."""
        self._turn()
        for place, quota in enumerate(self.quotas):
            self._held[place] = max(0, quota.most - used.get((quota.name, self._spans[place].name), 0))

    def close(self) -> None:
        """Gives back all that is held."""
        unused = [
            (self.quotas[place].name, self._spans[place].name, int(held))
            for place, held in enumerate(self._held[:-1])
            if held > 0
        ]
        unused += [(self.quotas[place].name, span.name, held) for place, (span, held) in self._ahead.items() if held]
        self._held[:-1] = 0
        self._ahead.clear()
        if unused:
            self._file.give_back(unused)

    def left_now(self) -> Mapping[str, int]:
        """By quota: what is left of its period, in any worker's hands or in nobody's. Reads the file."""
        used = self._file.used()
        now = self._now_ns()
        return {
            quota.name: quota.most - used.get((quota.name, span_of(quota.period, quota.zone, now).name), 0)
            for quota in self.quotas
        }

    @property
    def _file(self) -> QuotaStore:
        if self._store is None:
            raise RuntimeError("these quotas are for looking at only")
        return self._store

    def _turn(self) -> None:
        """Periods that are over: what was held of them is worth nothing any more."""
        now = self._now_ns()
        for place, quota in enumerate(self.quotas):
            if self._spans[place].ends_ns > now:
                continue
            span = span_of(quota.period, quota.zone, now)
            ahead, held = self._ahead.pop(place, (span, 0))
            self._spans[place], self._held[place] = span, held if ahead == span else 0
            self._left[place], self._paused_ns[place], self._used_ns[place] = UNLIMITED, 0, now
        self._turns_ns = min((span.ends_ns for span in self._spans), default=UNLIMITED)


def quotas_of(catalogue: Catalogue) -> tuple[list[Quota], list[list[int]]]:
    """All quotas, and of each product the places of those that an offer of it counts against."""
    found: list[Quota] = []
    of_lenders: dict[str, list[int]] = {}
    rows = []
    largest = {
        lender.key: max((p.amount_max for p in catalogue.products if p.lender == lender.key), default=0)
        for lender in catalogue.lenders
    }
    zones = {lender.key: ZoneInfo(lender.time_zone) for lender in catalogue.lenders}

    def add(limits: object, what: str, name: str, zone: ZoneInfo, least: int) -> list[int]:
        places = []
        for period in PERIODS:
            most = getattr(limits, period)
            if most is not None:
                part = max(least, most // LEASE_PART)
                lease = min(most, part, MOST_OFFERS) if what == "offers" else min(most, part)
                places.append(len(found))
                found.append(Quota(f"{what} {period} {name}", period, zone, most, what == "offers", lease))
        return places

    for lender in catalogue.lenders:
        zone = zones[lender.key]
        of_lenders[lender.key] = [
            *add(lender.offers, "offers", lender.key, zone, 1),
            *add(lender.volume, "volume", lender.key, zone, largest[lender.key]),
        ]
    for product in catalogue.products:
        zone = zones[product.lender]
        rows.append(
            [
                *of_lenders[product.lender],
                *add(product.offers, "offers", product.path, zone, 1),
                *add(product.volume, "volume", product.path, zone, product.amount_max),
            ]
        )
    return found, rows
