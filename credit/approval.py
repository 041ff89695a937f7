"""P(approved): how often applicants of a score were approved. Until approvals and rejections are told it is assumed."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from scipy.special import expit

from credit.columns import Floats
from prediction.curve import tilted

UNIT = 40.0
"""Points that the slope is told for."""
LEAST_EACH = 10
"""Approvals and rejections that are needed for more than the assumption."""
SURE_ROWS = 50.0


class Approval(Struct, frozen=True):
    """A logistic curve over the score."""

    middle: float
    """The score at which half are approved."""
    slope: float
    """Log odds gained by `UNIT` points, 0 or more."""
    approved: int = 0
    rejected: int = 0
    """Outcomes that it rests on; none: it is assumed."""

    @property
    def assumed(self) -> bool:
        return not self.approved + self.rejected

    def __call__(self, score: Floats) -> Floats:
        return np.asarray(expit(self.slope * (score - self.middle) / UNIT))


def assumed(score: Floats) -> Approval:
    """That three in ten of the applicants that the model has learnt from would be rejected."""
    return Approval(float(np.quantile(score, 0.3)), 1.0)


def learnt(prior: Approval, score: Sequence[float], approved: Sequence[bool]) -> Approval:
    """From scores at the time of application and what was decided; where there is little of it, near ``prior``."""
    y = np.array(approved, np.float64)
    if min(y.sum(), (1 - y).sum()) < LEAST_EACH:
        return prior
    z = prior.slope * (np.array(score, np.float64) - prior.middle) / UNIT
    line = tilted(z, y, np.ones(len(y)), height_variance=4.0, slope_variance=1.0)
    slope = prior.slope * line.below
    at_nought = float(line(np.zeros(1))[0])
    return Approval(prior.middle - at_nought * UNIT / slope, slope, int(y.sum()), int(len(y) - y.sum()))
