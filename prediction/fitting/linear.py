"""Hashed logistic regression, learnt one row after another (FTRL-Proximal) or at once (scikit-learn)."""

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from cython_ext.ftrl import Ftrl
from prediction.curve import mean_shift
from prediction.feature_set import FeatureSet
from prediction.fitting.columns import EncodingSettings, ExpansionSettings, fit_encoder, fit_expansion
from prediction.linear import Linear
from prediction.rows import Rows

LEVEL_ROWS = 100_000
"""Whose places are looked up at a time."""


class LinearSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="linear"):
    """How the model is learnt."""

    solver: Literal["ftrl", "batch"] = "batch"
    encoding: EncodingSettings = EncodingSettings()
    expansion: ExpansionSettings = ExpansionSettings()
    l2: float = 30.0
    """Batch: the penalty is l2 / 2 times the sum of squared weights, beside the sum of log losses."""
    alpha: float = 0.05
    beta: float = 1.0
    online_l1: float = 0.0
    online_l2: float = 1.0
    passes: int = 3
    """FTRL: over the rows; the first in their order, the others in random ones. Weights are the mean of ``runs``."""
    runs: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        if not (self.l2 > 0 and self.passes >= 1 and self.runs >= 1):
            raise ValueError("l2 is above 0; passes and runs are 1 or more")


def fit(features: FeatureSet, rows: Rows, settings: LinearSettings = LinearSettings()) -> Linear:  # noqa: B008
    """The model. Raises ValueError for rows without both outcomes."""
    if not 0 < rows.base_rate() < 1:
        raise ValueError(f"a base rate of {rows.base_rate()}: there is nothing to learn")
    encoder, extended = fit_encoder(features, rows, settings.encoding)
    expansion = fit_expansion(features, encoder, extended, settings.expansion)
    places = expansion.expand(extended)
    if settings.solver == "ftrl":
        weights, bias = learn_online(places, rows, 1 << expansion.bits, settings)
    else:
        weights, bias = learn_at_once(places, rows, 1 << expansion.bits, settings)
    return Linear(encoder, expansion, weights, bias)


def learn_online(
    places: NDArray[np.uint32], rows: Rows, size: int, settings: LinearSettings
) -> tuple[NDArray[np.float64], float]:
    """Weights and bias by FTRL-Proximal."""
    rate = rows.base_rate()
    guess = float(np.log(rate / (1 - rate)))
    weights, bias = np.zeros(size), 0.0
    for run in range(settings.runs):
        rng = np.random.default_rng(settings.seed + run)
        learner = Ftrl(size, settings.alpha, settings.beta, settings.online_l1, settings.online_l2, guess)
        for number in range(settings.passes):
            order = rng.permutation(len(rows)).astype(np.int64) if number or run else None
            learner.learn(places, rows.label, rows.weight, order)
        weights += learner.weights() / settings.runs
        bias += learner.bias / settings.runs
    return weights, bias + _level(places, rows, weights, bias)


def _level(places: NDArray[np.uint32], rows: Rows, weights: NDArray[np.float64], bias: float) -> float:
    """What the bias lacks for the mean probability of the rows to be their rate. Every place that all rows share (a
    value that is always missing) learns as a bias does, and together they swing with the last rows that were seen.
    """
    margins = np.empty(len(rows))
    for first in range(0, len(rows), LEVEL_ROWS):
        part = slice(first, first + LEVEL_ROWS)
        margins[part] = bias + weights[places[part]].sum(1)
    return mean_shift(margins, rows.label, rows.weight)


def learn_at_once(
    places: NDArray[np.uint32], rows: Rows, size: int, settings: LinearSettings
) -> tuple[NDArray[np.float64], float]:
    """Weights and bias by scikit-learn's LogisticRegression; a label between 0 and 1 is a row of each."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    used, compact = np.unique(places, return_inverse=True)
    n, m = places.shape
    matrix = csr_matrix((np.ones(n * m), compact.reshape(-1), np.arange(0, n * m + 1, m)), (n, len(used)))
    model = LogisticRegression(C=1 / settings.l2, solver="lbfgs", max_iter=1000, tol=1e-6)
    whole = (rows.label == 0) | (rows.label == 1)
    if whole.all():
        model.fit(matrix, rows.label > 0.5, rows.weight)
    else:
        from scipy.sparse import vstack

        label = np.repeat([1, 0], n)
        model.fit(
            vstack([matrix, matrix]).tocsr(),
            label,
            np.concatenate([rows.weight * rows.label, rows.weight * (1 - rows.label)]),
        )
    weights = np.zeros(size)
    weights[used] = model.coef_[0]
    return weights, float(model.intercept_[0])
