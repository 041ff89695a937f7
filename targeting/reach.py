"""What a sample of requests says about all of them: estimates with their errors, for the reach forecast.

The sample is one of persons: of one in ``2 ** level`` all requests are there (`bidder.request_sample`), and each hour
of each worker has a level of its own. Who is chosen at a higher level is chosen at every lower one too. The estimator
is Horvitz's and Thompson's (JASA 47, 1952), with the exact joint probabilities of such a nested sample.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Levels = NDArray[np.int64]
Keys = NDArray[np.uint64]

CONFIDENCE = 1.959964
"""Standard errors that 95 % of all samples are within."""
NOTHING_FOUND = 3.0
"""Of what a sample has none of, there are at most so many times its weight (95 %; the rule of three)."""
FULL = (1 << 64) - 1


class Estimate(NamedTuple):
    """``value``, and how far the truth is from it at most in 95 % of all samples."""

    value: float
    plus_minus: float


def total(values: Floats, hashes: Keys, levels: Levels, deepest: int) -> Estimate:
    """Sum over all requests of what ``values`` has of those in the sample, each with the hash that it was chosen by and
    the level that it was kept at. ``deepest``: the highest level of the sample, whether or not it has a value.
    """
    if not len(values):
        return Estimate(0.0, NOTHING_FOUND * 2.0**deepest if deepest else 0.0)
    _, unit = np.unique(hashes, return_inverse=True)
    known = np.unique(levels)
    sums = [np.bincount(unit, values * (levels == level)) for level in known]
    value = sum(2.0 ** int(level) * of.sum() for level, of in zip(known, sums, strict=True))
    variance = 0.0
    for k, one in zip(known, sums, strict=True):
        for m, other in zip(known, sums, strict=True):
            low, high = min(int(k), int(m)), max(int(k), int(m))
            variance += float((one * other).sum()) * (2.0**low - 1.0) * 2.0**high
    return Estimate(float(value), CONFIDENCE * variance**0.5)


def distinct(values: Floats, persons: Keys, hashes: Keys, deepest: int) -> Estimate:
    """Sum over all persons. ``values`` belongs to the requests of a sample; of a person who has several, it is the
    probability that at least one of them comes true (of values that are all 1: 1). Only persons who were chosen at the
    highest level of all count, since of these nothing is missing.
    """
    chosen = (persons != 0) & (hashes <= np.uint64(FULL >> deepest))
    if not chosen.any():
        return Estimate(0.0, NOTHING_FOUND * 2.0**deepest if deepest else 0.0)
    _, unit = np.unique(persons[chosen], return_inverse=True)
    missed = np.bincount(unit, np.log1p(-np.minimum(values[chosen], 1.0 - 1e-12)))
    each = -np.expm1(missed)
    weight = 2.0**deepest
    return Estimate(float(each.sum() * weight), CONFIDENCE * float((each**2).sum() * (weight - 1.0) * weight) ** 0.5)


def click_rate(clicks: Sequence[int], shown: Sequence[int], prior: float, strength: float) -> float:
    """A rate by what was observed, from the widest group to the narrowest, each drawn towards the one before as if that
    had been seen ``strength`` times; the widest towards ``prior``.
    """
    rate = prior
    for clicked, seen in zip(clicks, shown, strict=True):
        rate = (min(clicked, seen) + rate * strength) / (seen + strength)
    return rate
