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
    not reached; both inf where no price would have won. Prices are nanos of the exchange's currency. What lies between
    prices that were observed is spread evenly; above the highest, nothing more is won than at it.
    """

    def __init__(self, low: Floats, high: Floats) -> None:
        self.bids = len(low)
        ends = np.unique(np.concatenate([low, high]))
        ends = ends[(ends > 0) & np.isfinite(ends)]
        if len(ends) > POINTS:
            ends = np.unique(np.quantile(ends, np.linspace(0, 1, POINTS), method="nearest"))
        self.prices: Floats = np.concatenate([[0.0], ends])
        # Cells: 2n lies between price n and the next, the last without an end; 2n + 1 is the price after it alone.
        above = 2 * np.searchsorted(ends, low, side="right")
        place = np.minimum(np.searchsorted(ends, high), max(0, len(ends) - 1))
        met = np.isin(high, ends)
        last = np.where(np.isfinite(high), 2 * place + met, 2 * len(ends))
        first = np.where(low == high, last, np.minimum(above, last))
        possible = np.ones(2 * len(ends) + 1, bool)
        possible[1::2] = np.isin(ends, high[low == high])  # who never met a price exactly has no mass on it
        shares = _most_likely(first, last, possible)
        self._between, self._at = shares[0::2], shares[1::2]
        whole = self._between[:-1] + self._at
        middles = self._between[:-1] * (self.prices[1:] + self.prices[:-1]) / 2 + self._at * ends
        self._won = np.concatenate([[0.0], np.cumsum(whole)])
        self._paid = np.concatenate([[0.0], np.cumsum(middles)])

    def wins(self, bids: Floats) -> Floats:
        """Probability that a bid wins where its floor is met."""
        return self._below(bids)[0]

    def second_prices(self, bids: Floats, floors: Floats) -> Floats:
        """Expected price of a bid where the second price, or the floor, is paid; nothing for one that is lost."""
        floors = np.minimum(floors, bids)
        at_floor, below_floor = self._below(floors)
        expected: Floats = floors * at_floor + self._below(bids)[1] - below_floor
        return expected

    def _below(self, prices: Floats) -> tuple[Floats, Floats]:
        """The share of the others' prices that is not above a price, and their sum."""
        place = np.searchsorted(self.prices, prices, side="right") - 1
        inside = place < len(self.prices) - 1
        start = self.prices[place]
        end = np.where(inside, self.prices[np.minimum(place + 1, len(self.prices) - 1)], np.inf)
        part = np.where(inside, self._between[place] * (prices - start) / np.where(inside, end - start, 1.0), 0.0)
        return self._won[place] + part, self._paid[place] + part * (start + prices) / 2


def _most_likely(first: NDArray[np.int64], last: NDArray[np.int64], possible: NDArray[np.bool_]) -> Floats:
    """The shares of the cells that make what was observed most likely: each fell into one of ``first`` to ``last``."""
    ranges, counts = np.unique(np.stack([first, last]), axis=1, return_counts=True)
    shares: Floats = possible / possible.sum()
    for _ in range(ROUNDS):
        sums = np.concatenate([[0.0], np.cumsum(shares)])
        within = np.maximum(sums[ranges[1] + 1] - sums[ranges[0]], 1e-300)
        steps = np.zeros(len(possible) + 1)
        np.add.at(steps, ranges[0], counts / within)
        np.add.at(steps, ranges[1] + 1, -counts / within)
        found: Floats = shares * np.cumsum(steps[:-1]) / counts.sum()
        if np.abs(found - shares).max() < CLOSE:
            return found
        shares = found
    return shares
