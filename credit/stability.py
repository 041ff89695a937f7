"""Whether applicants are still those that a model has learnt from: the population stability index.

Usual reading (Siddiqi, 2006): under 0.1 no change to speak of, up to 0.25 some, above that another population.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credit.columns import Floats

TENTHS = 10
LITTLE, MUCH = 0.1, 0.25
TINY = 1e-4
"""A share that is empty counts as this much."""


class Spread(Struct, frozen=True):
    """Where the tenths of a score's distribution begin, and what share of training is in each."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    def index(self, score: Floats) -> float:
        """The index of other rows against these."""
        return psi(np.array(self.shares), shares(score, np.array(self.edges)))


def spread(score: Floats) -> Spread:
    """Of training's scores."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, TENTHS + 1)[1:-1]))
    return Spread(tuple(edges.tolist()), tuple(shares(score, edges).tolist()))


def shares(score: Floats, edges: Floats) -> Floats:
    """How much is in each part."""
    return np.asarray(np.bincount(np.searchsorted(edges, score, "left"), minlength=len(edges) + 1) / len(score))


def psi(before: Floats, now: Floats) -> float:
    """Σ (now - before) ln (now / before)."""
    a, b = np.maximum(before, TINY), np.maximum(now, TINY)
    return float(((b - a) * np.log(b / a)).sum())


def of_places(place: NDArray[np.int64], late: NDArray[np.bool_]) -> float:
    """The index of the bins of late rows against those of the others."""
    count = int(place.max()) + 1
    before = np.bincount(place[~late], minlength=count) / max((~late).sum(), 1)
    now = np.bincount(place[late], minlength=count) / max(late.sum(), 1)
    return psi(before, now)


def verdict(index: float) -> str:
    """In words."""
    return "stable" if index < LITTLE else "some change" if index < MUCH else "another population"
