"""A scorecard: points for the bin of each characteristic, which add up to the score.

A logistic regression over weights of evidence, held back by L2, with no coefficient below 0: a characteristic's points
rise or fall with it as its own bins do, so the score is monotone in every numeric characteristic.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.optimize import minimize
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
        total: Floats = np.asarray(sum(self.parts(values).values(), np.float64(self.constant)))
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
            Characteristic(name, bins, float(size))
            for (name, bins, _), size in zip(kept, coefficients, strict=True)
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
    """Constant and coefficients of the likeliest logistic regression."""
    rate = float((weight * label).sum() / weight.sum())
    start = np.concatenate(([np.log(rate / (1 - rate))], np.full(evidence.shape[1], 0.5)))

    def cost(at: Floats) -> tuple[float, Floats]:
        z = at[0] + evidence @ at[1:]
        gap = weight * (expit(z) - label)
        loss = float((weight * (np.logaddexp(0.0, z) - label * z)).sum() + 0.5 * L2 * (at[1:] ** 2).sum())
        return loss, np.concatenate(([gap.sum()], evidence.T @ gap + L2 * at[1:]))

    bounds = [(None, None), *[(0.0, None)] * evidence.shape[1]]
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500})
    return float(found.x[0]), np.asarray(found.x[1:])
