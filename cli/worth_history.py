"""What a bidder of the proof of worth has learnt before its day: click and conversion rates from a history that was
bought without choosing, what an application is worth, and where prices are first ones, how high others bid.

Both strategies have the same of it. The models are those that `outbid train` makes, by the same function and settings.
"""

from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from bidder.models import Models
from bidder.pricing.landscape import Shading
from cli.training_job import train_settings
from cli.worth_bidder import DAY_NS, START_NS, WorthBidder, values
from domain.errors import Problem, Refused
from domain.money import NANOS
from domain.strategy import Strategy
from domain.worth import RiskRules
from prediction.features import BID
from prediction.price_training import bounds
from prediction.price_training import fit as fit_prices
from prediction.rows import rows
from prediction.scorer import Scorer
from prediction.training import fit
from simulator.worth_traffic import FIRST, MICROS, SECOND, Traffic, WorthWorld

HISTORY, REHEARSAL, PRICES, DAY = 0, 1, 2, 3
"""Days of a world, by what they are for."""
ANY_GOAL, ANY_CPM = 10**15, 100_000 * MICROS
"""Win whatever is on offer."""
MOST_TRIED, LEAST_TRIED = 3.0, 0.05
"""Where first prices are paid, others' bids are learnt by bidding from so many times the worth down to that."""
HELD_OUT, FOLDS = 0.15, 2
"""`outbid train` has five folds and judges; here there are many worlds, and the truth judges."""


@dataclass(frozen=True, eq=False)
class Learnt:
    """Models of clicks, and that these become applications; and of how many of either they were learnt."""

    ctr: Scorer
    cvr: Scorer
    clicks: int
    applications: int

    def models(self) -> Models:
        """For one worker."""
        made = Models()
        made.put("ctr", self.ctr, 1)
        made.put("cvr", self.cvr, 1)
        return made


def learn(world: WorthWorld) -> Learnt:
    """Buys a day of everything, and learns from who clicked and applied then. Raises `Refused` if nobody did."""
    traffic = world.traffic(HISTORY, world.parameters.history)
    draw = np.random.default_rng([world.seed, 2])
    clicked = draw.random(len(traffic)) < traffic.click
    applied = clicked & (draw.random(len(traffic)) < traffic.application)
    bidder = WorthBidder(Strategy("target_cpa", ANY_GOAL, explore_ppm=0), RiskRules(), {}, Models(), cap_cpm=ANY_CPM)
    outcome, events = bidder.day(traffic, SECOND)
    assert outcome.won.all() and len(events) == len(traffic)
    seen = values(events, len(BID.features))
    at = START_NS + np.arange(len(traffic), dtype=np.int64) * DAY_NS // len(traffic)
    ctr, cvr = _model(seen, clicked, at), _model(seen[clicked], applied[clicked], at[clicked])
    return Learnt(ctr, cvr, int(clicked.sum()), int(applied.sum()))


def worth_of_an_application(history: Traffic, bought: NDArray[np.bool_]) -> float:
    """What an application of those that were bought earned on average, units of currency."""
    chance = history.click * history.application * bought
    return float(chance @ history.worth / max(float(chance.sum()), 1e-12))


def _model(seen: NDArray[np.uint32], label: NDArray[np.bool_], at: NDArray[np.int64]) -> Scorer:
    if not 0 < label.mean() < 1:
        raise Refused([Problem("history", len(label), "it must be long enough that some clicked and some applied")])
    segments = {name: seen[:, BID.slot(name)] for name in ("advertiser", "exchange", "format")}
    told = rows(seen, label.astype(np.float64), time_ns=at, segment=segments)
    return fit(BID, told, replace(train_settings(told, "lr", HELD_OUT), folds=FOLDS))[0]


def learn_prices(world: WorthWorld, learnt: Learnt, goal: float) -> Shading:
    """Of an exchange with first prices: tries prices on a day of its own, and learns from which of them won."""
    traffic = world.traffic(PRICES, world.parameters.rehearsal, FIRST)
    draw = np.random.default_rng([world.seed, 3])
    tried = np.exp(draw.uniform(np.log(LEAST_TRIED), np.log(MOST_TRIED), len(traffic)))
    strategy = Strategy("target_cpa", max(round(goal * NANOS), 1), explore_ppm=0)
    bidder = WorthBidder(strategy, RiskRules(), {}, learnt.models())
    outcome, events = bidder.day(traffic, FIRST, pace=tried)
    bids = {
        name: np.array([getattr(event, name) for event in events])
        for name in (
            "exchange",
            "price",
            "floor",
            "site",
            "context",
            "device_type",
            "time_ns",
            "ctr",
            "width",
            "height",
        )
    }
    won = outcome.won[outcome.bid > 0]
    none = np.zeros(len(won), np.int64)
    never = np.zeros(len(won), bool)
    low, high = bounds(bids["price"], bids["floor"], won, none, none, never, never)
    landscape, _ = fit_prices(bids, low, high, ("site",), strays=0.0)
    made = Shading()
    made.use(landscape, 1)
    return made
