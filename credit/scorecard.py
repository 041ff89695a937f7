"""A scorecard: points for the bin of each characteristic, which add up to the score.

A logistic regression over weights of evidence, held back by L2, with no coefficient below 0: a characteristic's points
rise or fall with it as its own bins do, so the score is monotone in every numeric characteristic.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.optimize import lsq_linear
from scipy.special import expit

from credit.binning import Bins, categorical, numeric
from credit.columns import Floats

Values = Mapping[str, Floats | NDArray[np.int32]]
"""Features by name: numbers, or codes of a category's levels."""

L2 = 3.0
LEAST_VALUE = 0.01
"""Information value below which a characteristic is left out."""
MOST_ALIKE = 0.92
"""Of two whose evidence correlates more, that of less information is left out."""
MOST = 40
LEAST_COEFFICIENT = 0.02
MOST_STEPS = 30


class Characteristic(Struct, frozen=True):
    """A line of the scorecard."""

    name: str
    bins: Bins
    coefficient: float
    """Of its weight of evidence, 0 or more."""


class Scorecard(Struct, frozen=True):
    """Log odds of default: the constant and each characteristic's coefficient times its evidence."""

    constant: float
    characteristics: tuple[Characteristic, ...]

    def log_odds(self, values: Values) -> Floats:
        """Of rows."""
        total: Floats = np.full(len(next(iter(values.values()))), self.constant)
        for part in self.parts(values).values():
            total += part
        return total

    def parts(self, values: Values) -> dict[str, Floats]:
        """What each characteristic adds to the log odds."""
        return {each.name: each.coefficient * each.bins.evidence(values[each.name]) for each in self.characteristics}

    def moved(self, slope: float, height: float) -> "Scorecard":
        """The same order of applicants, with log odds ``slope`` times as far apart, and raised."""
        return Scorecard(
            self.constant * slope + height,
            tuple(Characteristic(each.name, each.bins, each.coefficient * slope) for each in self.characteristics),
        )


def fit(values: Values, levels: Mapping[str, int], label: Floats, weight: Floats) -> Scorecard:
    """A scorecard of the features that tell something; ``levels``: of each category, how many there are."""
    found: list[tuple[str, Bins, Floats]] = []
    for name, column in values.items():
        bins = (
            categorical(np.asarray(column, np.int32), levels[name], label, weight)
            if name in levels
            else numeric(np.asarray(column, np.float64), label, weight)
        )
        if bins.information_value >= LEAST_VALUE:
            found.append((name, bins, bins.evidence(column)))
    found.sort(key=lambda each: -each[1].information_value)
    kept = _apart(found)[:MOST]
    while True:
        evidence = np.stack([each[2] for each in kept], axis=1) if kept else np.empty((len(label), 0))
        constant, coefficients = _fit(evidence, label, weight)
        strong = [n for n, size in enumerate(coefficients) if size >= LEAST_COEFFICIENT]
        if len(strong) == len(kept):
            break
        kept = [kept[n] for n in strong]
    return Scorecard(
        constant,
        tuple(
            Characteristic(name, bins, float(size)) for (name, bins, _), size in zip(kept, coefficients, strict=True)
        ),
    )


def _apart(found: Sequence[tuple[str, Bins, Floats]]) -> list[tuple[str, Bins, Floats]]:
    kept: list[tuple[str, Bins, Floats]] = []
    scaled: list[Floats] = []
    for each in found:
        spread = float(each[2].std())
        if spread < 1e-9:
            continue
        own = (each[2] - each[2].mean()) / spread
        if all(abs(float((own * other).mean())) <= MOST_ALIKE for other in scaled):
            kept.append(each)
            scaled.append(own)
    return kept


def _fit(evidence: Floats, label: Floats, weight: Floats) -> tuple[float, Floats]:
    """Constant and coefficients of the likeliest logistic regression: Newton's method, each step the least squares
    problem within the bounds that its quadratic is.
    """
    rate = float((weight * label).sum() / weight.sum())
    design = np.column_stack([np.ones(len(label)), evidence])
    held = np.concatenate(([1e-9], np.full(evidence.shape[1], L2)))
    at = np.concatenate(([np.log(rate / (1 - rate))], np.zeros(evidence.shape[1])))
    bounds = np.concatenate(([-np.inf], np.zeros(evidence.shape[1]))), np.full(len(at), np.inf)

    def cost(there: Floats) -> float:
        z = design @ there
        return float((weight * (np.logaddexp(0.0, z) - label * z)).sum() + 0.5 * (held * there**2).sum())

    now = cost(at)
    for _ in range(MOST_STEPS):
        p = expit(design @ at)
        curvature = weight * p * (1 - p)
        gradient = design.T @ (weight * (p - label)) + held * at
        root = np.linalg.cholesky(design.T @ (design * curvature[:, None]) + np.diag(held + 1e-9)).T
        wanted = root @ at - np.linalg.solve(root.T, gradient)
        aim = lsq_linear(root, wanted, bounds, method="bvls").x
        size = 1.0
        while (tried := cost(at + size * (aim - at))) > now and size > 1e-4:
            size /= 2
        at, before, now = at + size * (aim - at), now, min(tried, now)
        if before - now < 1e-7 * (1 + abs(before)):
            break
    return float(at[0]), np.maximum(at[1:], 0.0)
