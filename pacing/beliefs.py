"""What control believes of the rates of ads, told to workers: what they predict by where no model is live, what usual
probabilities are, and how little is known, which is what they draw from to learn.
"""

import time
from collections.abc import Iterable, Iterator

from domain.campaign import Campaign, LineItem, Snapshot
from domain.clock import SECOND
from pacing.protocol import BeliefOrder
from pacing.results import Result, Results
from prediction.priors import Beta, Counts, priors

LOOK_S = 10.0
"""Seconds of business time between two looks …"""
LEAST_LOOK_S = 2.0
"""… but at least so many real ones …"""
REST = 30.0
"""… and so many times as long as the last look took: of a hundred thousand creatives one takes a second."""
FIRST_CTR, FIRST_CVR = Beta(1.0, 999.0), Beta(1.0, 99.0)
"""Of all ads together, before anything was seen: one click in a thousand impressions, one conversion in a hundred
clicks; and as if just so many had been seen."""
NOTABLE = 0.02
"""Beliefs are told when a mean, or how much is known, has changed by such a share."""
VALUED = 5.0
"""Conversions that the stated value of one counts for."""


class Beliefs:
    """Not of the store: it is worked out from results, which are."""

    def __init__(self, speed: float) -> None:
        self.newest = 0
        """Number of the newest order."""
        self._speed = speed
        self._look_ns = int(max(LOOK_S, LEAST_LOOK_S * speed) * SECOND)
        self._due_ns = 0
        self._orders: dict[tuple[int, int], tuple[int, BeliefOrder]] = {}
        """By line item and creative (0: the line item), with their numbers, which rise."""
        self._items: dict[int, LineItem] = {}
        self._campaigns: dict[int, Campaign] = {}
        self._computed: list[LineItem] = []

    def plan(self, snapshot: Snapshot) -> None:
        """Takes over line items; those that are new, or changed, are told of at the next look."""
        self._items = {item.id: item for item in snapshot.line_items}
        self._campaigns = {one.id: one for one in snapshot.campaigns}
        self._computed = [item for item in snapshot.line_items if item.strategy.computed and item.status == "active"]
        live = {item.id for item in self._computed}
        for key in [key for key in self._orders if key[0] not in live]:
            del self._orders[key]
        self._due_ns = 0

    def look(self, now_ns: int, results: Results) -> None:
        """Works beliefs out anew if it is time, and keeps those that are to be told."""
        if not self._computed or now_ns < self._due_ns:
            return
        began_s = time.perf_counter()
        clicks = priors(self._counts(results, of_clicks=True), FIRST_CTR)
        conversions = priors(self._counts(results, of_clicks=False), FIRST_CVR)
        worths = self._worths(results)
        for item in self._computed:
            above = self._campaigns[item.campaign].advertiser, item.campaign
            usual = clicks.of(*above).mean, conversions.of(*above).mean
            worth = _worth(worths.get(item.campaign), item.strategy.conversion_value)
            for creative in (0, *item.creatives):
                path = (*above, item.id, creative)
                self._tell(_order(item.id, creative, clicks.of(*path), conversions.of(*path), usual, worth))
        rest_s = REST * (time.perf_counter() - began_s) * self._speed
        self._due_ns = now_ns + max(self._look_ns, int(rest_s * SECOND))

    def orders(self, since: int) -> tuple[BeliefOrder, ...]:
        """Those with numbers above ``since``."""
        found = []
        for number, order in reversed(self._orders.values()):
            if number <= since:
                break
            found.append(order)
        return tuple(found)

    def _counts(self, results: Results, *, of_clicks: bool) -> Iterator[Counts]:
        for (line_item, creative), one in results.of.items():
            item = self._items.get(line_item)
            if item is None:
                continue
            trials, successes = (one.impressions, one.clicks) if of_clicks else (one.clicks, one.conversions)
            advertiser = self._campaigns[item.campaign].advertiser
            # a click told before its impression, and a second conversion of a click, are no second trial
            yield Counts(advertiser, item.campaign, line_item, creative, max(trials, successes), successes)

    def _worths(self, results: Results) -> dict[int, Result]:
        """Results by campaign."""
        found: dict[int, Result] = {}
        for line_item, one in results.lines.items():
            if line_item in self._items:
                found.setdefault(self._items[line_item].campaign, Result()).add(one)
        return found

    def _tell(self, order: BeliefOrder) -> None:
        key = order.line_item, order.creative
        _, last = self._orders.get(key, (0, None))
        if last is not None and not _notable(last, order):
            return
        self.newest += 1
        self._orders.pop(key, None)
        self._orders[key] = self.newest, order


def _order(
    line_item: int, creative: int, ctr: Beta, cvr: Beta, usual: tuple[float, float], worth: float
) -> BeliefOrder:
    return BeliefOrder(line_item, creative, ctr.a, ctr.b, cvr.a, cvr.b, *usual, worth)


def _worth(seen: Result | None, stated: int) -> float:
    """Nanos that a conversion is worth: what those of the campaign told, and the marketer as if of a few; 0:
    unknown."""
    weight = VALUED if stated else 0.0
    value, count = (seen.value, seen.valued) if seen else (0, 0)
    return (value + stated * weight) / (count + weight) if count + weight else 0.0


def _notable(last: BeliefOrder, now: BeliefOrder) -> bool:
    def figures(order: BeliefOrder) -> Iterable[float]:
        yield from (order.ctr_a / (order.ctr_a + order.ctr_b), order.ctr_a + order.ctr_b)
        yield from (order.cvr_a / (order.cvr_a + order.cvr_b), order.cvr_a + order.cvr_b)
        yield from (order.usual_ctr, order.usual_cvr, order.worth)

    return any(abs(new - old) > NOTABLE * max(old, 1e-12) for old, new in zip(figures(last), figures(now), strict=True))
