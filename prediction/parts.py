"""How rows are parted into those that a model learns from and those that it is judged, weighed or calibrated on."""

import numpy as np
from numpy.typing import NDArray

from prediction.rows import Rows, chosen_by_hash, folds

FEW = 200_000
"""Rows below which all are used for judging, fold by fold."""
ENOUGH = 300
"""Outcomes of either kind that the newest rows must have for them alone to be weighed on."""

Mask = NDArray[np.bool_]


def has_times(rows: Rows) -> bool:
    """Whether the rows can be split by time: not if they all are of one instant."""
    return rows.timed and int(rows.time_ns.min()) < int(rows.time_ns.max())


def newest(rows: Rows, share: float) -> Mask:
    """About that share of the rows, the newest ones; rows of one instant stay together, on the side that is nearer."""
    times = np.sort(rows.time_ns)
    cut = round((1 - share) * len(times))
    at_cut = times[min(cut, len(times) - 1)]
    first, last = np.searchsorted(times, at_cut, "left"), np.searchsorted(times, at_cut, "right")
    at = times[first] if cut - first <= last - cut or last == len(times) else times[last]
    return np.asarray(rows.time_ns >= at)


def judged(rows: Rows, share: float, count: int, seed: int) -> list[Mask]:
    """Rows to judge a model by that learnt from all others: the newest; of rows without times each fold in turn, or a
    share where there are many.
    """
    if has_times(rows):
        return [newest(rows, share)]
    if len(rows) < FEW:
        return _each(folds(len(rows), count, seed), count)
    return [chosen_by_hash(rows.values, share, seed)]


def weighed(rows: Rows, share: float, count: int, seed: int) -> list[Mask]:
    """Rows to weigh and calibrate models on: as `judged`, but where the newest rows have few outcomes each stretch of
    time in turn, since what few outcomes say is further off than what other times do.
    """
    if not has_times(rows):
        return judged(rows, share, count, seed)
    late = newest(rows, share)
    positives = float(rows.label[late].sum())
    if min(positives, late.sum() - positives) >= ENOUGH:
        return [late]
    place = np.empty(len(rows), dtype=np.int64)
    place[np.argsort(rows.time_ns, kind="stable")] = np.arange(len(rows)) * count // len(rows)
    return _each(place, count)


def _each(fold: NDArray[np.int64], count: int) -> list[Mask]:
    return [fold == number for number in range(count)]
