"""The job that credits conversions to clicks and views, out of what is in the store; docs/attribution.md has the rules.

A *round* looks at what arrived since the last one, and finds the conversions that it makes a difference to: new ones,
and those with a click or view before them that the store did not have when they were credited. What they are to be
credited to is decided from the facts alone (`reporting.crediting`) and compared with the rows that there are; what
differs is written: a row with the sign -1 takes an old credit back, one with 1 gives the new. So a round can be run any
number of times, and one that was cut short is simply run again: it finds what is left to do. A block of rows goes in
exactly once (`reporting.outbox`). What has been seen is noted in a file after everything that follows from it is in the
store; without the file all counts as new, which costs time and changes nothing.

Exactly one reporter of a store does this.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from domain.attribution import DEFAULT, Credit, Rules
from domain.clock import Clock
from reporting import arrivals, orders
from reporting.arrivals import Counts
from reporting.counting import COUNTED
from reporting.crediting import Converted, Credited, Keys, Order, by_click_id, credits, name_of, prepare
from reporting.orders import AT, OrderKey
from reporting.outbox import Outbox
from reporting.rows import DAY_NS
from reporting.schema import ATTRIBUTIONS, CONVERSIONS, Table
from reporting.store import Store, StoreError
from reporting.touches import BUCKET_NS, CLICKED, IN_VIEW, SHOWN, Found, Search, Source, Wanted, buckets, look_back

T = TypeVar("T")
CONVERTED = Source(CONVERSIONS)
MOST_ORDERS = 50_000
"""Decided at a time: so much is held in memory."""
MOST_ROWS = 50_000
"""Of one block."""
PENDING = "pending"
"""The file of the block that is on its way, in the job's directory."""
_NEVER = 0xFFFF
"""A day (since 1970) that is none."""

Identity = Callable[[Collection[int]], Mapping[int, Keys]]
"""All keys of the persons with these keys."""
Event = tuple[int, str, str, int]
"""A conversion: advertiser, event, order, when it was received."""


@dataclass
class Tally:
    """What a round did."""

    changed: int = 0
    """Whose credit is another than before, the first one included."""
    rows: int = 0
    """Written."""
    kinds: Counter[int] = field(default_factory=Counter)
    """Conversions that were new, or to be credited anew, by `domain.attribution.Credit`."""


class Attribution:
    """Belongs to one thread. ``origin`` names this deployment's batches; ``events_days`` before today the table
    ``events`` is kept, 0: for ever (`reporting.retention`).
    """

    def __init__(
        self,
        store: Store,
        directory: Path,
        origin: str,
        clock: Clock,
        identity: Identity,
        most: int = MOST_ORDERS,
        events_days: int = 0,
    ) -> None:
        self._store, self._clock, self._identity, self._most = store, clock, identity, most
        self._seen = directory / "seen"
        self._outbox = Outbox(store, directory / PENDING)
        self._origin, self._events_days = origin, events_days
        self._rules: Mapping[int, Rules] = {}
        self._decided: set[int] = set()
        """Hashes of conversions that this round has decided: by all that had arrived when it began."""
        self._doubt = True
        self.ending = False
        """Set by another thread: a round ends at the next part of it, with a StoreError, and is done again later."""

    def follow(self, rules: Mapping[int, Rules]) -> None:
        """What campaigns say, by id; others go by the default."""
        self._rules = rules

    def round(self) -> Tally:
        """Credits what is new, and what is to be credited otherwise because of it. Raises StoreError."""
        with self._settled():
            return self._round()

    def _round(self) -> Tally:
        before, tally = arrivals.kept(self._seen), Tally()
        self._decided.clear()
        now = arrivals.look(self._store, (CONVERTED, *self._sources()), before)
        if now == before:
            return tally
        for part in _parts(self._new(before, now), self._most):
            self._decide(set(part), frozenset(), tally)
        self._decide_again(self._outdone(before, now), tally)
        arrivals.keep(self._seen, now)
        return tally

    def run(self, first: int, last: int) -> Tally:
        """Credits the conversions that were received on these days (since 1970, both included) anew, by today's rules
        and by who is known to be whom today. Raises StoreError.
        """
        with self._settled():
            tally = Tally()
            for day in self._days(CONVERSIONS):
                if first <= day <= last:
                    self._decide_again((event for event, _, _ in self._told(day, "1")), tally)
            return tally

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Before and after this is done everything that was sent has arrived."""
        if self._doubt:
            self._outbox.settle()
        self._doubt = True
        yield
        self._doubt = False

    def _sources(self) -> tuple[Source, ...]:
        """Tables of touches that campaigns look at."""
        return (CLICKED, SHOWN, IN_VIEW) if any(one.viewable_only for one in self._rules.values()) else (CLICKED, SHOWN)

    def _rule(self, campaign: int) -> Rules:
        return self._rules.get(campaign, DEFAULT)

    def _windows(self) -> tuple[int, int]:
        """The longest, of clicks and of views."""
        rules = [DEFAULT, *self._rules.values()]
        return max(one.click_ns for one in rules), max(one.view_ns for one in rules)

    def _new(self, before: Counts, now: Counts) -> Iterator[OrderKey]:
        """Orders with conversions that have no credit yet."""
        for day, grown in arrivals.by_day(arrivals.grown(before, now, CONVERSIONS.name)):
            have = (
                f"SELECT advertiser, event, `order`, received_ns FROM {ATTRIBUTIONS.name} WHERE day = toDate({day})"
                " GROUP BY advertiser, event, `order`, received_ns HAVING sum(sign) > 0"
            )
            where = f"{buckets(grown)} AND (advertiser, event, `order`, received_ns) GLOBAL NOT IN ({have})"
            yield from ((advertiser, order) for (advertiser, _, order, _), _, _ in self._told(day, where))

    def _outdone(self, before: Counts, now: Counts) -> Iterator[Event]:
        """Conversions that have a credit, and a touch before them that may have arrived after it was given."""
        grown = {source: arrivals.grown(before, now, source.table.name) for source in self._sources()}
        late = {source: among for source, among in grown.items() if among}
        if not late or not int(self._store.query(f"SELECT count() FROM {ATTRIBUTIONS.name}")[0][0]):
            return
        clicks_ns, views_ns = self._windows()
        searches = [
            Search(source, clicks_ns if source is CLICKED else views_ns, among) for source, among in late.items()
        ]
        low = min(min(search.among) * BUCKET_NS for search in searches)
        high = max((max(search.among) + 1) * BUCKET_NS + search.window_ns for search in searches)
        for day in self._days(CONVERSIONS):
            if day < low // DAY_NS:
                continue
            where = f"person != 0 AND {AT} >= {low} AND {AT} < {high}"
            for part in _parts(self._told(day, where), self._most):
                keys = self._identity({person for _, person, _ in part})
                wanted = ((event[0], key, at_ns) for event, person, at_ns in part for key in keys[person])
                found = look_back(self._store, wanted, searches)
                for event, person, at_ns in part:
                    if hash(event) not in self._decided and any(
                        touch.at_ns <= at_ns <= touch.at_ns + search.window_ns
                        for search, of in zip(searches, found, strict=True)
                        for key in keys[person]
                        for touch in of.get((event[0], key), ())
                    ):
                        yield event

    def _told(self, day: int, where: str) -> Iterator[tuple[Event, int, int]]:
        """(conversion, person, when it happened) of those received on a day that count."""
        columns = f"advertiser, event, `order`, received_ns, person, {AT}"
        rows, start = arrivals.days(self._store, CONVERSIONS).get(day, 0), day * DAY_NS
        step = DAY_NS // (1 + rows // self._most) + 1
        for low in range(start, start + DAY_NS, step):
            piece = f"day = toDate({day}) AND received_ns >= {low} AND received_ns < {low + step}"
            sql = f"SELECT {columns} FROM conversions WHERE {piece} AND {COUNTED} AND {where}"
            for advertiser, event, order, received_ns, person, at_ns in self._store.query(sql):
                yield (int(advertiser), str(event), str(order), int(received_ns)), int(person), int(at_ns)

    def _days(self, table: Table) -> list[int]:
        return sorted(arrivals.days(self._store, table))

    def _decide_again(self, events: Iterable[Event], tally: Tally) -> None:
        for part in _parts(events, self._most):
            again = frozenset(part)
            self._decide({(advertiser, order) for advertiser, _, order, _ in again}, again, tally)

    def _decide(self, wanted: set[OrderKey], again: frozenset[Event], tally: Tally) -> None:
        """Gives the conversions of these orders their credits: those without one, those in ``again``, and what happened
        later in the same order.
        """
        if self.ending:
            raise StoreError("the reporter is ending")
        told, there = orders.read(self._store, sorted(wanted))

        def asked(one: Converted) -> bool:
            return (one.advertiser, one.event, one.order, one.received_ns) in again

        of_day = self._days(CONVERSIONS)
        kept_ns = of_day[0] * DAY_NS if of_day else 0
        made: dict[OrderKey, Order] = {}
        changes: Counter[Credited] = Counter()
        for key in wanted:
            rows = [(credit, times) for credit, times in there.get(key, ()) if credit.received_ns >= kept_ns]
            gone = [credit for credit, _ in there.get(key, ()) if credit.received_ns < kept_ns]
            made[key] = prepare(told.get(key, ()), (credit for credit, times in rows if times > 0), asked, gone)
            changes.update({credit: -times for credit, times in rows})
        keys, clicks, views = self._touches(made.values())
        gone_before = self._kept_since()
        for order in made.values():
            decided = credits(order, keys, clicks, views, self._rule, gone_before)
            changes.update(decided)
            self._decided.update(hash((one.advertiser, one.event, one.order, one.received_ns)) for one in order.open)
            for one, credit in zip(order.open, decided[len(order.settled) :], strict=True):
                if asked(one) or name_of(one) not in order.before:
                    tally.kinds[credit.kind] += 1
        changes = Counter({credit: times for credit, times in changes.items() if times})
        tally.changed += sum(times > 0 for times in changes.values())
        tally.rows += sum(map(abs, changes.values()))
        self._write(changes)

    def _touches(self, made: Iterable[Order]) -> tuple[Mapping[int, Keys], Found, Found]:
        """Keys of persons, and their last clicks and views, of those conversions that they can matter to."""
        asking = [
            one for order in made if not order.inherited for one in order.open
            if one.person and not by_click_id(one, self._rule)
        ]  # fmt: skip
        keys = self._identity({one.person for one in asking})
        wanted: list[Wanted] = [(one.advertiser, key, one.at_ns) for one in asking for key in keys[one.person]]
        clicks_ns, views_ns = self._windows()
        searches = [Search(source, clicks_ns if source is CLICKED else views_ns) for source in self._sources()]
        clicks, shown, *in_view = look_back(self._store, wanted, searches)
        views: Found = {}
        for found, viewable_only in ((shown, False), *((found, True) for found in in_view)):
            for key, touches in found.items():
                of = [touch for touch in touches if self._rule(touch.campaign).viewable_only == viewable_only]
                views[key] = sorted([*views.get(key, ()), *of])
        return keys, clicks, views

    def _kept_since(self) -> dict[int, int]:
        """By kind of credit: from when on clicks and views are all in the store. Older ones may be there no more."""
        clicks, shown, *in_view = (min(self._days(of.table), default=_NEVER) for of in self._sources())
        if in_view and self._events_days:  # there may never have been any, so that their first day tells nothing
            shown = max(shown, min(in_view[0], self._clock.now_ns() // DAY_NS - self._events_days))
        return {int(Credit.CLICK): clicks * DAY_NS, int(Credit.VIEW): shown * DAY_NS}

    def _write(self, changes: Mapping[Credited, int]) -> None:
        """By day. All that is said of one conversion is in one block."""
        by_day: dict[int, list[tuple[Credited, int]]] = {}
        for credit, times in sorted(changes.items()):
            by_day.setdefault(credit.received_ns // DAY_NS, []).extend([(credit, 1 if times > 0 else -1)] * abs(times))
        for day, rows in by_day.items():
            for start, end in _cuts(rows):
                self._send(day, rows[start:end])

    def _send(self, day: int, rows: list[tuple[Credited, int]]) -> None:
        columns: dict[str, list[Any]] = dict(
            zip(Credited._fields, map(list, zip(*(credit for credit, _ in rows), strict=True)), strict=True)
        )
        columns |= {"sign": [sign for _, sign in rows], "made_ns": [self._clock.now_ns()] * len(rows)}
        self._outbox.send(ATTRIBUTIONS.name, day, f"{self._origin}/attributions:{secrets.token_hex(8)}", columns)


def _cuts(rows: list[tuple[Credited, int]]) -> Iterator[tuple[int, int]]:
    """Where blocks begin and end: never between two rows of one conversion."""
    start = 0
    while start < len(rows):
        end = min(start + MOST_ROWS, len(rows))
        while end < len(rows) and rows[end][0][:7] == rows[end - 1][0][:7]:
            end += 1
        yield start, end
        start = end


def _parts(items: Iterable[T], most: int) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, most)):
        yield part
