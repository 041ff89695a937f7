"""How good probabilities are: ranking, loss, calibration, each with an interval that says how sure one may be.

Arrays are of one length: ``label`` 0 or 1 (or between, where a label is not certain yet), ``score`` a probability,
``weight`` above 0. Every interval is the middle 95 % of a Poisson bootstrap of rows, the same for the same seed.
"""

from collections.abc import Iterator
from math import log

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray

from domain.errors import Problem, Refused
from prediction.ranking import TINY, Floats, Groups, checked, grouped
from prediction.reliability import BINS, calibration_error, calibration_error_null

RESAMPLES = 200
"""Enough for a 95 % interval whose ends are good to about a tenth of its width."""
LEVEL = 0.95


class Interval(Struct, frozen=True):
    """A figure, and between what it would be on other rows of the same kind, 19 times in 20."""

    value: float
    low: float
    high: float


class Metrics(Struct, frozen=True, kw_only=True):
    """All that is said of a model's probabilities on rows it has not seen."""

    rows: int
    base_rate: float
    """Mean label, by weight."""
    auc: float
    """Chance that a positive row is scored above a negative one; ties count half."""
    logloss: float
    """Mean of -log of the probability that was given to what happened, in nats."""
    normalised_entropy: float
    """Log loss over that of always saying the base rate: below 1 is better than knowing nothing."""
    ece: float
    """Expected calibration error: the mean of |mean score - rate| over bins of equal mass."""
    ece_null: float
    """What ``ece`` stays below, 19 times in 20, if the scores are the true probabilities: it is never 0 on a sample."""
    bias: float
    """Sum of scores over sum of labels: 1.1 says 10 % too much."""
    ks: float
    """Kolmogorov and Smirnov's: the largest gap between the score distributions of the two labels."""
    intervals: dict[str, tuple[float, float]] = {}
    """95 % intervals of auc, logloss, normalised_entropy, bias and ks."""

    @property
    def calibrated(self) -> bool:
        """Whether the rows give no reason to doubt the calibration."""
        return self.ece <= self.ece_null


def measure(
    label: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    bins: int = BINS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Metrics:
    """All metrics. ``resamples`` of the bootstrap; 0 leaves the intervals out, and ``ece_null`` is then 0.

    Raises:
        Refused: As `ranking.checked`, or only one of the labels occurs, of which most metrics say nothing.
    """
    rows = checked(label, score, weight)
    groups = grouped(rows)
    rate = _rate(groups.positive, groups.negative)
    if not 0 < rate < 1:
        raise Refused([Problem("label", rate, "both labels must occur")])
    null = calibration_error_null(rows.score, rows.weight, bins=bins, draws=resamples, seed=seed)
    return Metrics(
        rows=len(rows.label),
        base_rate=rate,
        ece=calibration_error(*rows, bins=bins),
        ece_null=float(np.quantile(null, LEVEL)) if resamples else 0.0,
        intervals=_intervals(groups, resamples, seed) if resamples else {},
        **_figures(groups, groups.positive, groups.negative),
    )


def auc(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve; not a number where only one label occurs."""
    groups = grouped(checked(label, score, weight))
    return _auc(groups.positive, groups.negative)


def logloss(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Mean log loss in nats."""
    y, p, w = checked(label, score, weight)
    p = np.clip(p, TINY, 1 - TINY)
    return float(-(w * (y * np.log(p) + (1 - y) * np.log1p(-p))).sum() / w.sum())


def normalised_entropy(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Log loss over the entropy of the base rate; not a number where only one label occurs."""
    y, _, w = checked(label, score, weight)
    return logloss(label, score, weight) / _entropy(float((y * w).sum() / w.sum()))


def bias(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Sum of scores over sum of labels; infinite without a positive label."""
    y, p, w = checked(label, score, weight)
    positive = float((y * w).sum())
    return float((p * w).sum()) / positive if positive else float("inf")


def ks(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """The largest gap between the distributions of the scores of either label."""
    groups = grouped(checked(label, score, weight))
    return _ks(groups.positive, groups.negative)


def _figures(groups: Groups, positive: Floats, negative: Floats) -> dict[str, float]:
    """The metrics of the groups with so much mass in each."""
    both = float(positive.sum() + negative.sum())
    loss = float((groups.positive_loss * _share(positive, groups.positive)).sum())
    loss += float((groups.negative_loss * _share(negative, groups.negative)).sum())
    return {
        "auc": _auc(positive, negative),
        "logloss": loss / both,
        "normalised_entropy": loss / both / _entropy(_rate(positive, negative)),
        "bias": float((groups.score * (positive + negative)).sum() / positive.sum()),
        "ks": _ks(positive, negative),
    }


def _intervals(groups: Groups, resamples: int, seed: int) -> dict[str, tuple[float, float]]:
    drawn = [_figures(groups, *masses) for masses in _resampled(groups, resamples, np.random.default_rng(seed))]
    return {name: middle(np.array([each[name] for each in drawn])) for name in drawn[0]}


def _resampled(groups: Groups, resamples: int, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
    """Masses of the groups if the rows were drawn anew. A sum of Poisson(1) times is a Poisson number of times.

    With weights it is drawn of as many rows as there are effectively, which has the same mean and variance.
    """
    each_positive = _share(groups.positive, groups.positive_rows)
    each_negative = _share(groups.negative, groups.negative_rows)
    given = 0
    while given < resamples:
        positive = rng.poisson(groups.positive_rows) * each_positive
        negative = rng.poisson(groups.negative_rows) * each_negative
        if positive.any() and negative.any():
            given += 1
            yield positive, negative


def middle(drawn: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """Where the middle ``level`` of the numbers lies."""
    low, high = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole > 0)


def _rate(positive: Floats, negative: Floats) -> float:
    return float(positive.sum() / (positive.sum() + negative.sum()))


def _auc(positive: Floats, negative: Floats) -> float:
    pairs = float(positive.sum() * negative.sum())
    return float((positive * (np.cumsum(negative) - negative / 2)).sum() / pairs) if pairs else float("nan")


def _ks(positive: Floats, negative: Floats) -> float:
    if not (positive.any() and negative.any()):
        return float("nan")
    return float(np.abs(np.cumsum(positive) / positive.sum() - np.cumsum(negative) / negative.sum()).max())


def _entropy(rate: float) -> float:
    return -(rate * log(rate) + (1 - rate) * log(1 - rate)) if 0 < rate < 1 else float("nan")
