"""The auctions of the pacing back-test.

The market price of each impression is log-normal around its slot's mean, independent of the others; a higher bid wins
and pays the market price (second price). Of a minute with many impressions only the sum is drawn, from the normal
distribution with the exact mean and variance of that sum; of one with few, each impression. Bids do not move the
market.

Prices are nanos an impression.
"""

from math import exp, log, sqrt
from random import Random
from statistics import NormalDist

SIGMA = 0.91
"""Deviation of the logarithm of market prices: iPinYou's price histograms, as in `simulator.market`."""

FEW = 30
"""Below so many impressions each is drawn by itself."""

NORMAL = NormalDist()


def expected_cost(mean: float, bid: float) -> float:
    """What an impression costs on average, won or not, at this mean market price."""
    return mean * NORMAL.cdf((log(bid) - _middle(mean)) / SIGMA - SIGMA) if bid > 0 and mean > 0 else 0.0


def bought(impressions: int, mean: float, bid: float, share: float, chance: Random) -> float:
    """What the impressions cost that are won, of so many with this mean market price."""
    if bid <= 0 or share <= 0 or mean <= 0 or impressions <= 0:
        return 0.0
    middle = _middle(mean)
    if impressions < FEW:
        prices = [chance.lognormvariate(middle, SIGMA) for _ in range(impressions) if chance.random() < share]
        return sum(price for price in prices if price < bid)
    z = (log(bid) - middle) / SIGMA
    paid = share * expected_cost(mean, bid)
    paid_squared = share * mean**2 * exp(SIGMA**2) * NORMAL.cdf(z - 2 * SIGMA)
    return max(0.0, chance.gauss(impressions * paid, sqrt(impressions * max(0.0, paid_squared - paid**2))))


def _middle(mean: float) -> float:
    """Of the logarithm of market prices."""
    return log(mean) - SIGMA**2 / 2
