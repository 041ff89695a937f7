"""Outbid's strategy on recorded auctions: most clicks of a budget, with production's price of the budget.

`pacing.dual` says what a click is worth bidding, from a curve of spend that the past has shown and from what is spent
while it runs. It is told what production would know at that moment: how many auctions there were, how many are
expected, what the won ones cost. What the lost ones would have cost it never sees.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pacing.dual import MEMORY, Dual, SpendCurve, measured
from simulator.auction_replay import Auctions, Floats
from simulator.auction_spending import Market, Spent, spend
from simulator.click_value import ClickValue, click_value
from simulator.shaded_bids import Shading, costs_at

LOOKS = 1440
"""The time of the budget is taken as a day, with a look a minute as in production."""

POINTS = 256
"""Prices of a click at which the past's spend is measured."""


@dataclass(frozen=True)
class Learned:
    """Of the past, the same for all budgets."""

    value: ClickValue
    curve: SpendCurve
    """Of the price of a click."""
    shading: Shading | None
    """In second-price auctions there is nothing to shade."""

    def bids(self, price: float, pctr: Floats) -> Floats:
        worth = price * self.value.rate(pctr)
        return worth if self.shading is None else self.shading.bids(worth, pctr)


def learn(past: Auctions, kind: Market) -> Learned:
    """From past auctions of all prices; ``kind`` of those to come."""
    value = click_value(past)
    if kind == "second":
        return Learned(value, second_price_curve(past.market, value.rate(past.pctr)), None)
    shading = Shading(past)
    return Learned(value, measured(*costs_at(past, value.rate(past.pctr), shading)), shading)


def second_price_curve(market: Floats, rate: Floats) -> SpendCurve:
    """An auction is won from the price of a click on at which its own bid is the market price, and costs that."""
    won_from = market / rate
    order = np.argsort(won_from)
    won_from, until = won_from[order], np.cumsum(market[order]) / len(market)
    paid = won_from[won_from > 0]
    if not paid.size:
        return measured([1.0], [0.0])
    prices = np.geomspace(paid[0], paid[-1], POINTS)
    prices[-1] = paid[-1]
    at = np.searchsorted(won_from, prices, "right")
    costs = np.where(at > 0, until[np.maximum(at, 1) - 1], 0.0)
    return measured(prices.tolist(), costs.tolist())


def run(learned: Learned, auctions: Auctions, budget: float, kind: Market) -> Spent:
    """From the first auction to the last; clicks are not looked at."""
    count = len(auctions)
    won, cost = np.zeros(count, np.bool_), np.zeros(count)
    dual, spent = Dual(learned.curve, budget), 0.0
    if learned.shading is not None:
        learned.shading.begin(MEMORY * count)
    step = max(1, -(-count // LOOKS))
    for begin in range(0, count, step):
        price = dual.look(begin, spent, count - begin)
        now = slice(begin, min(count, begin + step))
        bids = learned.bids(price, auctions.pctr[now])
        found = spend(bids, auctions.market[now], budget - spent, kind)
        won[now], cost[now] = found.won, found.cost
        spent += float(found.cost.sum())
        if learned.shading is not None and spent < budget:
            learned.shading.learn(bids, auctions.pctr[now], found.won)
    return Spent(won, cost)


def strategy(past: Auctions, kind: Market) -> Callable[[Auctions, float], Spent]:
    """As `simulator.bids_backtest` wants it."""
    learned = learn(past, kind)
    return lambda auctions, budget: run(learned, auctions, budget, kind)
