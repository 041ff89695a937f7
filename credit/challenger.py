"""Boosted trees beside the scorecard: they see what no sum of characteristics can, and are harder to explain.

Learnt by scikit-learn's histogram gradient boosting, scored by the compiled forest. A category is a number to them: how
often its level went bad, smoothed; for rows that they learn from, as counted in the other rows.
"""

from collections.abc import Callable, Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credit.columns import Floats
from cython_ext.forest import Forest
from prediction.fitting.tree_nodes import from_hist_gradient_boosting

SMOOTHING = 20.0
"""A level's rate is mixed with so many rows that are as all are."""
ENCODING_FOLDS = 5
STEP = 10
"""Trees: after so many, twice as many … it is looked how good they are."""


class TreeSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How the trees are grown; the names are those of `HistGradientBoostingClassifier`."""

    trees: int = 400
    """At most; how many are kept is found out on rows held out."""
    leaves: int = 16
    learning_rate: float = 0.03
    least_rows: int = 40
    l2: float = 10.0
    column_share: float = 0.3
    repeats: int = 2
    """Forests of different chance, whose mean is taken."""


def candidates(rows: int) -> tuple[TreeSettings, ...]:
    """Settings that are tried for so many rows, from the simplest."""
    if rows < 2_000:
        return (TreeSettings(leaves=4, least_rows=15, trees=160, learning_rate=0.05),)
    if rows < 5_000:
        return (
            TreeSettings(leaves=4, least_rows=15, trees=300),
            TreeSettings(leaves=8, least_rows=25, trees=200, l2=20.0),
        )
    if rows < 200_000:
        return (TreeSettings(),)
    return (TreeSettings(leaves=31, learning_rate=0.06, trees=300, least_rows=100, repeats=1),)


class Encoding(Struct, frozen=True):
    """Numbers of a category's levels; the last two are of other levels and of what is missing."""

    numbers: tuple[float, ...]

    def of(self, codes: NDArray[np.int32]) -> Floats:
        """Of codes as `credit.columns.Plan.codes` gives them."""
        return np.array(self.numbers)[codes]


class Challenger(Struct, frozen=True):
    """Log odds of default: a bias and a leaf of each tree."""

    names: tuple[str, ...]
    encodings: dict[str, Encoding]
    bias: float
    forest: Forest

    def log_odds(self, values: Mapping[str, Floats | NDArray[np.int32]]) -> Floats:
        """Of rows."""
        return self.margins(matrix(self.names, values, self.encodings))

    def margins(self, rows: NDArray[np.float32]) -> Floats:
        """Of rows of `matrix`."""
        return self.forest.totals(np.ascontiguousarray(rows).view(np.uint32)) + self.bias


def matrix(
    names: tuple[str, ...], values: Mapping[str, Floats | NDArray[np.int32]], encodings: Mapping[str, Encoding]
) -> NDArray[np.float32]:
    """Rows of float32 in the order of ``names``; NaN where nothing is known."""
    columns = [encodings[name].of(values[name]) if name in encodings else values[name] for name in names]  # type: ignore[arg-type]
    return np.stack(columns, axis=1).astype(np.float32)


def encoding(codes: NDArray[np.int32], levels: int, label: Floats, weight: Floats) -> Encoding:
    """What the levels of a category are worth in these rows."""
    rate = float((weight * label).sum() / weight.sum())
    rows = np.bincount(codes + 1, weight, levels + 2)
    bad = np.bincount(codes + 1, weight * label, levels + 2)
    smoothed = (bad + SMOOTHING * rate) / (rows + SMOOTHING)
    return Encoding((*smoothed[1:].tolist(), float(smoothed[0]) if rows[0] else float("nan")))


def crossed(codes: NDArray[np.int32], levels: int, label: Floats, weight: Floats, seed: int) -> Floats:
    """The numbers of the rows' levels, each counted without the row and a fifth of the others."""
    fold = np.random.default_rng(seed).permutation(len(codes)) % ENCODING_FOLDS
    made = np.empty(len(codes))
    for each in range(ENCODING_FOLDS):
        rest = fold != each
        made[~rest] = encoding(codes[rest], levels, label[rest], weight[rest]).of(codes[~rest])
    return made


class Grown(Struct, frozen=True):
    """What `grow` gives: the forests, and log odds after each tree of rows held out."""

    challenger: Challenger
    staged: Floats | None
    """(trees / `STEP`, rows held out)."""


def grow(
    values: Mapping[str, Floats | NDArray[np.int32]],
    levels: Mapping[str, int],
    label: Floats,
    weight: Floats,
    settings: TreeSettings,
    *,
    trees: int = 0,
    held_out: Mapping[str, Floats | NDArray[np.int32]] | None = None,
    seed: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> Grown:
    """The challenger learnt from rows; ``trees`` instead of the settings' number. ``held_out`` rows are scored."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    names = tuple(values)
    codes = {name: np.asarray(values[name], np.int32) for name in levels}
    encodings = {name: encoding(codes[name], levels[name], label, weight) for name in levels}
    numbers = {
        name: crossed(codes[name], levels[name], label, weight, seed) if name in levels else values[name]
        for name in names
    }
    rows = matrix(names, numbers, {})
    tested = matrix(names, held_out, encodings) if held_out is not None else None
    forests, bias, staged = [], 0.0, None
    for repeat in range(settings.repeats):
        model = HistGradientBoostingClassifier(
            max_iter=trees or settings.trees,
            max_leaf_nodes=settings.leaves,
            learning_rate=settings.learning_rate,
            min_samples_leaf=settings.least_rows,
            l2_regularization=settings.l2,
            max_features=settings.column_share,
            early_stopping=False,
            random_state=seed + 1_000 * repeat,
        )
        with threadpool_limits(1, "openmp"):
            model.fit(rows, label > 0.5, weight)
            if tested is not None:
                after = enumerate(model.staged_decision_function(tested), 1)
                stages = np.array([np.ravel(z) for count, z in after if count % STEP == 0], np.float32)
                staged = stages + (0 if staged is None else staged)
        forest, own_bias = from_hist_gradient_boosting(model, len(names), range(len(names)))
        forests.append(forest)
        bias += own_bias / settings.repeats
        progress((repeat + 1) / settings.repeats)
    whole = Challenger(names, encodings, bias, _together(forests))
    return Grown(whole, None if staged is None else staged / settings.repeats)


def _together(forests: list[Forest]) -> Forest:
    """One forest whose total is the mean of theirs."""
    return Forest(
        forests[0].n_columns,
        np.concatenate([each.sizes for each in forests]),
        np.concatenate([each.asked for each in forests]),
        np.concatenate([each.thresholds for each in forests]),
        np.concatenate([each.ahead for each in forests]),
        np.concatenate([each.leaves for each in forests]) / len(forests),
    )
