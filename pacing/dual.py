"""What a unit of value is worth bidding, so that a budget lasts to its end and not longer: the price of the budget.

Who wants most value (clicks, conversions, money) of a budget bids ``price × value`` on every impression, with one price
for all: were there two, money moved from the dearer to the cheaper would buy more. That price is the dual variable of
the budget's constraint. It is not known beforehand, as market and supply change while the budget runs, so it is found
anew at each look, from the money that is left, the impressions to come, and what impressions have cost lately.

Bidding in proportion to value with such a price is known from Perlich et al., "Bid Optimizing and Inventory Scoring in
Targeted Online Advertising" (KDD 2012), and Zhang, Yuan and Wang, "Optimal Real-Time Bidding for Display Advertising"
(KDD 2014); following it while the budget runs from Balseiro and Gur, "Learning in Repeated Auctions with Budgets"
(Management Science, 2019).
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log

MEMORY = 0.1
"""What impressions cost is remembered for so many of all impressions of a budget's time …"""

TRUST = 0.1
"""… and what they were expected to cost counts, at the beginning, as much as so many that were seen."""

LEAST, MOST = 0.02, 50.0
"""Impressions cost from a fiftieth of the expected to fifty times as much: beyond that the price is chance's."""


@dataclass(frozen=True)
class SpendCurve:
    """What an available impression costs on the average (won or not), if ``price × value`` is bid on each.

    Both sequences grow strictly and are above 0. Between two prices the curve is a power function; below the first
    and above the last, cost grows like the price.
    """

    prices: Sequence[float]
    """Money a unit of value."""
    costs: Sequence[float]
    """Money an impression."""

    def cost(self, price: float) -> float:
        return _read(self.prices, self.costs, price)

    def price(self, cost: float) -> float:
        return _read(self.costs, self.prices, cost)


def proportional(price: float, cost: float) -> SpendCurve:
    """Of a budget that nothing is known of but one guess: at ``price`` an impression costs ``cost``. Such a curve
    deserves less `trust` than one that was measured."""
    return SpendCurve((price,), (cost,))


def measured(prices: Sequence[float], costs: Sequence[float]) -> SpendCurve:
    """From the cost at each of some growing prices, as found in past auctions; where it does not grow, the lowest price
    of those is kept. A market where nothing costs anything has the curve of a cost of 1 at the highest price."""
    kept: list[tuple[float, float]] = []
    for price, cost in zip(prices, costs, strict=True):
        if price > 0 and cost > (kept[-1][1] if kept else 0.0):
            kept.append((price, cost))
    return SpendCurve(*zip(*kept, strict=True)) if kept else proportional(prices[-1], 1.0)


def _read(of: Sequence[float], to: Sequence[float], at: float) -> float:
    """The curve that goes through all points (of, to), read at ``at``."""
    if at <= of[0]:
        return to[0] * at / of[0]
    if at >= of[-1]:
        return to[-1] * at / of[-1]
    right = bisect_left(of, at)
    share = log(at / of[right - 1]) / log(of[right] / of[right - 1])
    return to[right - 1] * exp(share * log(to[right] / to[right - 1]))


@dataclass
class Dual:
    """The price of one budget. ``curve`` gives the shape of what impressions cost at each price, what was spent lately
    at the prices that were bid gives its level.

    ``budget`` (any unit of money; the curve's too) may be assigned between two looks. ``seen``, ``spent``,
    ``expected``, ``found`` and ``price`` are all there is to keep over a restart.
    """

    curve: SpendCurve
    budget: float
    highest: float = inf
    """No price above it: what a unit of value is worth to the advertiser at most."""
    memory: float = MEMORY
    trust: float = TRUST
    seen: int = 0
    spent: float = 0.0
    expected: float = 0.0
    found: float = 0.0
    """What the remembered impressions should have cost by the curve, and what they did."""
    price: float = 0.0

    def look(self, seen: int, spent: float, to_come: float) -> float:
        """Takes what happened since the budget began: impressions that could have been bid on, and money spent.
        ``to_come`` is how many such impressions are expected yet. Answers, and keeps in `price`, what to bid for a
        unit of value until the next look."""
        impressions, cost = seen - self.seen, spent - self.spent
        self.seen, self.spent = seen, spent
        total = seen + to_come
        left = self.budget - spent
        if total <= 0 or left <= 0:
            self.price = 0.0
            return self.price
        if not self.expected:
            self.expected = self.found = self.trust * self.budget
        if impressions:
            kept = exp(-impressions / (self.memory * total))
            self.expected = self.expected * kept + self.curve.cost(self.price) * impressions
            self.found = self.found * kept + cost
        # A level of nothing would never be left again; that of chance's first impressions must not be believed.
        self.found = min(max(self.found, LEAST * self.expected), MOST * self.expected)
        if to_come > 0:
            wanted = left / to_come * self.expected / self.found
            self.price = min(self.curve.price(wanted), self.highest)
        return self.price
