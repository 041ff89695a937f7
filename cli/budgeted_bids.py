"""Outbid's strategy on recorded auctions: most clicks of a budget, at the price of the budget.

`pacing.dual` says what a click is worth bidding, from a curve of spend that the past has shown and from what is spent
while it runs. It is told what production would know at that moment: how many auctions there were, how many are
expected, what the won ones cost. What the lost ones would have cost it never sees.

Beside it the same with `pacing.controller`, as control paces line items with `max_clicks`: by a multiplier of a price
that the past would have paid.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log

import numpy as np

from domain.strategy import MOST_PACE
from pacing.controller import Pacer
from pacing.dual import MEMORY, Dual, SpendCurve, measured
from pacing.forecast import DAY_S, Forecast, Supply
from pacing.goals import COMPUTED_FLOOR
from simulator.auction_replay import Auctions, Floats
from simulator.auction_spending import Market, Spent, spend
from simulator.click_value import ClickValue, click_value
from simulator.shaded_bids import Shading, costs_at

LOOKS = 1440
"""The time of the budget is taken as a day, with a look a minute as in production."""

QUARTER_S = 900

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


Price = Callable[[int, float, int], tuple[float, float]]
"""(auctions so far, money spent, auctions to come) -> what a click is worth until the next look, and the share of the
auctions that are bid on."""


def by_dual(learned: Learned, budget: float, count: int) -> Price:
    dual = Dual(learned.curve, budget)
    return lambda seen, spent, to_come: (dual.look(seen, spent, to_come), 1.0)


def by_controller(learned: Learned, budget: float, count: int) -> Price:
    """What `pacing.conductor` makes of the controller's push for line items whose bids are worked out."""
    forecast = Forecast()
    quarter = count / DAY_S * QUARTER_S
    forecast.learn(0, DAY_S, [(at_s, round(quarter)) for at_s in range(0, DAY_S, QUARTER_S)])
    # The controller counts whole nanos: the budget is a thousand million of them, whatever the recording's unit.
    nanos = 10**9 / budget if budget else 0.0
    pacer = Pacer(Supply(forecast, 7 * DAY_S), int(budget * nanos), 8 * DAY_S, push=-log(MOST_PACE))
    usual = learned.curve.price(budget / count)

    def look(seen: int, spent: float, to_come: int) -> tuple[float, float]:
        pacer.look(7 * DAY_S + seen / count * DAY_S, seen, int(spent * nanos))
        allowed = MOST_PACE * exp(pacer.push)
        return usual * max(allowed, COMPUTED_FLOOR), min(1.0, allowed / COMPUTED_FLOOR)

    return look


def run(learned: Learned, auctions: Auctions, budget: float, kind: Market, price: Price, seed: int = 0) -> Spent:
    """From the first auction to the last; clicks are not looked at. ``seed`` draws which auctions are bid on."""
    count = len(auctions)
    rng = np.random.default_rng(seed)
    won, cost, spent = np.zeros(count, np.bool_), np.zeros(count), 0.0
    step = max(1, -(-count // LOOKS))
    if learned.shading is not None:
        learned.shading.begin(MEMORY * count)
    for begin in range(0, count, step):
        of_click, share = price(begin, spent, count - begin)
        now = slice(begin, min(count, begin + step))
        bids = learned.bids(of_click, auctions.pctr[now])
        if share < 1:
            bids = np.where(rng.random(len(bids)) < share, bids, 0.0)
        found = spend(bids, auctions.market[now], budget - spent, kind)
        won[now], cost[now] = found.won, found.cost
        spent += float(found.cost.sum())
        if learned.shading is not None and spent < budget:
            learned.shading.learn(bids, auctions.pctr[now], found.won)
    return Spent(won, cost)


def strategies(past: Auctions, kind: Market) -> dict[str, Callable[[Auctions, float], Spent]]:
    """As `simulator.bids_backtest` wants them; what is learnt is shared."""
    learned = learn(past, kind)

    def of(price: Callable[[Learned, float, int], Price]) -> Callable[[Auctions, float], Spent]:
        return lambda auctions, budget: run(learned, auctions, budget, kind, price(learned, budget, len(auctions)))

    return {"outbid": of(by_dual), "controller": of(by_controller)}
