"""Vowpal Wabbit's logistic regression, as scores of rows."""

from collections.abc import Callable, Iterator
from string import ascii_letters

import numpy as np
from numpy.typing import NDArray
from vowpalwabbit import Workspace

from prediction.feature_set import FeatureSet
from prediction.rows import Rows

BASE = "--loss_function logistic --link logistic -b 20 --quiet"


def vowpal(features: FeatureSet, passes: int, options: str) -> Callable[[Rows, Rows, int], NDArray[np.float64]]:
    """Fits on the first rows in ``passes`` over them, each in an order of its own, and scores the second ones."""
    names = ascii_letters[: len(features.features)]

    def fit(train: Rows, test: Rows, seed: int) -> NDArray[np.float64]:
        order = np.random.default_rng(seed)
        learner = Workspace(f"{BASE} --random_seed {seed} {options}")
        examples = [
            learner.parse(f"{1 if label else -1} {line}")
            for label, line in zip(train.label, _lines(features, train, names), strict=True)
        ]
        for _ in range(passes):
            for at in order.permutation(len(examples)):
                learner.learn(examples[at])
        for example in examples:
            learner.finish_example(example)
        scores = np.array([learner.predict(line) for line in _lines(features, test, names)])
        learner.finish()
        return np.asarray(np.clip(scores, 1e-6, 1 - 1e-6))

    return fit


def _lines(features: FeatureSet, rows: Rows, names: str) -> Iterator[str]:
    """Rows as text: a namespace a feature. A number is a bucket of its logarithm, and the logarithm itself."""
    texts = []
    for feature, name, column in zip(features.features, names, rows.values.T, strict=True):
        if feature.kind == "category":
            texts.append([f"|{name} {value:x}" for value in column])
            continue
        numbers = np.ascontiguousarray(column).view(np.float32).astype(np.float64)
        logs = np.sign(numbers) * np.log1p(np.abs(numbers))
        told = np.where(np.isnan(logs), 0, np.round(2 * logs))
        texts.append([
            f"|{name} none" if np.isnan(log) else f"|{name} b{int(bucket)} log:{log:.4f}"
            for log, bucket in zip(logs, told, strict=True)
        ])  # fmt: skip
    return map(" ".join, zip(*texts, strict=True))
