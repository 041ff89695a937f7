"""Gradient-boosted trees, learnt by scikit-learn's histogram gradient boosting."""

from collections.abc import Sequence

import msgspec
import numpy as np

from prediction.feature_set import FeatureSet
from prediction.fitting.columns import EncodingSettings, extended_kinds, fit_encoder
from prediction.fitting.tree_nodes import from_hist_gradient_boosting
from prediction.rows import Rows
from prediction.trees import Trees


class TreesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="trees"):
    """How the model is learnt; the names are those of `HistGradientBoostingClassifier`."""

    encoding: EncodingSettings = EncodingSettings(of="categories")
    trees: int = 100
    leaves: int = 31
    learning_rate: float = 0.05
    least_rows: int = 20
    """Of a leaf."""
    l2: float = 1.0
    column_share: float = 1.0
    """Of the columns, looked at for each split."""
    stop_after: int = 0
    """Rounds without gain on a tenth of the rows, held out, after which no more trees are grown; 0: never."""
    threads: int = 1
    """That it is grown by: bidders on the same machine have the others."""
    seed: int = 1


def fit(features: FeatureSet, rows: Rows, settings: TreesSettings = TreesSettings()) -> Trees:  # noqa: B008
    """The model. Raises ValueError for rows without both outcomes, or without any number to split on."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    if not 0 < rows.base_rate() < 1:
        raise ValueError(f"a base rate of {rows.base_rate()}: there is nothing to learn")
    encoder, extended = fit_encoder(features, rows, settings.encoding)
    numeric = np.flatnonzero(extended_kinds(encoder, features))
    if not len(numeric):
        raise ValueError(f"feature set {features.name!r} has no number, and no category is encoded")
    told = ~np.isnan(extended[:, numeric].view(np.float32)).all(axis=0)
    if not told.any():
        raise ValueError(f"feature set {features.name!r}: every number is missing in every row")
    columns: Sequence[int] = numeric[told].tolist()  # of the others the library can make no bins
    model = HistGradientBoostingClassifier(
        max_iter=settings.trees,
        max_leaf_nodes=settings.leaves,
        learning_rate=settings.learning_rate,
        min_samples_leaf=settings.least_rows,
        l2_regularization=settings.l2,
        max_features=settings.column_share,
        early_stopping=settings.stop_after > 0,
        n_iter_no_change=settings.stop_after or 10,
        random_state=settings.seed,
    )
    numbers = np.ascontiguousarray(extended[:, columns]).view(np.float32)
    whole = (rows.label == 0) | (rows.label == 1)
    label, weight = rows.label > 0.5, rows.weight
    if not whole.all():  # a label between is a row of each
        numbers, label = np.concatenate([numbers, numbers]), np.repeat([True, False], len(rows))
        weight = np.concatenate([rows.weight * rows.label, rows.weight * (1 - rows.label)])
    with threadpool_limits(settings.threads, "openmp"):
        model.fit(numbers, label, weight)
    forest, bias = from_hist_gradient_boosting(model, extended.shape[1], columns)
    return Trees(encoder, forest, bias)
