"""Whether what was given 3 % happens in 3 % of cases: bins of equal mass, and the error that they add up to."""

from math import sqrt

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from prediction.ranking import Floats, checked, tie_starts

BINS = 15
"""As most who report the error choose (Guo et al., 2017)."""
Z = 1.959963984540054
"""The normal distribution's 97.5 % point."""


class Bin(Struct, frozen=True):
    """Rows of neighbouring scores: what was said, and what came."""

    rows: int
    mass: float
    """Share of all weight."""
    least: float
    most: float
    """The scores it goes from and to."""
    score: float
    """Mean score."""
    rate: float
    """Mean label …"""
    low: float
    high: float
    """… and its 95 % interval (Wilson's, of the effective number of rows)."""


def reliability(
    label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None, *, bins: int = BINS
) -> tuple[Bin, ...]:
    """Bins in order of score. There are fewer than ``bins`` where equal scores, which stay together, fill several."""
    y, p, w = checked(label, score, weight)
    order, starts = _bins(p, w, bins)
    y, p, w = y[order], p[order], w[order]
    mass = np.add.reduceat(w, starts)
    said = np.add.reduceat(p * w, starts) / mass
    came = np.add.reduceat(y * w, starts) / mass
    effective = mass**2 / np.add.reduceat(w * w, starts)
    ends = np.append(starts[1:], len(p))
    found = []
    for b, (start, end) in enumerate(zip(starts, ends, strict=True)):
        low, high = wilson(float(came[b]), float(effective[b]))
        found.append(
            Bin(
                int(end - start),
                float(mass[b] / w.sum()),
                float(p[start]),
                float(p[end - 1]),
                float(said[b]),
                float(came[b]),
                low,
                high,
            )
        )
    return tuple(found)


def calibration_error(
    label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None, *, bins: int = BINS
) -> float:
    """Expected calibration error over bins of equal mass."""
    y, p, w = checked(label, score, weight)
    order, starts = _bins(p, w, bins)
    gaps = np.add.reduceat((w * (p - y))[order], starts)
    return float(np.abs(gaps).sum() / w.sum())


def calibration_error_null(
    score: ArrayLike, weight: ArrayLike | None = None, *, bins: int = BINS, draws: int = 200, seed: int = 0
) -> Floats:
    """Errors that these scores would show if they were the true probabilities, one for each draw of labels."""
    _, p, w = checked(np.zeros_like(np.asarray(score, dtype=np.float64)), score, weight)
    order, starts = _bins(p, w, bins)
    p, w = p[order], w[order]
    rng, said = np.random.default_rng(seed), np.add.reduceat(p * w, starts)
    errors = np.empty(draws)
    for draw in range(draws):
        came = np.add.reduceat(np.where(rng.random(len(p)) < p, w, 0.0), starts)
        errors[draw] = np.abs(said - came).sum() / w.sum()
    return errors


def wilson(rate: float, rows: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a rate among so many rows."""
    if rows <= 0:
        return 0.0, 1.0
    centre = (rate + Z * Z / (2 * rows)) / (1 + Z * Z / rows)
    half = Z / (1 + Z * Z / rows) * sqrt(max(rate * (1 - rate) / rows + Z * Z / (4 * rows * rows), 0.0))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _bins(score: Floats, weight: Floats, bins: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows' order by score, and where in it each bin begins: runs of equal scores, by the middle of their mass."""
    order = np.argsort(score, kind="stable")
    ordered, mass = score[order], np.cumsum(weight[order])
    starts = tie_starts(ordered)
    below = np.where(starts > 0, mass[starts - 1], 0.0)
    up_to = mass[np.append(starts[1:], len(mass)) - 1]
    slot = np.minimum(((below + up_to) / 2 / mass[-1] * bins).astype(np.int64), bins - 1)
    return order, starts[np.concatenate(([True], slot[1:] != slot[:-1]))]
