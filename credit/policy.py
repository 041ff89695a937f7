"""Which product to offer: how often each would be the best if the truth were drawn from what is believed.

Offering what looks best would never find out what looks worse only because nobody was offered it. So each product is
offered as often as it is the best in draws from the beliefs (Thompson 1933), and a small share of all offers goes to
any of them alike, which bounds the weights of off-policy evaluation. The shares are worked out, not drawn, on a grid of
values; the offer is then drawn from them, so the propensity that is logged is the probability it was drawn with,
exactly, whatever the grid leaves out.
"""

from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credit.offer_rates import expected_rate
from domain.errors import Problem, Refused

Floats = NDArray[np.float64]

Exploration = Literal["thompson", "greedy"]
EXPLORATIONS: tuple[Exploration, ...] = ("thompson", "greedy")
CELLS = 64
"""Of the grid."""
MOST_COMPARED = 64
"""Products that the grid compares; further ones have their part of the even share only."""
LOW, HIGH = -4.0, 5.0
"""Standard deviations of the best product's value that the grid spans."""
_LEAST = 1e-300


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """How offers are chosen."""

    explore: Exploration = "thompson"
    """``greedy``: the best expected value, but for the even share."""
    even_share: float = 0.02
    """Of all offers, spread evenly over the products that an applicant may have and that are worth something."""

    def __post_init__(self) -> None:
        if not 0 <= self.even_share <= 1:
            raise Refused([Problem("even_share", self.even_share, "it must be from 0 to 1")])

    def shares(self, mean: Floats, deviation: Floats, worth: Floats) -> Floats:
        """(n,): the probability of each of n products, 1 together.

        The log odds of approval are normal, ``mean`` and ``deviation``, and independent of each other; an approval is
        worth ``worth`` > 0.
        """
        count = len(mean)
        if count == 0:
            return np.empty(0)
        if self.explore == "thompson" and count > 1:
            shares = best_shares(mean, deviation, worth)
        else:
            shares = np.zeros(count)
            shares[np.argmax(expected_rate(mean, deviation) * worth)] = 1.0
        return (1 - self.even_share) * shares + self.even_share / count


def best_shares(mean: Floats, deviation: Floats, worth: Floats) -> Floats:
    """(n,): how often each product is the best. Values below the best one's fourth standard deviation are one cell."""
    from scipy.special import ndtr

    spread = np.maximum(deviation, 1e-9)
    scale = np.log(worth)
    bottom = float((scale - np.logaddexp(0.0, -(mean + LOW * spread))).max())
    top_of = scale - np.logaddexp(0.0, -(mean + HIGH * spread))
    compared = np.flatnonzero(top_of >= bottom)
    if len(compared) > MOST_COMPARED:
        compared = compared[np.argpartition(-top_of[compared], MOST_COMPARED)[:MOST_COMPARED]]
    found = np.zeros(len(mean))
    if len(compared) == 1:
        found[compared] = 1.0
        return found
    top = float(top_of[compared].max())
    bounds = np.linspace(bottom, max(top, bottom + 1e-12), CELLS - 1)
    below = bounds[None, :] - scale[compared, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        logit = np.where(below < 0, below - np.log(-np.expm1(below)), np.inf)
    under = np.empty((len(compared), CELLS + 1))
    under[:, 0], under[:, -1] = 0.0, 1.0
    under[:, 1:-1] = ndtr((logit - mean[compared, None]) / spread[compared, None])
    inside = np.diff(under, axis=1)
    others = np.log(np.maximum((under[:, 1:] + under[:, :-1]) / 2, _LEAST))
    shares = (inside * np.exp(others.sum(axis=0) - others)).sum(axis=1)
    total = float(shares.sum())
    found[compared] = shares / total if total > 0 else 1 / len(compared)
    return found


def draw(shares: Floats, uniform: float) -> int:
    """The place that a number from 0 to 1 falls on."""
    bounds = np.cumsum(shares)
    place = int(np.searchsorted(bounds, uniform * bounds[-1], side="right"))
    while place >= len(shares) or shares[place] <= 0:  # a number at the very end
        place -= 1
    return place
