"""One world of the proof of worth, bid on by each strategy with and without the risk module: the same requests, the
same budget, the same predictions of clicks and applications.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from cli.worth_bidder import Outcome, WorthBidder
from cli.worth_history import DAY, HISTORY, REHEARSAL, Learnt, learn_prices, worth_of_an_application
from cli.worth_scores import Scores, profiles
from domain.money import NANOS
from domain.strategy import RATIO_UNIT, Strategy
from domain.worth import RiskRules
from simulator.worth_traffic import FIRST, SECOND, Traffic, WorthWorld

Market = Literal["second", "first"]
MARKETS: dict[Market, int] = {"second": SECOND, "first": FIRST}
LEAST_PACE = 0.05
"""As far down as control paces prices that are worked out; the highest is 1: neither goal nor worth is exceeded."""
ROUNDS, CLOSE = 3, 0.02
"""Where prices are first ones a shaded bid is no multiple of the pace: most rehearsals, and how near is enough."""
HALVINGS = 40


class Arm(NamedTuple):
    """What bids: a strategy, with the risk module or without."""

    strategy: Literal["target_cpa", "credit_value"]
    risk: bool

    @property
    def name(self) -> str:
        return f"{self.strategy}, risk {'on' if self.risk else 'off'}"


CPA_OFF, CPA_ON = Arm("target_cpa", False), Arm("target_cpa", True)
CREDIT_OFF, CREDIT_ON = Arm("credit_value", False), Arm("credit_value", True)
ARMS = (CPA_OFF, CPA_ON, CREDIT_OFF, CREDIT_ON)


class Figures(NamedTuple):
    """What a day brought, by true chances and the outcomes of the people who were shown the ad; units of currency."""

    pace: float
    spend: float
    fraud_spend: float
    impressions: int
    applications: float
    contribution: float
    """What the lender earned with approved loans, less what was lost with those who defaulted."""

    @property
    def profit(self) -> float:
        return self.contribution - self.spend

    @property
    def profit_per_media(self) -> float:
        return self.profit / self.spend if self.spend else 0.0

    @property
    def fraud_share(self) -> float:
        return self.fraud_spend / self.spend if self.spend else 0.0


class Trial(NamedTuple):
    """A world and a market. ``limited``: all with this budget; ``free``: each bidding what it thinks is right, without
    one (empty where it was not asked for)."""

    seed: int
    market: Market
    budget: float
    limited: Mapping[Arm, Figures]
    free: Mapping[Arm, Figures]
    blocked_genuine: float
    """Share of the day's genuine requests that the fraud score's cut-off keeps from bidding …"""
    blocked_fraud: float
    """… and of those of farms."""


class Contest:
    """``market``'s exchange in ``world``, and all that bids there knows."""

    def __init__(self, world: WorthWorld, learnt: Learnt, scores: Scores, market: Market) -> None:
        self.world, self.learnt, self.scores, self.market = world, learnt, scores, market
        self.kind, self.people = MARKETS[market], profiles(world, scores)
        self.blocked = {ifa for ifa, fraud in self.people.fraud.items() if fraud > scores.max_fraud}
        history = world.traffic(HISTORY, world.parameters.history)
        passed = np.array([ifa not in self.blocked for ifa in history.ids])
        self.goals = {
            False: worth_of_an_application(history, np.ones(len(history), bool)),
            True: worth_of_an_application(history, passed),
        }
        """What an application may cost, without the risk module and with it: what it earned on average."""
        self.shading = learn_prices(world, learnt, self.goals[False]) if self.kind == FIRST else None
        self.rehearsal = world.traffic(REHEARSAL, world.parameters.rehearsal, self.kind)

    def hold(self, arms: tuple[Arm, ...] = ARMS, free: bool = False) -> Trial:
        """The day. ``free``: once more without a budget."""
        of = self.world.parameters
        day = self.world.traffic(DAY, of.day, self.kind)
        tried = {arm: self.run(arm, self.rehearsal) for arm in dict.fromkeys((CPA_OFF, *arms))}
        target = of.budget_share * tried[CPA_OFF].spend
        budget = target * of.day / of.rehearsal
        limited, without = {}, {}
        for arm in arms:
            pace = self.pace(arm, tried[arm], target)
            limited[arm] = figures(day, self.run(arm, day, budget, pace), pace)
            if free:
                without[arm] = figures(day, self.run(arm, day), 1.0)
        out = np.array([ifa in self.blocked for ifa in day.ids])
        shares = [float(out[which].mean()) if which.any() else 0.0 for which in (~day.fraud, day.fraud)]
        return Trial(self.world.seed, self.market, budget, limited, without, *shares)

    def run(self, arm: Arm, traffic: Traffic, budget: float = float("inf"), pace: float = 1.0) -> Outcome:
        bidder = WorthBidder(
            self.strategy(arm), self.rules(arm), self.people.records, self.learnt.models(), self.shading
        )
        return bidder.day(traffic, self.kind, budget, pace)[0]

    def rules(self, arm: Arm) -> RiskRules:
        return RiskRules(max_fraud=self.scores.max_fraud) if arm.risk else RiskRules()

    def strategy(self, arm: Arm) -> Strategy:
        of = self.world.parameters
        if arm.strategy == "target_cpa":
            return Strategy("target_cpa", max(round(self.goals[arm.risk] * NANOS), 1), explore_ppm=0)
        return Strategy(
            "credit_value",
            explore_ppm=0,
            margin=round(of.margin * NANOS),
            exposure=round(of.exposure * NANOS),
            lgd_ppm=round(of.lgd * RATIO_UNIT),
            p_approved_ppm=round(self.scores.usual_approval * RATIO_UNIT),
            pd_ppm=round(self.scores.usual_pd * RATIO_UNIT),
        )

    def pace(self, arm: Arm, tried: Outcome, target: float) -> float:
        """At which the rehearsal costs so much; 1 where it costs no more anyway."""
        if tried.spend <= target:
            return 1.0
        pace = scaled(tried, self.rehearsal, self.kind, target)
        if self.shading is None:
            return pace
        low, high = LEAST_PACE, 1.0
        for _ in range(ROUNDS):
            spend = self.run(arm, self.rehearsal, pace=pace).spend
            if abs(spend / target - 1.0) < CLOSE:
                break
            low, high = (pace, high) if spend < target else (low, pace)
            pace = min(max(pace * target / max(spend, 1e-9), low), high)
        return pace


def scaled(tried: Outcome, traffic: Traffic, kind: int, target: float) -> float:
    """The highest pace at which so much is spent, if every bid is so many times what it was at a pace of 1."""
    rivals = np.maximum(traffic.market, traffic.floor)
    won = tried.bid >= rivals
    bids, rivals = tried.bid[won] / NANOS, rivals[won] / NANOS  # CPM micros are nanos an impression
    low, high = LEAST_PACE, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        still = middle * bids >= rivals
        spend = float((middle * bids if kind == FIRST else rivals)[still].sum())
        low, high = (middle, high) if spend <= target else (low, middle)
    return low


def figures(traffic: Traffic, outcome: Outcome, pace: float) -> Figures:
    won = outcome.won
    applications = (traffic.click * traffic.application)[won]
    return Figures(
        pace,
        outcome.spend,
        float(outcome.cost[won & traffic.fraud].sum()) / NANOS,
        int(won.sum()),
        float(applications.sum()),
        float(applications @ traffic.worth[won]),
    )
