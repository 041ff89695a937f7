"""A blend of models: how much of each is settled on rows that the members have not learnt from."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from prediction.blend import Blend
from prediction.feature_set import FeatureSet
from prediction.fitting import factorization, linear, trees
from prediction.fitting.factorization import FactorizationSettings
from prediction.fitting.linear import LinearSettings
from prediction.fitting.trees import TreesSettings
from prediction.rows import Rows, folds, split_by_time
from prediction.scorer import Scorer

MemberSettings = LinearSettings | FactorizationSettings | TreesSettings

TOWARDS_EQUAL = 5.0
"""How many rows' worth the weights are drawn towards equal ones."""


class BlendSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="blend"):
    """What is blended, and how the weights are found."""

    members: tuple[MemberSettings, ...] = (LinearSettings(), FactorizationSettings(), TreesSettings())
    held_out: float = 0.2
    """Timed rows: the newest share, which members that were learnt from the rest are weighed on."""
    folds: int = 5
    """Others: every row is scored by members that were learnt from the other folds."""
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.members or not 0 < self.held_out < 1 or self.folds < 2:
            raise ValueError("a blend has members; held_out is between 0 and 1, folds are 2 or more")


def fit(features: FeatureSet, rows: Rows, settings: BlendSettings = BlendSettings()) -> Blend:  # noqa: B008
    """The blend; its members are learnt from all rows once they have been weighed. Raises ValueError."""
    scores = np.empty((len(rows), len(settings.members)))
    if rows.timed:
        rest, weighed = split_by_time(rows, 1 - settings.held_out)
        scores = np.stack([fit_member(features, rest, one).scores(weighed.values) for one in settings.members], 1)
    else:
        weighed = rows
        fold = folds(len(rows), settings.folds, settings.seed)
        for number in range(settings.folds):
            rest = rows.take(fold != number)
            for place, one in enumerate(settings.members):
                scores[fold == number, place] = fit_member(features, rest, one).scores(rows.values[fold == number])
    weights, bias = weigh(scores, weighed.label, weighed.weight)
    return Blend([fit_member(features, rows, one) for one in settings.members], weights, bias)


def fit_member(features: FeatureSet, rows: Rows, settings: MemberSettings) -> Scorer:
    """A model of the type that the settings are of."""
    if isinstance(settings, LinearSettings):
        return linear.fit(features, rows, settings)
    if isinstance(settings, FactorizationSettings):
        return factorization.fit(features, rows, settings)
    return trees.fit(features, rows, settings)


def blended(members: Sequence[Scorer], held_out: Rows) -> Blend:
    """Models that are there already, weighed on rows that none of them has learnt from."""
    scores = np.stack([member.scores(held_out.values) for member in members], 1)
    weights, bias = weigh(scores, held_out.label, held_out.weight)
    return Blend(members, weights, bias)


def weigh(
    scores: NDArray[np.float64], label: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Weights of the members' log odds, none negative, and a bias, that make the logloss least."""
    margins = np.log(scores / (1 - scores))
    count = margins.shape[1]
    total = weight.sum()
    if not total > 0:
        raise ValueError("there are no rows to weigh members on")

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        log_odds = margins @ at[:count] + at[count]
        off = at[:count] - 1 / count
        miss = weight * (1 / (1 + np.exp(-log_odds)) - label)
        value = weight @ (np.logaddexp(0, log_odds) - label * log_odds) + TOWARDS_EQUAL / 2 * off @ off
        slope = np.append(miss @ margins + TOWARDS_EQUAL * off, miss.sum())
        return float(value / total), slope / total

    begin = np.append(np.full(count, 1 / count), 0.0)
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=[(0, None)] * count + [(None, None)])
    return found.x[:count], float(found.x[count])
