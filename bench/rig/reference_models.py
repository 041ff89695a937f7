"""Other people's models of clicks, tuned as their users would: scikit-learn's, LightGBM's, Vowpal Wabbit's.

Each has a few settings; the one that does best on a fifth of the training rows, held out from the rest, is fitted
again on all training rows. None sees the rows that it is judged by.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from rig.vowpal import vowpal
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, TargetEncoder

from prediction.feature_set import FeatureSet
from prediction.rows import Rows, folds

warnings.filterwarnings("ignore", module="sklearn|lightgbm")

Floats = NDArray[np.float64]
Fit = Callable[[Rows, Rows, int], Floats]
"""Scores of the second rows by a model of the first ones; the number is what chance begins with."""


def tuned(choices: Sequence[Fit], train: Rows, test: Rows, seed: int) -> Floats:
    """The choice with the least log loss on a held-out fifth of ``train``, fitted on all of it."""
    held = folds(len(train), 5, seed) == 0
    inner, judge = train.take(~held), train.take(held)
    losses = [log_loss(judge.label, fit(inner, judge, seed)) for fit in choices]
    return choices[int(np.argmin(losses))](train, test, seed)


def families(features: FeatureSet) -> dict[str, list[Fit]]:
    """Name of a model -> its settings to choose from."""
    numbers = np.flatnonzero(features.kinds())
    categories = np.flatnonzero(~features.kinds())

    def frame(rows: Rows) -> Floats:
        columns = rows.values.astype(np.float64)
        columns[:, numbers] = rows.values[:, numbers].view(np.float32)
        return columns

    def one_hot(c: float, rarest: int) -> Fit:
        def fit(train: Rows, test: Rows, seed: int) -> Floats:
            hot = OneHotEncoder(min_frequency=rarest, handle_unknown="infrequent_if_exist")
            parts = [("categories", hot, categories)]
            if len(numbers):
                buckets = KBinsDiscretizer(20, quantile_method="averaged_inverted_cdf")
                parts.append(("numbers", make_pipeline(_Filled(), buckets), numbers))
            made = ColumnTransformer(parts)
            model = LogisticRegression(C=c, max_iter=300).fit(made.fit_transform(frame(train)), train.label)
            return _positive(model, made.transform(frame(test)))

        return fit

    def encoded(model: Callable[[int], Any]) -> Fit:
        def fit(train: Rows, test: Rows, seed: int) -> Floats:
            made = ColumnTransformer(
                [("categories", TargetEncoder(random_state=seed), categories), ("numbers", "passthrough", numbers)]
            )
            return _positive(
                model(seed).fit(made.fit_transform(frame(train), train.label), train.label), made.transform(frame(test))
            )

        return fit

    def native(leaves: int, rate: float, trees: int) -> Fit:
        def fit(train: Rows, test: Rows, seed: int) -> Floats:
            known = [np.unique(train.values[:, column]) for column in categories]
            made = []
            for rows in (train, test):
                columns = frame(rows)
                for column, values in zip(categories, known, strict=True):
                    place = np.minimum(np.searchsorted(values, rows.values[:, column]), len(values) - 1)
                    seen = values[place] == rows.values[:, column]
                    columns[:, column] = np.where(seen, place, np.nan)
                made.append(columns)
            data = lightgbm.Dataset(
                made[0], train.label, categorical_feature=[int(c) for c in categories], params={"verbose": -1}
            )
            told = {
                "objective": "binary", "num_leaves": leaves, "learning_rate": rate, "feature_fraction": 0.3,
                "bagging_fraction": 0.8, "bagging_freq": 1, "min_data_in_leaf": 40, "lambda_l2": 5, "cat_smooth": 50,
                "cat_l2": 50, "min_data_per_group": 50, "max_cat_threshold": 64, "seed": seed, "num_threads": 1,
                "verbose": -1,
            }  # fmt: skip
            return np.asarray(lightgbm.train(told, data, trees).predict(made[1]))

        return fit

    def boosted(leaves: int, rate: float, trees: int) -> Callable[[int], Any]:
        return lambda seed: lightgbm.LGBMClassifier(
            n_estimators=trees, num_leaves=leaves, learning_rate=rate, min_child_samples=40, colsample_bytree=0.3,
            subsample=0.8, subsample_freq=1, reg_lambda=5, n_jobs=1, random_state=seed, verbose=-1,
        )  # fmt: skip

    def histogram(leaves: int, rate: float, trees: int) -> Callable[[int], Any]:
        return lambda seed: HistGradientBoostingClassifier(
            max_iter=trees, max_leaf_nodes=leaves, learning_rate=rate, min_samples_leaf=40, l2_regularization=5,
            max_features=0.3, early_stopping=False, random_state=seed,
        )  # fmt: skip

    shapes = ((4, 0.05, 250), (7, 0.03, 300), (15, 0.03, 200), (31, 0.03, 120))
    return {
        "scikit-learn LR": [one_hot(c, rarest) for c in (0.02, 0.05, 0.15) for rarest in (2, 5)],
        "scikit-learn trees": [encoded(histogram(*shape)) for shape in shapes],
        "LightGBM, target encoding": [encoded(boosted(*shape)) for shape in shapes],
        "LightGBM, own categories": [native(*shape) for shape in shapes],
        "Vowpal Wabbit LR": [vowpal(features, passes, more) for passes, more in LINEAR],
    }


LINEAR = (
    (3, ""),
    (3, "-l 0.1"),
    (10, "-l 0.05 --l2 1e-5"),
    (5, "--ftrl --ftrl_alpha 0.02 --l1 1e-5"),
    (10, "--ftrl --ftrl_alpha 0.02 --l1 1e-5"),
)
"""Passes over the rows, and options of Vowpal Wabbit. Its factors (``--lrqfa``) and all pairs (``--interactions ::``)
do worse than these on some thousands of rows, and take a hundred times as long."""


class _Filled:
    """Numbers with what is missing below all others, as a scikit-learn transformer."""

    def fit(self, _: Floats, __: Any = None) -> "_Filled":
        return self

    def transform(self, columns: Floats) -> Floats:
        return np.where(np.isnan(columns), -1e9, columns)

    def fit_transform(self, columns: Floats, _: Any = None) -> Floats:
        return self.transform(columns)


def _positive(model: Any, rows: Any) -> Floats:
    return np.asarray(model.predict_proba(rows)[:, 1])
