"""Whole days of made-up traffic: what the conductor orders, and whether spend keeps to the plan by that.

The plan is made here, by plain counting: budget × the share of the day's auctions that have come by now.
"""

from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from math import pi, sin
from random import Random

import pytest

from campaigns.store import Store
from domain.campaign import LineItem, Snapshot
from pacing import supply_store
from pacing.conductor import Conductor
from pacing.protocol import Supplied
from pacing.purses import Purses
from targeting.expression import published
from tests.unit.pacing.test_leases import BID, DAY_S, MIDNIGHT_S, at, item, plan

STEP_S = 30
LATE = 2
"""Steps until a billing is known."""
WORKERS = 3


def by_hour(seconds: float) -> float:
    """Auctions a second: five times as many in the afternoon as at night."""
    return 3 + 2 * sin((seconds / DAY_S - 0.3) * 2 * pi)


@dataclass
class World:
    """Workers that obey, and a market whose price is anything up to 1.2 × the bid of the marketer."""

    snapshot: Snapshot
    rate: Callable[[float], float] = by_hour
    seed: int = 1
    conductor: Conductor = field(default_factory=lambda: Conductor(1.0))
    purses: Purses = field(default_factory=Purses)
    paced: dict[int, tuple[float, float]] = field(default_factory=dict)
    known: int = 0
    auctions: dict[int, int] = field(default_factory=dict)
    """Of each line item, so far."""
    curve: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """Of each line item: (auctions, spent) at each step."""

    def __post_init__(self) -> None:
        self.draw = Random(self.seed)
        self.purses.plan(self.snapshot)
        self.conductor.plan(self.purses)
        for worker in range(WORKERS):
            self.conductor.welcome(worker, at(0))
        self.told: deque[list[tuple[int, int]]] = deque([] for _ in range(LATE))
        self.spent: dict[int, int] = {}

    def run(self, from_s: float, to_s: float) -> None:
        for second in range(int(from_s), int(to_s), STEP_S):
            now = at(second + STEP_S)
            bought = []
            for line in self.purses.lines.values():
                if line.hours is not None and (second + MIDNIGHT_S - 4 * DAY_S) % (7 * DAY_S) // 3600 not in line.hours:
                    continue
                for _ in range(round(self.rate(second) * STEP_S)):
                    self.auctions[line.id] = self.auctions.get(line.id, 0) + 1
                    multiplier, share = self.paced.get(line.id, (1.0, 1.0))
                    market = self.draw.uniform(0, 1.2 * BID)
                    room = line.purse.money.left(line.purse.now(now))
                    if self.draw.random() < share and market < multiplier * BID and (room is None or room >= market):
                        bought.append((line.id, int(market)))
                        self.purses.hold(line, int(market), 1)  # as a lease does
            self.told.append(bought)
            for id_, price in self.told.popleft():
                self.purses.hold(self.purses.lines[id_], -price, -1)
                self.purses.spend(id_, 1, now, price)
                self.spent[id_] = self.spent.get(id_, 0) + price
            for worker in range(WORKERS):  # each of them saw a third
                figures = (Supplied(id_, (count + worker) // WORKERS) for id_, count in self.auctions.items())
                self.conductor.hear(worker, figures, now)
            self.conductor.look(now)
            for order in self.conductor.orders(self.known):
                self.paced[order.line_item] = order.multiplier, order.share
            self.known = self.conductor.newest
            for id_, count in self.auctions.items():
                self.curve.setdefault(id_, []).append((count, self.spent.get(id_, 0)))

    def day(self, number: int) -> None:
        self.run(number * DAY_S, (number + 1) * DAY_S)


def measure(curve: list[tuple[int, int]], budget: int, ahead: float = 1.0) -> tuple[float, float]:
    """(share of the budget spent, mean distance from the plan) of a day's curve."""
    first, _ = curve[0]
    whole = curve[-1][0] - first
    begun = curve[0][1]
    far = [abs((spent - begun) / budget - min(1.0, ahead * (count - first) / whole)) for count, spent in curve if whole]
    return (curve[-1][1] - begun) / budget, sum(far) / len(far)


STEPS = DAY_S // STEP_S
BUDGET = 30_000 * BID


@pytest.mark.parametrize(("pacing", "ahead"), [("even", 1.0), ("ahead", 1.2)])
def test_a_day_is_spent_along_its_traffic_once_a_day_was_seen(pacing: str, ahead: float) -> None:
    world = World(plan(item(pacing=pacing, daily_budget=BUDGET)))
    world.day(0)
    world.day(1)
    spent, off = measure(world.curve[1][STEPS:], BUDGET, ahead)
    assert 0.97 <= spent <= 1.0 and off <= 0.02, (spent, off)


def test_as_fast_as_possible_is_never_held_back() -> None:
    world = World(plan(item(daily_budget=BUDGET)))
    world.run(0, 3600)
    assert world.conductor.orders(0) == () and world.paced == {}


def test_the_tightest_of_several_budgets_decides() -> None:
    """Two line items share a campaign's budget; one of them has a tighter one of its own."""
    own = BUDGET // 10
    world = World(plan(item(1, pacing="even", daily_budget=own), item(2, pacing="even"), daily=BUDGET))
    world.day(0)
    world.day(1)
    alone, off = measure(world.curve[1][STEPS:], own)
    assert 0.97 <= alone <= 1.0 and off <= 0.03, (alone, off)
    both = [(count, spent + other) for (count, spent), (_, other) in zip(world.curve[1], world.curve[2], strict=True)]
    together, off = measure(both[STEPS:], BUDGET)
    assert 0.95 <= together <= 1.0 and off <= 0.03, (together, off)


def test_impressions_are_paced_like_money() -> None:
    world = World(plan(item(pacing="even", daily_impressions=20_000)))
    world.day(0)
    world.day(1)
    shown = world.purses.lines[1].purse.impressions
    assert 0.95 * 40_000 <= shown.spent <= 40_300


def test_hours_that_are_not_targeted_are_no_supply_from_the_first_day_on() -> None:
    """Monday 9:00 to 12:00 UTC only: by 10:30 half is spent, although nothing was learned yet."""
    hours = tuple(str(hour) for hour in (9, 10, 11))
    monday = (4 - MIDNIGHT_S // DAY_S) % 7
    line = item(pacing="even", daily_budget=BUDGET // 10)
    parts = LineItem(**{name: getattr(line, name) for name in LineItem.__struct_fields__} | {
        "targeting": published({"hour_of_week": hours})
    })  # fmt: skip
    world = World(plan(parts))
    world.run((monday * 24 + 8) * 3600, (monday * 24 + 10.5) * 3600)
    half = world.spent.get(1, 0) / (BUDGET // 10)
    world.run((monday * 24 + 10.5) * 3600, (monday * 24 + 12.5) * 3600)
    assert 0.4 <= half <= 0.6
    assert 0.95 <= world.spent[1] / (BUDGET // 10) <= 1.0


def test_a_control_that_starts_again_goes_on_where_it_was(new_store_url: Callable[[], str]) -> None:
    """At half past one in the afternoon of the second day; workers are still the same, and count on."""
    snapshot = plan(item(pacing="even", daily_budget=BUDGET))
    world = World(snapshot)
    noon = DAY_S + 13.5 * 3600
    world.run(0, noon)
    with closing(Store(new_store_url())) as store:
        with store.write() as conn:
            supply_store.save(conn, world.conductor.pacers.values(), at(noon))
        before = world.paced[1]
        world.conductor, world.known = Conductor(1.0), 0
        fresh = world.conductor.plan(world.purses)
        with store.read() as conn:
            supply_store.load(conn, fresh)
    world.run(noon, noon + 60)
    assert world.paced[1] == pytest.approx(before, rel=0.2)
    world.run(noon + 60, 2 * DAY_S)
    spent, off = measure(world.curve[1][STEPS:], BUDGET)
    assert 0.97 <= spent <= 1.0 and off <= 0.02, (spent, off)


def test_figures_of_workers_count_once_whatever_is_heard_twice_or_began_before() -> None:
    conductor = Conductor(1.0)
    purses = Purses()
    purses.plan(plan(item(pacing="even")))
    conductor.plan(purses)
    conductor.welcome(7, at(0))
    for auctions in (10, 10, 25, 20):
        conductor.hear(7, [Supplied(1, auctions)], at(1))
    conductor.hear(8, [Supplied(1, 1_000)], at(1))  # was there before this process
    conductor.hear(8, [Supplied(1, 1_005)], at(2))
    assert conductor.auctions == {1: 30}
    conductor.forget(at(DAY_S))  # what was silent for so long begins anew
    conductor.hear(7, [Supplied(1, 90)], at(DAY_S))
    assert conductor.auctions == {1: 30}


def test_only_newer_orders_are_told_and_a_line_item_that_is_paced_no_more_is_let_go() -> None:
    world = World(plan(item(1, pacing="even", daily_budget=BID), item(2, pacing="even", daily_budget=BID)))
    world.run(0, 1800)
    conductor = world.conductor
    orders = conductor.orders(0)
    assert {order.line_item for order in orders} == {1, 2} and all(order.share <= 1 for order in orders)
    assert conductor.orders(conductor.newest) == ()
    world.purses.plan(plan(item(1, daily_budget=BID), item(2, pacing="even", daily_budget=BID)))
    newest = conductor.newest
    conductor.plan(world.purses)
    (order,) = conductor.orders(newest)
    assert (order.line_item, order.multiplier, order.share) == (1, 1.0, 1.0)
