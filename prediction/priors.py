"""Rates of ads that little or nothing is known of: each is held to what it is a part of.

A creative in a line item, the line item, its campaign, its advertiser, and all of them: at each level the rates of the
parts scatter around the rate of the whole as a beta distribution does, and how much they scatter is what the parts' own
counts make likely (empirical Bayes of the beta-binomial model; Morris, 1983, and for click rates Agarwal et al., KDD
2010). A part that was shown often has its own rate, one that was never shown has that of the whole, and what lies between
is weighed by how alike the parts are. What comes out is a beta distribution for each ad, to take the mean of, or to draw
from.

Parts of one whole are pooled by their plain counts when the whole's own rate is worked out.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln

from domain.errors import Problem, Refused

Floats = NDArray[np.float64]

STRENGTHS = np.geomspace(2.0, 200_000.0, 61)
"""Trials that a whole may count for in each of its parts."""
USUAL_STRENGTH = 200.0
"""What is taken for likely while few parts have been seen, in units of one success: so many times 1 / rate …"""
PARTS_OF_USUAL = 3.0
"""… as if that had been seen of so many parts."""


class Counts(NamedTuple):
    """Of one creative in one line item."""

    advertiser: int
    campaign: int
    line_item: int
    creative: int
    trials: int
    successes: int


class Beta(NamedTuple):
    """A beta distribution of a rate."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)


class Priors:
    """Beta distributions of the rates of ads, and of what they are parts of."""

    def __init__(self, known: Mapping[tuple[int, ...], Beta], strengths: tuple[float, ...], first: Beta) -> None:
        self._known, self.strengths, self._first = known, strengths, first
        """``strengths``: what a whole counts for in its parts, by level: all, advertiser, campaign, line item."""

    def of(self, *path: int) -> Beta:
        """Of ``(advertiser, campaign, line item, creative)``, or of a beginning of it; what was never seen has the
        distribution that a new part of the nearest known whole has."""
        for n in range(len(path), 0, -1):
            found = self._known.get(path[:n])
            if found is not None:
                break
        else:
            found, n = self._first, 0
        for level in range(n, len(path)):
            strength = self.strengths[level]
            found = Beta(strength * found.mean, strength * (1 - found.mean))
        return found


def priors(rows: Iterable[Counts], first: Beta) -> Priors:
    """What is to be believed of all rates. ``first``: of all together, before anything was counted.

    Raises `Refused` for counts below 0, or more successes than trials.
    """
    counted = list(rows)
    for i, row in enumerate(counted):
        if not 0 <= row.successes <= row.trials:
            raise Refused([Problem(f"rows[{i}]", (row.trials, row.successes), "successes from 0 to the trials")])
    paths = np.array([row[:4] for row in counted], dtype=np.int64).reshape(-1, 4)
    trials = np.array([row.trials for row in counted], dtype=np.float64)
    successes = np.array([row.successes for row in counted], dtype=np.float64)
    total = Beta(first.a + float(successes.sum()), first.b + float((trials - successes).sum()))
    known: dict[tuple[int, ...], Beta] = {}
    strengths: list[float] = []
    means = np.full(1, total.mean)  # of the wholes of this level
    wholes = np.zeros(len(counted), dtype=np.int64)  # whose part each row is
    for level in range(4):
        keys, places = _numbered(paths[:, : level + 1])
        n, k = _summed(places, trials, len(keys)), _summed(places, successes, len(keys))
        above = np.zeros(len(keys), dtype=np.int64)
        above[places] = wholes
        mean = means[above] if len(keys) else np.empty(0)
        strength = _strength(n, k, mean, total.mean)
        strengths.append(strength)
        a, b = strength * mean + k, strength * (1 - mean) + n - k
        for key, one, other in zip(keys.tolist(), a.tolist(), b.tolist(), strict=True):
            known[tuple(key)] = Beta(one, other)
        means, wholes = a / (a + b), places
    return Priors(known, tuple(strengths), total)


def _numbered(paths: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The paths that there are, and the place of each row's."""
    keys, places = np.unique(paths, axis=0, return_inverse=True)
    return keys, places.reshape(-1)


def _summed(places: NDArray[np.int64], values: Floats, n: int) -> Floats:
    return np.bincount(places, weights=values, minlength=n).astype(np.float64)


def _strength(n: Floats, k: Floats, mean: Floats, rate: float) -> float:
    """The likeliest number of trials that wholes count for in their parts, held to what is usual."""
    grid = STRENGTHS / max(rate, 1e-9) * 0.01  # in trials: the rarer successes are, the more trials tell as much
    score = np.zeros(len(grid))
    seen = n > 0
    n, k, mean = n[seen], k[seen], mean[seen]
    for i, strength in enumerate(grid):
        a, b = strength * mean, strength * (1 - mean)
        score[i] = float((betaln(a + k, b + n - k) - betaln(a, b)).sum())
    score -= PARTS_OF_USUAL * 0.5 * np.log(grid * rate / (USUAL_STRENGTH * 0.01)) ** 2 / np.log(10) ** 2
    return float(grid[int(np.argmax(score))])
