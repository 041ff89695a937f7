"""What a saved model is worth on a file of rows."""

from collections.abc import Callable, Sequence
from math import isnan

import msgspec
import numpy as np

from prediction.datasets.dataset import Dataset
from prediction.metrics import RESAMPLES, auc, logloss, measure, normalised_entropy
from prediction.reliability import calibration_error
from prediction.scorer import Scorer


class Evaluation(msgspec.Struct, frozen=True):
    """Metrics of a model on rows, as `Metrics`. What needs both labels is None where only one occurs."""

    rows: int
    base_rate: float
    auc: float | None
    logloss: float
    ne: float | None
    """Normalised entropy."""
    ece: float
    seconds: float
    """Of reading and scoring."""
    auc_interval: tuple[float, float] | None = None
    ece_null: float | None = None
    bad_lines: int = 0


def evaluate(
    model: Scorer,
    readings: Sequence[Dataset],
    clock: Callable[[], float],
    progress: Callable[[float], None] = lambda _: None,
    resamples: int = RESAMPLES,
) -> Evaluation | None:
    """The model on the rows of all readings, in bounded memory but for a score, a label and a weight a row.

    None if there is no row.
    """
    begun = clock()
    labels, scores, weights = [], [], []
    history = readings[0].history()
    for number, reading in enumerate(readings):
        if number:
            reading.resume(history)
        for rows in reading:
            labels.append(rows.label)
            scores.append(model.scores(rows.values))
            weights.append(rows.weight)
            progress((number + reading.share) / len(readings))
        history = reading.history()
    seconds = clock() - begun
    if not labels:
        return None
    label, score, weight = (np.concatenate(each) for each in (labels, scores, weights))
    bad = sum(reading.bad.count for reading in readings)
    rate = float(label @ weight / weight.sum())
    if 0 < rate < 1:
        told = measure(label, score, weight, resamples=resamples)
        return Evaluation(
            told.rows, told.base_rate, told.auc, told.logloss, told.normalised_entropy, told.ece, seconds,
            told.intervals["auc"], told.ece_null, bad,
        )  # fmt: skip
    area, entropy = auc(label, score, weight), normalised_entropy(label, score, weight)
    return Evaluation(
        len(label), rate, None if isnan(area) else area, logloss(label, score, weight),
        None if isnan(entropy) else entropy, calibration_error(label, score, weight), seconds, bad_lines=bad,
    )  # fmt: skip
