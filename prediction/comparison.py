"""Whether one model is better than another on the same rows, or on the same folds: paired, so that what both find
hard cancels out."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from domain.errors import Problem, Refused
from prediction.metrics import RESAMPLES, Interval, middle
from prediction.ranking import TINY, Floats, checked, tie_starts

Statistic = Callable[[Floats], float]
"""A metric of one model as a function of how many times each row counts."""


def paired(
    label: ArrayLike,
    score: ArrayLike,
    other: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """Differences of ``score``'s metrics to ``other``'s, each drawn on the same resampled rows: ``auc`` (above 0 is
    better), ``logloss`` (below 0 is better) and ``bias``.

    A million rows take about a quarter of a second a resample.

    Raises:
        Refused: As `ranking.checked`, or only one label occurs.
    """
    y, p, w = checked(label, score, weight)
    _, q, _ = checked(label, other, weight)
    if not 0 < float((y * w).sum()) < float(w.sum()):
        raise Refused([Problem("label", float(y[0]), "both labels must occur")])
    ours, theirs = _statistics(y, p), _statistics(y, q)
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in ours}
    while len(drawn["auc"]) < resamples:
        times = w * rng.poisson(1.0, len(w))
        if 0 < (times * y).sum() < times.sum():
            for name, values in drawn.items():
                values.append(ours[name](times) - theirs[name](times))
    return {
        name: Interval(ours[name](w) - theirs[name](w), *middle(np.array(values))) for name, values in drawn.items()
    }


def over_runs(
    ours: Sequence[float], theirs: Sequence[float], *, resamples: int = 2_000, seed: int = 0, tested: float = 0.0
) -> Interval:
    """Mean difference of a metric over runs that both did (folds times seeds), with a 95 % interval.

    ``tested``: the share of all rows that a run is tested on, where the runs train on overlapping rows, as folds do:
    then runs agree more than independent ones would, and the bootstrap's spread is widened by Nadeau and Bengio's
    (2003) factor √(1 + runs · tested / (1 - tested)). 0: runs are independent.
    """
    differences = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    if len(differences) < 2 or not 0 <= tested < 1:
        raise Refused([Problem("runs, tested", (len(differences), tested), "at least 2 runs, 0 ≤ tested < 1")])
    picked = np.random.default_rng(seed).integers(0, len(differences), (resamples, len(differences)))
    mean = float(differences.mean())
    spread = (differences[picked].mean(axis=1) - mean) * np.sqrt(1 + len(differences) * tested / (1 - tested))
    return Interval(mean, *middle(mean + spread))


def _statistics(label: Floats, score: Floats) -> dict[str, Statistic]:
    """Metrics of one model on these rows; the order is found once."""
    order = np.argsort(score, kind="stable")
    starts = tie_starts(score[order])
    clipped = np.clip(score, TINY, 1 - TINY)
    losses = -(label * np.log(clipped) + (1 - label) * np.log1p(-clipped))
    ordered = label[order]

    def auc(times: NDArray[np.float64]) -> float:
        mass = times[order]
        positive = np.add.reduceat(mass * ordered, starts)
        negative = np.add.reduceat(mass * (1 - ordered), starts)
        below = np.cumsum(negative) - negative / 2
        return float((positive * below).sum() / (positive.sum() * negative.sum()))

    return {
        "auc": auc,
        "logloss": lambda times: float((losses * times).sum() / times.sum()),
        "bias": lambda times: float((score * times).sum() / (label * times).sum()),
    }
