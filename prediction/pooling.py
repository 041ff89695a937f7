"""How much segments differ, beyond what chance makes of few rows: what partial pooling is weighed by."""

import numpy as np

from prediction.ranking import Floats

EXPECTATION_WEIGHT = 2.0
"""Segments that what is expected counts for."""
LEAST_NOISE = 1.0
"""Expected events below which a segment's gap says next to nothing, and in too skewed a way."""


def scatter(gap: Floats, noise: Floats, information: Floats, expected: float, most: float = 4.0) -> float:
    """The variance of the segments' parameters, from the gradient of the likelihood in each at their parent's value.

    ``gap``: that gradient (for a height: labels minus probabilities, summed); ``noise``: its variance if the parent's
    value holds; ``information``: the curvature. Then gap² has the mean noise + variance · information², and the
    variance is the one with which the ratios of the two are 1 on average (Paule and Mandel, 1982), held to what is
    ``expected`` as by a scaled inverse chi-squared prior.
    """
    counted = noise >= LEAST_NOISE
    gap, noise, information = gap[counted], noise[counted], information[counted]

    def excess(variance: float) -> float:
        own = float((gap**2 / (noise + variance * information**2)).sum()) - len(gap)
        return own + EXPECTATION_WEIGHT * (expected / variance - 1)

    low, high = np.log(expected * 1e-6), np.log(most)
    for _ in range(60):
        middle = (low + high) / 2
        if excess(float(np.exp(middle))) > 0:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))
