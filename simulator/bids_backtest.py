"""Back-test of bidding strategies on recorded auctions: each has one budget after the other, on the same auctions.

All learn from the past part of the recording only. A budget of 1/N is an N-th of what all auctions of the rest cost
together, as in the literature (Zhang, Yuan and Wang, KDD 2014).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused
from simulator.auction_replay import Auctions, Floats, in_quanta
from simulator.auction_spending import Market, Spent, spend
from simulator.bid_baselines import fitted
from simulator.clairvoyant import most_value
from simulator.click_value import click_value

OURS = "outbid"
CONTROLLER = "controller"
"""Ours with another way to the budget's price; no baseline."""

Runner = Callable[[Auctions, float], Spent]
"""Bids on auctions, one after the other, with a budget."""

Learner = Callable[[Auctions, Market], dict[str, Runner]]
"""Strategies by name, which learned from the past. Handed in, as this folder knows nothing of production's."""

FEWEST = 100
"""Auctions in either part."""

BLOCKS = 100
"""The rest is cut into so many blocks of time, which are drawn with replacement for the intervals."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One strategy with one budget."""

    strategy: str
    budget: float
    spent: Spent
    parameters: dict[str, float]


@dataclass(frozen=True, eq=False)
class BidsBackTest:
    """``budgets`` are the N of 1/N. ``expected`` fits the baselines by the clicks that are expected of past auctions,
    not by those that happened: not as published, but less a matter of chance."""

    auctions: Auctions
    train_fraction: float
    budgets: Sequence[float]
    kind: Market = "second"
    expected: bool = False
    past: Auctions = field(init=False)
    rest: Auctions = field(init=False)

    def __post_init__(self) -> None:
        past, rest = self.auctions.split(self.train_fraction)
        problems = []
        if not 0 < self.train_fraction < 1 or min(len(past), len(rest)) < FEWEST:
            allowed = f"it must leave {FEWEST} auctions or more on either side, of {len(self.auctions)}"
            problems.append(Problem("train-fraction", self.train_fraction, allowed))
        if not self.budgets or not all(1 <= number < np.inf for number in self.budgets):
            problems.append(Problem("budgets", list(self.budgets), "they must be numbers of 1 or above"))
        if problems:
            raise Refused(problems)
        object.__setattr__(self, "past", past)
        object.__setattr__(self, "rest", rest)

    @property
    def cost_of_all(self) -> float:
        return float(self.rest.market.sum())

    def budget(self, number: float) -> float:
        return float(in_quanta(np.array([self.cost_of_all / number]))[0])

    def trials(self, ours: Learner) -> Iterator[Trial]:
        """Budget by budget; within one the baselines in their order, then ours."""
        runners = ours(self.past, self.kind)
        worth = click_value(self.past).rate(self.past.pctr) if self.expected else self.past.click
        for number in self.budgets:
            budget = self.budget(number)
            of_past = budget * len(self.past) / len(self.rest)
            for name, strategy in fitted(self.past, of_past, self.kind, worth).items():
                bids = strategy.bids(self.rest.pctr)
                yield Trial(name, budget, spend(bids, self.rest.market, budget, self.kind), dict(strategy.parameters))
            for name, run in runners.items():
                yield Trial(name, budget, run(self.rest, budget), {})

    def most_clicks(self, budget: float) -> float:
        return most_value(self.rest.click, self.rest.market, budget)

    def most_pctr(self, budget: float) -> float:
        return most_value(self.rest.pctr, self.rest.market, budget)


@dataclass(frozen=True)
class Result:
    """What a trial comes to."""

    clicks: int
    spend: float
    wins: int
    pctr: float
    """Sum over the won auctions."""
    clicks_interval: tuple[float, float]
    """The middle 95 % of clicks over draws of the blocks of time."""

    @property
    def ecpc(self) -> float | None:
        """Money a click."""
        return self.spend / self.clicks if self.clicks else None


def result(trial: Trial, rest: Auctions, draws: NDArray[np.int64]) -> Result:
    won = trial.spent.won
    low, high = interval(block_sums(rest.click * won), draws)
    return Result(
        int(rest.click[won].sum()),
        float(trial.spent.cost.sum()),
        int(won.sum()),
        float(rest.pctr[won].sum()),
        (low, high),
    )


def draws(count: int, seed: int) -> NDArray[np.int64]:
    """(count, BLOCKS): which blocks each draw has. All strategies share them, so that a difference is drawn, too."""
    return np.random.default_rng(seed).integers(0, BLOCKS, (count, BLOCKS))


def block_sums(values: Floats) -> Floats:
    edges = np.linspace(0, len(values), BLOCKS + 1).astype(np.int64)[:-1]
    return np.asarray(np.add.reduceat(values, edges), dtype=np.float64)


def interval(sums: Floats, drawn: NDArray[np.int64]) -> tuple[float, float]:
    """The middle 95 % of the total."""
    low, high = np.quantile(sums[drawn].sum(axis=1), (0.025, 0.975))
    return float(low), float(high)
