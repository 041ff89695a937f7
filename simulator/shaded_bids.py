"""Bids in first-price auctions, shaded by production's kernel on the price landscape of past auctions.

The landscape has a curve of win rates for each tenth of the past's pCTR. While a budget runs, the market may become
dearer or cheaper as a whole; that level is learnt from what a bidder sees, whether its bids won.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cython_ext.shading import Landscape
from simulator.auction_replay import QUANTUM, Auctions, Floats

BUCKETS = 10
"""Of pCTR, of equally many past auctions."""

KNOTS = 250
"""Prices of a curve at most."""

LEVELS = np.geomspace(0.5, 2.0, 41)
"""Market levels that are thought possible, beside the past's, which is 1 …"""

FIRM = 0.1
"""… and was so, to begin with, as probably as a normal distribution of the logarithm with this deviation says."""

PRICES = 96
SAMPLE = 20_000
"""Prices of a click at which the past's spend is measured, on the newest so many past auctions."""


class Shading:
    """One landscape, and the level of the market as one budget's auctions have shown it."""

    def __init__(self, past: Auctions) -> None:
        self.edges = np.quantile(past.pctr, np.linspace(0, 1, BUCKETS + 1)[1:-1])
        bucket = np.searchsorted(self.edges, past.pctr, "right")
        everything = np.sort(past.market)
        curves = []
        for number in range(BUCKETS):
            found = np.sort(past.market[bucket == number])
            curves.append(_curve(found if found.size else everything))
        starts = np.cumsum([0, *(len(prices) for prices, _ in curves)])
        self.landscape = Landscape(
            np.concatenate([prices for prices, _ in curves]),
            np.concatenate([wins for _, wins in curves]),
            [(begin, begin, end - begin) for begin, end in pairwise(starts.tolist())],
            [(0, number, number + 1) for number in range(BUCKETS)],
        )
        self.memory = np.inf
        self.prior = -0.5 * (np.log(LEVELS) / FIRM) ** 2
        self.evidence = np.zeros(len(LEVELS))
        self.level = 1.0

    def begin(self, memory: float) -> None:
        """A new budget: the level is the past's, and so many auctions will be remembered."""
        self.memory = memory
        self.evidence[:] = 0.0
        self.level = 1.0

    def bids(self, worth: Floats, pctr: Floats) -> Floats:
        values = _whole(worth / self.level)
        shaded = self.landscape.shade(self._contexts(pctr), values, np.zeros_like(values), values)
        return np.asarray(shaded * QUANTUM * self.level)

    def learn(self, bids: Floats, pctr: Floats, won: NDArray[np.bool_]) -> None:
        """Which of those bids won."""
        contexts = self._contexts(pctr)
        tried = bids > 0
        contexts, bids, won = contexts[tried], bids[tried], won[tried]
        self.evidence *= np.exp(-len(bids) / self.memory)
        if not len(bids):
            return
        at_levels = _whole((bids / LEVELS[:, None]).ravel())
        rates = self.landscape.win_rates(np.tile(contexts, len(LEVELS)), at_levels)
        likely = np.clip(rates.reshape(len(LEVELS), -1), 1e-3, 1 - 1e-3)
        self.evidence += np.log(np.where(won, likely, 1 - likely)).sum(axis=1)
        belief = self.prior + self.evidence
        belief = np.exp(belief - belief.max())
        self.level = float(np.exp((np.log(LEVELS) * belief).sum() / belief.sum()))

    def _contexts(self, pctr: Floats) -> NDArray[np.uint32]:
        return (np.searchsorted(self.edges, pctr, "right") + 1).astype(np.uint32)


def _whole(prices: Floats) -> NDArray[np.int64]:
    return np.floor(np.minimum(prices / QUANTUM, 2.0**52)).astype(np.int64)


def _curve(ordered: Floats) -> tuple[Floats, Floats]:
    """Prices in quanta, and the share of the market prices that each of them beats."""
    knots = np.unique(ordered)
    if len(knots) > KNOTS:
        knots = np.unique(np.quantile(ordered, np.linspace(0, 1, KNOTS), method="inverted_cdf"))
    return knots / QUANTUM, np.searchsorted(ordered, knots, "right") / len(ordered)


def costs_at(past: Auctions, rate: Floats, shading: Shading) -> tuple[list[float], list[float]]:
    """Growing prices of a click, and what an auction would have cost at each on the average of the newest past ones,
    every bid shaded."""
    begin = max(0, len(past) - SAMPLE)
    newest, rate = past.part(begin, len(past)), rate[begin:]
    most = float(newest.market.max()) or 1.0
    prices = np.geomspace(most / 1e4, most * 100, PRICES) / float(rate.mean())
    costs = []
    for price in prices.tolist():
        bids = shading.bids(price * rate, newest.pctr)
        costs.append(float(bids[(bids >= newest.market) & (bids > 0)].sum()) / len(newest))
    return prices.tolist(), costs
