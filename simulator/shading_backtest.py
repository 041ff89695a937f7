"""What first-price shading earns on recorded auctions, of what one who knew every price would have.

An auction is a row of a recording: click, market price, predicted click rate. What an impression is worth is a click's
value times that rate; a bid that is not below the market price wins and is paid. The learner bids from the first
row on, a batch at a time, and is told of the batch only which bids won; its twin, the same in all else, is told every
market price. What counts is the last part of the recording.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused
from prediction.landscape import PriceLandscape, landscape_of
from prediction.price_context import values
from prediction.price_learner import PriceLearner, Settings
from simulator.auction_replay import Auctions

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRICE = 10_000
"""Nanos of one unit of a recorded price, a CPM in hundredths of the currency."""
FEATURES = ("ctr_wide", "ctr")
EXCHANGE = 1
BATCH = 1_000
"""Auctions until the learner hears what became of its bids."""
FIRST, EAGER = 0.1, 6
"""In so much of the recording prices are tried out more often, at first so many times."""
HEADROOM = 4
"""Prices are learned up to so many times what the first batch is worth at most."""
LEAST_ROWS = 5_000
BLOCKS = 40
"""Of time, that the intervals are drawn from."""
DRAWS = 1_000


class Outcome(NamedTuple):
    """Of one run, over the last part of the recording: an entry an auction, in units of price."""

    worth: Floats
    bids: Floats
    won: NDArray[np.bool_]
    surplus: Floats
    best: Floats
    """What knowing each price would have earned."""

    @property
    def share(self) -> float:
        return float(self.surplus.sum() / max(self.best.sum(), 1e-9))


class Trial(NamedTuple):
    """Of one value of a click: runs that heard of their own bids only, and the same that were told every price."""

    value: float
    runs: Sequence[Outcome]
    twins: Sequence[Outcome]

    @property
    def share(self) -> float:
        return sum(run.share for run in self.runs) / len(self.runs)

    @property
    def full_share(self) -> float:
        return sum(run.share for run in self.twins) / len(self.twins)

    @property
    def win_rate(self) -> float:
        return float(np.mean([run.won.mean() for run in self.runs]))

    @property
    def mean_bid(self) -> float:
        return float(np.mean([run.bids.mean() for run in self.runs]))

    @property
    def truthful_win_rate(self) -> float:
        """Of who bids what impressions are worth, and earns nothing."""
        return float((self.runs[0].best > 0).mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of the share, by drawing blocks of time with replacement."""
        surplus = np.mean([run.surplus for run in self.runs], axis=0)
        earned, possible = (
            np.array([part.sum() for part in np.array_split(of, BLOCKS)]) for of in (surplus, self.runs[0].best)
        )
        drawn = np.random.default_rng(BLOCKS).integers(0, BLOCKS, (DRAWS, BLOCKS))
        shares = earned[drawn].sum(axis=1) / np.maximum(possible[drawn].sum(axis=1), 1e-9)
        low, high = np.quantile(shares, [0.025, 0.975])
        return float(low), float(high)


def conduct(recording: Auctions, value: float, test_from: float, strays: float, seeds: Sequence[int]) -> Trial:
    """Runs of `trade` with these seeds, and their twins."""
    runs, twins = ([trade(recording, value, told, test_from, strays, seed) for seed in seeds] for told in (False, True))
    return Trial(value, runs, twins)


def checked(recording: Auctions, name: str) -> Auctions:
    """Raises Refused for a recording that nothing can be learnt from."""
    if len(recording) < LEAST_ROWS:
        raise Refused([Problem(name, len(recording), f"it must have at least {LEAST_ROWS} auctions")])
    outside = (recording.pctr <= 0) | (recording.pctr >= 1)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise Refused([Problem(f"{name}, auction {row + 1}, pCTR", recording.pctr[row], "it must be between 0 and 1")])
    return recording


def trade(recording: Auctions, value: float, told: bool, test_from: float, strays: float, seed: int) -> Outcome:
    """Bids on all of it. ``told``: the learner hears every market price. ``strays``: the share of auctions in which a
    price is tried out; at first more, falling to it."""
    worth = np.floor(value * recording.pctr * PRICE).astype(np.int64)
    market = recording.market * PRICE
    contexts = values(FEATURES, {"ctr": recording.pctr})
    draw = np.random.default_rng(seed)
    highest = max(HEADROOM * float(worth[:BATCH].max()), float(PRICE))
    learner = PriceLearner(len(FEATURES), PRICE, highest, Settings(step=PRICE))
    bids = np.zeros(len(worth), np.int64)
    landscape: PriceLandscape | None = None
    for start in range(0, len(worth), BATCH):
        batch = slice(start, start + BATCH)
        here, none = worth[batch], np.zeros(len(worth[batch]), np.int64)
        if landscape is None:  # nothing is known: any bid up to the value
            sent = (here * draw.uniform(size=len(here))).astype(np.int64)
        else:
            within = landscape.contexts(none + EXCHANGE, contexts[batch])
            sent = landscape.kernel.shade(within, here, none, here)
            numbers = draw.integers(0, 1 << 63, len(here)).astype(np.uint64)
            sent, _ = landscape.kernel.stray(within, here, sent, none, here, numbers)
        bids[batch] = sent = sent // PRICE * PRICE
        if told:
            learner.observe(contexts[batch], market[batch], market[batch])
        else:
            won = sent >= market[batch]
            learner.observe(contexts[batch], np.where(won, 0.0, sent), np.where(won, sent, np.inf))
        share = max(strays, EAGER * strays * (1 - start / (FIRST * len(worth))))
        landscape = landscape_of({EXCHANGE: learner}, FEATURES, share)
    won = bids >= market
    counted = slice(int(len(worth) * test_from), None)
    surplus = np.where(won, worth - bids, 0) / PRICE
    best = np.maximum(worth - market, 0) / PRICE
    return Outcome(worth[counted] / PRICE, bids[counted] / PRICE, won[counted], surplus[counted], best[counted])
