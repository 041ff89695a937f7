"""Curves from what a model said to what came of it, in log odds: Platt's straight line, and isotonic regression.

Log odds, because there a line is Platt's whole method, and corrections of a segment simply follow those of its parent.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from cython_ext.curves import bent
from prediction.ranking import TINY, Floats

FURTHEST = 30.0
"""No log odds are further from 0."""
BIN_EVENTS = 8.0
"""Isotonic regression begins with bins of so many expected events at least: a single row makes no step …"""
MOST_BINS = 200
"""… and there are no more than so many."""
EXPECTED_BEND = 0.1**2
"""Variance of the log odds by which a segment's truth leaves its line."""
LEAST_SLOPE = 0.05
"""A line is never flatter than this: the order of the scores is the model's, and stays."""


class Curve(NamedTuple):
    """Straight pieces through points of log odds, ``x`` ascending, with a slope below the first and above the last."""

    x: Floats
    y: Floats
    below: float
    above: float

    def __call__(self, at: Floats) -> Floats:
        return bent(self.x, self.y, self.below, self.above, at)

    def raised(self, by: float) -> "Curve":
        """The same curve, so much higher."""
        return self._replace(y=np.clip(self.y + by, -FURTHEST, FURTHEST))


SAME = Curve(np.zeros(1), np.zeros(1), 1.0, 1.0)
"""What changes nothing."""


def log_odds(score: Floats) -> Floats:
    """Of probabilities, finite for 0 and 1 too."""
    return np.asarray(np.clip(logit(np.clip(score, TINY, 1 - TINY)), -FURTHEST, FURTHEST))


def loss(z: Floats, label: Floats) -> Floats:
    """Log loss of each row, of log odds."""
    return np.logaddexp(0.0, z) - label * z


def platt(z: Floats, label: Floats, weight: Floats) -> Curve:
    """The line that fits best, with Platt's (1999) targets: a label is as sure as its count allows, so that the slope
    stays finite where the labels are told apart without error.

    Newton's method with step halving (Lin, Lin and Weng, 2007).
    """
    positive = float((weight * label).sum())
    negative = float(weight.sum()) - positive
    target = label * ((positive + 1) / (positive + 2)) + (1 - label) / (negative + 2)
    middle = float((z * weight).sum() / weight.sum())
    slope, height = _line(z - middle, target, weight, np.zeros(2))
    return Curve(np.array([middle]), np.clip(np.array([height]), -FURTHEST, FURTHEST), slope, slope)


def tilted(z: Floats, label: Floats, weight: Floats, height_variance: float, slope_variance: float) -> Curve:
    """The line that is likeliest if lines of segments scatter about the parent's with these variances of height (log
    odds) and slope: what a segment's own rows say, weighed against how much they know.
    """
    p = expit(z)
    information = weight * p * (1 - p)
    total = float(information.sum())
    middle = float((z * information).sum() / total) if total > 0 else 0.0
    strength = np.array([1 / max(slope_variance, 1e-9), 1 / max(height_variance, 1e-9)])
    slope, height = _line(z - middle, label, weight, strength, start_height=middle)
    return Curve(np.array([middle]), np.clip(np.array([height]), -FURTHEST, FURTHEST), slope, slope)


def isotonic(z: Floats, label: Floats, weight: Floats) -> Curve:
    """Pool-adjacent-violators over bins of equal information, joined from block to block, flat beyond the outer ones.

    A block's rate is smoothed by one row that is as its scores say, so that no block says never or always. The whole
    is raised until its mean is the rows' rate.
    """
    p = expit(z)
    order = np.argsort(z, kind="stable")
    events = np.cumsum((weight * p * (1 - p))[order])
    bins = int(np.clip(events[-1] / BIN_EVENTS, 1, MOST_BINS))
    slot = np.minimum((events / max(events[-1], TINY) * bins).astype(np.int64), bins - 1)
    starts = _starts(slot, z[order])
    w, y, said, at = weight[order], label[order], p[order], z[order]
    mass = np.add.reduceat(w, starts)
    rate = np.add.reduceat(w * y, starts) / mass
    fitted = isotonic_regression(rate, weights=mass)
    blocks = starts[fitted.blocks[:-1]]
    mass = np.add.reduceat(w, blocks)
    rows = mass**2 / np.add.reduceat(w * w, blocks)
    came = np.add.reduceat(w * y, blocks) / mass
    smoothed = (came * rows + np.add.reduceat(w * said, blocks) / mass) / (rows + 1)
    x = np.add.reduceat(w * at, blocks) / mass
    rising = np.maximum.accumulate(log_odds(smoothed))
    keep = np.concatenate(([True], np.diff(x) > 1e-9))
    curve = Curve(x[keep], rising[keep], 0.0, 0.0)
    return curve.raised(mean_shift(curve(z), label, weight))


def bent_further(line: Curve, z: Floats, label: Floats, weight: Floats) -> Curve:
    """A segment's line, bent where isotonic regression of its own rows says so: each block as far as it knows more than
    `EXPECTED_BEND` allows for. The mean stays the line's, and so do the slopes beyond.
    """
    through = line(z)
    steps = isotonic(through, label, weight)
    p = expit(through)
    block = np.searchsorted((steps.x[1:] + steps.x[:-1]) / 2, through)
    information = np.bincount(block, weight * p * (1 - p), len(steps.x))
    believed = information * EXPECTED_BEND / (1 + information * EXPECTED_BEND)
    y = np.maximum.accumulate(steps.x + believed * (steps.y - steps.x))
    x = line.x[0] + (steps.x - line.y[0]) / line.below
    bent_line = Curve(x, y, line.below, line.above)
    return bent_line.raised(mean_shift(bent_line(z), p, weight))


def mean_shift(z: Floats, label: Floats, weight: Floats) -> float:
    """What has to be added to the log odds for their mean probability to be the mean label; at most 5."""
    wanted = float((weight * label).sum())
    low, high = -5.0, 5.0
    for _ in range(40):
        middle = (low + high) / 2
        if float((weight * expit(z + middle)).sum()) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _starts(slot: NDArray[np.int64], ordered: Floats) -> NDArray[np.int64]:
    """Where each bin begins; rows of equal log odds stay together."""
    begins = np.flatnonzero(np.concatenate(([True], slot[1:] != slot[:-1])))
    runs = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return np.unique(runs[np.searchsorted(runs, begins, "right") - 1])


def _line(
    z: Floats, target: Floats, weight: Floats, strength: Floats, start_height: float = 0.0
) -> tuple[float, float]:
    """Slope and height of the likeliest line in ``z``; ``strength`` holds them at 1 and at ``start_height``."""
    held = np.array([1.0, start_height])
    line = held.copy()

    def cost(at: Floats) -> float:
        fit = at[0] * z + at[1]
        return float((weight * loss(fit, target)).sum() + 0.5 * (strength * (at - held) ** 2).sum())

    now = cost(line)
    for _ in range(100):
        p = expit(line[0] * z + line[1])
        gap, curvature = weight * (p - target), weight * p * (1 - p)
        slope_gap = float((gap * z).sum()) + strength[0] * (line[0] - held[0])
        height_gap = float(gap.sum()) + strength[1] * (line[1] - held[1])
        a = float((curvature * z * z).sum()) + strength[0] + 1e-9
        b, c = float((curvature * z).sum()), float(curvature.sum()) + strength[1] + 1e-9
        determinant = max(a * c - b * b, 1e-18)
        step = np.array([c * slope_gap - b * height_gap, a * height_gap - b * slope_gap]) / determinant
        size, before = 1.0, now
        while size > 1e-6:
            tried = line - size * step
            if (cost_tried := cost(tried)) <= now:
                line, now = tried, cost_tried
                break
            size /= 2
        if before - now < 1e-10 * (1 + abs(before)):
            break
    if line[0] < LEAST_SLOPE:  # then the best height for that slope
        line[0] = LEAST_SLOPE
        for _ in range(30):
            p = expit(line[0] * z + line[1])
            gap_total = float((weight * (p - target)).sum()) + strength[1] * (line[1] - held[1])
            line[1] -= gap_total / (float((weight * p * (1 - p)).sum()) + strength[1] + 1e-9)
            line[1] = float(np.clip(line[1], -FURTHEST, FURTHEST))
    return float(line[0]), float(line[1])
