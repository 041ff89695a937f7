"""What a conversion is worth on average: of all, and of segments as far as their few and widely spread values go."""

from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln, polygamma

from domain.errors import Problem, Refused
from prediction.pooling import scatter
from prediction.ranking import Floats

Family = Literal["gamma", "lognormal"]
EXPECTED_SCATTER = 0.3**2
"""Variance of segments' means, as shares of the whole's, of which no values speak."""


class Value(Struct, frozen=True):
    """A segment's expected value of a conversion."""

    conversions: int
    mean: float
    """In the unit of the values."""
    credibility: float
    """How much of it is the segment's own, 0 to 1."""


class Values(Struct, frozen=True):
    """Expected values, given that a conversion comes."""

    family: Family
    mean: float
    spread: float
    """Variance of a single value: of the gamma family in squared means, of the other of its logarithm."""
    segments: dict[int, Value]

    def of(self, segment: NDArray[np.uint32]) -> Floats:
        """Each row's expected value."""
        kinds, place = np.unique(segment, return_inverse=True)
        means = [self.segments[each].mean if each in self.segments else self.mean for each in kinds.tolist()]
        return np.array(means)[place.ravel()]


def fit(
    value: ArrayLike, segment: NDArray[np.uint32] | None = None, family: Family | Literal["likelier"] = "likelier"
) -> Values:
    """Expected values from those of conversions.

    Both families have a spread in proportion to the mean, as amounts of money do. With ``gamma`` the means are those of
    the values and credibility is Bühlmann and Straub's (1970); with ``lognormal`` they are of the logarithms, which a
    few enormous values do not carry away.

    Raises:
        Refused: There is no value, or one that is not above 0 (conversions without a value are no part of this).
    """
    x = np.asarray(value, dtype=np.float64)
    if not len(x) or not (good := (x > 0) & np.isfinite(x)).all():
        row = int(np.argmin(good)) if len(x) else 0
        raise Refused([Problem(f"value[{row}]", float(x[row]) if len(x) else None, "a finite number above 0")])
    kinds = np.zeros(len(x), np.uint32) if segment is None else np.asarray(segment, dtype=np.uint32)
    names, place = np.unique(kinds, return_inverse=True)
    place = place.ravel()
    counts = np.bincount(place).astype(np.float64)
    chosen = likelier(x / (np.bincount(place, x) / counts)[place]) if family == "likelier" else family
    amount = np.log(x) if chosen == "lognormal" else x / x.mean()
    own = np.bincount(place, amount) / counts
    left = amount / own[place] - 1 if chosen == "gamma" else amount - own[place]
    freedom = max(float(len(x) - len(names)), 1.0)
    spread = max(float((left**2).sum()) / freedom, 1e-6)
    centre = 1.0 if chosen == "gamma" else float(amount.mean())
    between = scatter(counts * (own - centre) / spread, counts / spread, counts / spread, EXPECTED_SCATTER)
    if chosen == "lognormal" and len(names) > 1:  # all segments alike, as the hierarchy sees them
        certain = 1 / (between + spread / counts)
        centre = float((certain * own).sum() / certain.sum())
    credible = between / (between + spread / counts)
    pooled = centre + credible * (own - centre)
    means = pooled * x.mean() if chosen == "gamma" else np.exp(pooled + spread / 2)
    whole = float(x.mean()) if chosen == "gamma" else float((counts * means).sum() / counts.sum())
    segments = {
        int(name): Value(int(count), float(mean), float(share))
        for name, count, mean, share in zip(names.tolist(), counts, means, credible, strict=True)
    }
    return Values(chosen, whole, spread, segments)


def likelier(scaled: Floats) -> Family:
    """Of which of the two families values, scaled to a mean of 1, are likelier to be."""
    logs = np.log(scaled)
    variance = max(float(logs.var()), 1e-12)
    lognormal = float((-logs - 0.5 * np.log(2 * np.pi * variance) - (logs - logs.mean()) ** 2 / (2 * variance)).sum())
    shape = gamma_shape(scaled)
    rate = shape / float(scaled.mean())
    gamma = float((shape * np.log(rate) - gammaln(shape) + (shape - 1) * logs - rate * scaled).sum())
    return "gamma" if gamma >= lognormal else "lognormal"


def gamma_shape(values: Floats) -> float:
    """The likeliest shape of a gamma distribution, by Newton's method."""
    gap = max(float(np.log(values.mean()) - np.log(values).mean()), 1e-9)
    shape = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(20):
        step = (np.log(shape) - digamma(shape) - gap) / (1 / shape - polygamma(1, shape))
        shape = shape / 2 if shape - step <= 0 else shape - step
    return float(shape)
