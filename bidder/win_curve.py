"""How often a bid of some price wins, and what it then costs: from bids of ours that were won and lost.

What decides is the highest price that others would pay for an impression. Of each of our bids it is known to be below
the bid (won), not below it (lost), or exactly (the exchange told it, or the second price). The distribution is the
nonparametric maximum likelihood estimate for such censored data, by self-consistency: B. W. Turnbull, "The empirical
distribution function with arbitrarily grouped, censored and truncated data", JRSS B 38 (1976).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POINTS = 200
"""Prices that the distribution is told at."""
ROUNDS = 400
CLOSE = 1e-7


class WinCurve:
    """Made of intervals ``low`` < price of the others <= ``high``; equal where it is known, ``high`` inf where it was
    not reached; both inf where no price would have won. Prices are nanos of the exchange's currency. Between prices
    that were observed mass is spread evenly; above the highest, nothing more is won than at it.
    """

    def __init__(self, low: Floats, high: Floats) -> None:
        self.bids = len(low)
        ends = np.unique(np.concatenate([low, high]))
        ends = ends[(ends > 0) & np.isfinite(ends)]
        if len(ends) > POINTS:
            ends = np.unique(np.quantile(ends, np.linspace(0, 1, POINTS), method="nearest"))
        self.prices = np.concatenate([[0.0], ends])
        # cell n lies between price n and n + 1; the last has no end
        last = np.where(np.isfinite(high), np.searchsorted(ends, high), len(ends))
        first = np.where(low == high, last, np.searchsorted(ends, low, side="right"))
        self.shares = _most_likely(np.minimum(first, last), last, len(ends) + 1)
        self._won = np.concatenate([[0.0], np.cumsum(self.shares[:-1])])
        middles = (self.prices[1:] + self.prices[:-1]) / 2
        self._paid = np.concatenate([[0.0], np.cumsum(self.shares[:-1] * middles)])

    def wins(self, bids: Floats) -> Floats:
        """Probability that a bid wins where its floor is met."""
        won: Floats = np.interp(bids, self.prices, self._won)
        return won

    def second_prices(self, bids: Floats, floors: Floats) -> Floats:
        """Expected price of a bid where the second price, or the floor, is paid; nothing for one that is lost."""
        below = np.minimum(floors, bids)
        paid = np.interp(bids, self.prices, self._paid) - np.interp(below, self.prices, self._paid)
        expected: Floats = below * self.wins(below) + paid
        return expected


def _most_likely(first: NDArray[np.int64], last: NDArray[np.int64], cells: int) -> Floats:
    """The shares of the cells that make what was observed most likely: each fell into one of ``first`` to ``last``."""
    ranges, counts = np.unique(np.stack([first, last]), axis=1, return_counts=True)
    shares: Floats = np.full(cells, 1.0 / cells)
    for _ in range(ROUNDS):
        sums = np.concatenate([[0.0], np.cumsum(shares)])
        within = np.maximum(sums[ranges[1] + 1] - sums[ranges[0]], 1e-300)
        steps = np.zeros(cells + 1)
        np.add.at(steps, ranges[0], counts / within)
        np.add.at(steps, ranges[1] + 1, -counts / within)
        found: Floats = shares * np.cumsum(steps[:-1]) / counts.sum()
        if np.abs(found - shares).max() < CLOSE:
            return found
        shares = found
    return shares
