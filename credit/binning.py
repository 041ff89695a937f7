"""Bins of a characteristic for a scorecard: few, each with enough rows, and of numbers in an order that only rises or
only falls. What is missing has a bin of its own.

A bin's weight of evidence is the logarithm of its share of the bad over its share of the good (so that more is worse),
smoothed towards none by `PRIOR` rows that are as all are: a bin of few rows says little.
"""

from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from credit.columns import Floats

FINE = 40
"""Quantiles that are merged into bins."""
MOST_BINS = 10
LEAST_SHARE = 0.02
LEAST_ROWS = 30
"""Of a bin of numbers, and of a category's level that stands alone."""
PRIOR = 10.0
NOMINAL_GAIN = 1.4
"""Whole numbers that tell so many times more as codes than in order are codes."""
MOST_CODES = 15


class Bins(Struct, frozen=True):
    """A characteristic's bins. A number belongs to the first whose edge it does not exceed, beyond all to the last."""

    kind: Literal["number", "code", "category"]
    edges: tuple[float, ...]
    """Of a number one fewer than bins; of a code the codes themselves, in the order of the bins' numbers."""
    places: tuple[int, ...]
    """Of a code and of a category: the bin of each code or level; the last is others'."""
    woe: tuple[float, ...]
    """By bin; the last is of what is missing."""
    rows: tuple[int, ...]
    bad: tuple[float, ...]
    information_value: float

    def of(self, values: Floats | NDArray[np.int32]) -> NDArray[np.int64]:
        """The bin of each number, or of each code of a category's level (-1: missing)."""
        missing = len(self.woe) - 1
        if self.kind == "category":
            places = np.array([*self.places, missing], np.int64)
            return places[np.asarray(values, np.int64)]
        numbers = np.asarray(values, np.float64)
        if self.kind == "code":
            order = np.argsort(self.edges)
            sorted_codes = np.array(self.edges)[order]
            at = np.searchsorted(sorted_codes, numbers).clip(0, len(order) - 1)
            found = np.where(sorted_codes[at] == numbers, np.array(self.places)[order[at]], self.places[-1])
        else:
            found = np.searchsorted(np.array(self.edges), numbers, "left")
        return np.where(np.isnan(numbers), missing, found).astype(np.int64)

    def evidence(self, values: Floats | NDArray[np.int32]) -> Floats:
        """The weight of evidence of each."""
        return np.array(self.woe)[self.of(values)]


def information(values: Floats, label: Floats, weight: Floats | None = None) -> float:
    """Information value over deciles, and what is missing: how much a number tells of the label, in any shape."""
    w = np.ones_like(label) if weight is None else weight
    place = _tenths(values)
    return _value(*_counts(place, int(place.max()) + 1, label, w))


def left_open(values: Floats, label: Floats, said: Floats, weight: Floats) -> float:
    """Chi-squared of Rao's score test: how far labels leave the probabilities ``said``, over deciles of a number."""
    place = _tenths(values)
    gap = np.bincount(place, weight * (label - said))
    noise = np.bincount(place, weight * said * (1 - said))
    return float((gap**2 / np.maximum(noise, 1e-9)).sum())


def _tenths(values: Floats) -> NDArray[np.int64]:
    there = ~np.isnan(values)
    if not there.any():
        return np.zeros(len(values), np.int64)
    cuts = np.unique(np.quantile(values[there], np.linspace(0.1, 0.9, 9)))
    return np.where(there, np.searchsorted(cuts, values, "left"), len(cuts) + 1)


def numeric(values: Floats, label: Floats, weight: Floats) -> Bins:
    """Bins of a number, in order of it; of few whole numbers, bins of codes where these tell much more."""
    there = ~np.isnan(values)
    if not there.any():
        return _made("number", (), np.full(len(values), 1), label, weight, ())
    edges, place = _fine(values, there)
    rows, bad = _counts(place[there], len(edges) + 1, label[there], weight[there])
    best: tuple[float, list[int]] | None = None
    for sign in (1.0, -1.0):
        fitted = isotonic_regression(sign * bad / np.maximum(rows, 1e-9), weights=np.maximum(rows, 1e-9))
        starts = fitted.blocks[:-1].tolist()
        value = _value(np.add.reduceat(rows, starts), np.add.reduceat(bad, starts))
        if best is None or value > best[0] + 1e-12:
            best = value, starts
    assert best is not None
    starts = _merged(best[1], rows, bad, float(weight[there].sum()))
    kept = tuple(float(edges[start - 1]) for start in starts[1:])
    ordered = np.where(there, np.searchsorted(np.array(kept), values, "left"), len(kept) + 1)
    made = _made("number", kept, ordered, label, weight, ())
    codes = np.unique(values[there])
    if 3 <= len(codes) <= MOST_CODES and np.all(codes == np.floor(codes)) and np.all(codes >= 0):
        as_codes = _codes(values, codes, there, label, weight)
        chance = 4 * len(codes) / max(float(bad.sum() * (1 - bad.sum() / rows.sum())), 1.0)
        if as_codes.information_value > NOMINAL_GAIN * made.information_value + 0.01 + chance:
            return as_codes
    return made


def categorical(codes: NDArray[np.int32], levels: int, label: Floats, weight: Floats) -> Bins:
    """Bins of a category: a level with enough rows has its own; the others are one with what training has not seen."""
    rows, _ = _counts(codes.astype(np.int64) + 1, levels + 2, label, weight)
    least = max(LEAST_ROWS, LEAST_SHARE / 2 * len(codes))
    places, used = [], 0
    for level in range(levels + 1):
        alone = level < levels and rows[level + 1] >= least
        places.append(used if alone else -1)
        used += int(alone)
    places = [used if place < 0 else place for place in places]
    at = np.array([*places, used + 1])[codes]
    return _made("category", (), at, label, weight, tuple(places), used + 1)


def _codes(values: Floats, codes: Floats, there: NDArray[np.bool_], label: Floats, weight: Floats) -> Bins:
    place = np.where(there, np.searchsorted(codes, np.where(there, values, codes[0])), -1).astype(np.int32)
    as_category = categorical(place, len(codes), label, weight)
    return Bins(
        "code",
        tuple(codes.tolist()),
        as_category.places,
        as_category.woe,
        as_category.rows,
        as_category.bad,
        as_category.information_value,
    )


def _fine(values: Floats, there: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.int64]]:
    """Edges, each between two values there are, and the place of each value."""
    distinct = np.unique(values[there])
    if len(distinct) <= FINE:
        edges = (distinct[1:] + distinct[:-1]) / 2
    else:
        edges = np.unique(np.quantile(values[there], np.linspace(0, 1, FINE + 1)[1:-1]))
    return edges, np.searchsorted(edges, values, "left")


def _merged(starts: list[int], rows: Floats, bad: Floats, total: float) -> list[int]:
    """Neighbours put together until each bin has enough rows, and there are not too many; the closest ones first."""
    least = max(LEAST_ROWS, LEAST_SHARE * total)
    starts = list(starts)
    while len(starts) > 1:
        n, b = np.add.reduceat(rows, starts), np.add.reduceat(bad, starts)
        small = np.flatnonzero(n < least)
        rate = (b + PRIOR * bad.sum() / rows.sum()) / (n + PRIOR)
        gap = np.abs(np.diff(np.log(rate / (1 - np.minimum(rate, 1 - 1e-9)))))
        noise = np.sqrt(1 / np.maximum(n * rate * (1 - rate), 1e-9))
        if len(small):
            at = int(small[np.argmin(n[small])])
            joined = at if at and (at == len(gap) or gap[at - 1] <= gap[at]) else at + 1
        else:
            sure = gap / np.hypot(noise[1:], noise[:-1])
            joined = int(np.argmin(sure)) + 1
            if len(starts) <= MOST_BINS and sure[joined - 1] > 1.0:
                break
        del starts[joined]
    return starts


def _made(
    kind: Literal["number", "code", "category"],
    edges: tuple[float, ...],
    place: NDArray[np.int64],
    label: Floats,
    weight: Floats,
    places: tuple[int, ...],
    bins: int | None = None,
) -> Bins:
    count = (len(edges) + 1 if bins is None else bins) + 1  # and what is missing
    rows, bad = _counts(place, count, label, weight)
    woe = _evidence(rows, bad)
    return Bins(
        kind,
        edges,
        places,
        tuple(woe.tolist()),
        tuple(np.bincount(place, minlength=count).tolist()),
        tuple(bad.tolist()),
        _value(rows, bad),
    )


def _counts(place: NDArray[np.int64], bins: int, label: Floats, weight: Floats) -> tuple[Floats, Floats]:
    rows = np.bincount(place, weight, bins)[:bins].astype(np.float64)
    return rows, np.bincount(place, weight * label, bins)[:bins].astype(np.float64)


def _evidence(rows: Floats, bad: Floats) -> Floats:
    rate = bad.sum() / rows.sum()
    smoothed = (bad + PRIOR * rate) / (rows + PRIOR)
    return np.asarray(np.log(smoothed / (1 - smoothed)) - np.log(rate / (1 - rate)))


def _value(rows: Floats, bad: Floats) -> float:
    good = rows - bad
    return float(((bad / bad.sum() - good / good.sum()) * _evidence(rows, bad)).sum())  # of both there are some
