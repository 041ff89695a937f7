"""A goal and a budget held together, in a market of second prices whose truth the controllers do not know.

Predictions are off by a constant factor, conversions come hours later, traffic has a shape. The judge is a brute-force
search for the best fixed multiplier by somebody who has seen the whole flight.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from msgspec import msgpack
from numpy.typing import NDArray

from domain.strategy import MOST_PACE
from pacing.controller import Pacer
from pacing.forecast import Forecast, Supply
from pacing.goals import COMPUTED_FLOOR, GoalPacer, Kept, at_once

Floats = NDArray[np.float64]
MINUTES = 1440
GOAL = 20e9
"""Nanos a conversion."""
MINUTE_NS = 60 * 10**9
START_S = 1_790_000_000 // 86_400 * 86_400


@dataclass
class Market:
    """Impressions in the order in which they come, with what nobody knows beforehand."""

    minute: NDArray[np.int64]
    likely: Floats
    """That it converts."""
    told: Floats
    """The same as the model has it."""
    price: Floats
    """Nanos: the highest bid of the others."""
    converts: NDArray[np.bool_]
    delay: Floats
    """Minutes from the impression to the conversion."""

    @classmethod
    def made(cls, seed: int, off: float, delay_minutes: float = 120.0) -> "Market":
        rng = np.random.default_rng(seed)
        shape = 1 + 0.6 * np.sin(np.arange(MINUTES) / 1440 * 2 * np.pi)
        counts = rng.poisson(300 * shape)
        minute = np.repeat(np.arange(MINUTES), counts)
        n = len(minute)
        likely = np.minimum(0.004 * rng.lognormal(-0.3, 0.8, n), 0.2)
        price = GOAL * 0.004 * rng.lognormal(0.4, 0.7, n)
        delay = rng.exponential(delay_minutes, n) if delay_minutes else np.zeros(n)
        return cls(minute, likely, likely * off, price, rng.random(n) < likely, delay)

    def best_fixed(self, budget: float) -> float:
        """Conversions of the best fixed multiplier in hindsight: cost at most the goal each, within the budget."""
        best = 0.0
        for multiplier in np.geomspace(0.05, 8, 50):
            won = self.price < GOAL * self.told * multiplier
            spend = np.cumsum(np.where(won, self.price, 0.0))
            won &= spend <= budget
            conversions = float(self.converts[won].sum())
            if conversions and float(self.price[won].sum()) <= GOAL * conversions:
                best = max(best, conversions)
        return best


@dataclass
class Flight:
    spent: float = 0.0
    conversions: int = 0

    @property
    def cpa(self) -> float:
        return self.spent / self.conversions / GOAL


def fly(market: Market, budget: float | None, delay_minutes: float = 120.0) -> Flight:
    """The two controllers at work, looked at once a minute."""
    flight, goal = Flight(), GoalPacer.begin(0, 0.0)
    supply = Supply(Forecast(), START_S)
    pacer = Pacer(supply, int(budget or 0), START_S + MINUTES * 60, push=-np.log(MOST_PACE))
    edges = np.searchsorted(market.minute, np.arange(MINUTES + 1))
    due = np.zeros(MINUTES + 1)
    rng = np.random.default_rng(7)
    arrived = (lambda age_s: 1 - np.exp(-age_s / 60 / delay_minutes)) if delay_minutes else at_once
    known = 0.0
    for minute in range(MINUTES):
        at_s = START_S + minute * 60
        allowed_push, share = np.log(MOST_PACE), 1.0
        if budget is not None:
            pacer.look(at_s, int(edges[minute]), int(flight.spent))
            pushed = MOST_PACE * np.exp(pacer.push)
            allowed_push, share = np.log(max(pushed, COMPUTED_FLOOR)), min(1.0, pushed / COMPUTED_FLOOR)
        known += due[minute]
        goal.look(at_s * 10**9, int(flight.spent), GOAL * known, GOAL, arrived, allowed_push)
        multiplier = min(goal.multiplier, float(np.exp(allowed_push)))
        one = slice(edges[minute], edges[minute + 1])
        won = market.price[one] < GOAL * market.told[one] * multiplier
        won &= rng.random(len(won)) < share
        if budget is not None:  # as leases do
            won &= flight.spent + np.cumsum(np.where(won, market.price[one], 0.0)) <= budget
        flight.spent += float(market.price[one][won].sum())
        comes = market.delay[one][won & market.converts[one]]
        flight.conversions += len(comes)
        np.add.at(due, np.minimum(minute + 1 + comes.astype(np.int64), MINUTES), 1)
    return flight


@pytest.mark.parametrize("off", [0.6, 1.7])
def test_a_goal_is_met_without_a_budget_whatever_the_model_is_off_by(off: float) -> None:
    market = Market.made(1, off)
    flight = fly(market, None)
    assert flight.cpa == pytest.approx(1.0, abs=0.1)
    assert flight.conversions > 0.9 * market.best_fixed(1e30)


@pytest.mark.parametrize(("seed", "off"), [(2, 0.7), (3, 1.6)])
def test_where_the_budget_is_short_it_rules_and_results_are_cheaper(seed: int, off: float) -> None:
    market = Market.made(seed, off)
    budget = 0.25 * GOAL * market.best_fixed(1e30)
    flight = fly(market, budget)
    assert 0.95 * budget < flight.spent <= budget
    assert flight.cpa < 0.9
    assert flight.conversions > 0.9 * market.best_fixed(budget)


def test_where_the_goal_is_strict_it_rules_and_the_budget_is_kept() -> None:
    market = Market.made(4, 1.5)
    budget = 3 * GOAL * market.best_fixed(1e30)
    flight = fly(market, budget)
    assert flight.spent < budget and flight.cpa == pytest.approx(1.0, abs=0.1)
    assert flight.conversions > 0.9 * market.best_fixed(budget)


def test_clicks_come_at_once() -> None:
    market = Market.made(6, 1.3, delay_minutes=0)
    flight = fly(market, None, delay_minutes=0)
    assert flight.cpa == pytest.approx(1.0, abs=0.1)


def test_late_conversions_are_no_reason_to_throttle() -> None:
    """On goal all the time, with conversions a day late: the multiplier stays about where it is."""
    goal = GoalPacer.begin(0, 0.0)
    lowest = 1.0
    for minute in range(1440):
        arrived = lambda age_s: np.minimum(1.0, age_s / 86_400)  # noqa: E731
        spent, come = minute * 10, float(arrived((minute - np.arange(minute)) * 60).sum()) * 10
        goal.look(minute * MINUTE_NS, int(spent * 1e9), come * 1e9, 1e9, arrived)
        lowest = min(lowest, goal.multiplier)
    assert lowest > 0.8


def test_it_does_not_wind_up_while_the_budget_rules() -> None:
    goal = GoalPacer.begin(0, 0.0)
    spent = 0
    for minute in range(600):
        spent += 10**9
        goal.look(minute * MINUTE_NS, spent, 3.0 * spent, 1e9, at_once, budget=np.log(0.5))
    assert goal.multiplier == pytest.approx(0.5 * np.exp(0.1))
    for minute in range(600, 660):  # then results cost twice as much as they may
        spent += 5 * 10**9
        goal.look(minute * MINUTE_NS, spent, 3.0 * 600e9 + (spent - 600e9) / 2, 1e9, at_once)
    assert goal.multiplier < 0.5


def test_a_restart_goes_on_where_it_was() -> None:
    goal = GoalPacer.begin(5, 7.0)
    arrived = lambda age_s: np.minimum(1.0, age_s / 7200)  # noqa: E731
    for minute in range(100):
        goal.look(minute * MINUTE_NS, 10**9 * minute, 0.8e9 * minute, 1e9, arrived)
    other = GoalPacer.restored(msgpack.decode(msgpack.encode(goal.kept()), type=Kept))
    for minute in range(100, 200):
        assert goal.look(minute * MINUTE_NS, 10**9 * minute, 0.8e9 * minute, 1e9, arrived) == other.look(
            minute * MINUTE_NS, 10**9 * minute, 0.8e9 * minute, 1e9, arrived
        )
