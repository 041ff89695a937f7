"""How well a ranking finds those it was made for: lift, the share of them in the best x percent, divided by x percent.

It is measured on people who were not learned from. Of people with equal scores it does not matter in which order they
come: each share of them has the same share of those sought.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


class Lift(NamedTuple):
    """Of the best ``share`` of the people: which share of those sought are among them."""

    share: float
    found: float
    lift: float
    plus_minus: float
    """The lift is within so much in 95 % of all samples of those sought."""


def lift_curve(sought: Floats, others: Floats, shares: Sequence[float] = SHARES) -> list[Lift]:
    """``sought`` and ``others`` are the scores of people who were not learned from, the second of a sample of all."""
    found_at = _roc(sought, others)
    curve = []
    for share in shares:
        found = float(np.interp(share, *found_at))
        error = 1.959964 * (found * (1 - found) / len(sought)) ** 0.5 / share
        curve.append(Lift(share, found, found / share, error))
    return curve


def _roc(sought: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Shares of the others, and of those sought, above each score, from the highest score down."""
    scores = np.unique(np.concatenate([sought, others]))[::-1]
    above = [len(of) - np.searchsorted(np.sort(of), scores, side="left") for of in (others, sought)]
    return (
        np.concatenate([[0.0], above[0] / len(others)]),
        np.concatenate([[0.0], above[1] / len(sought)]),
    )
