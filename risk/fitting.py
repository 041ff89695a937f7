"""Learning a card's shares: how much each step of each fact adds, never less than the step before.

In a noisy OR the shares of causes add up as ``strength = -ln(1 - share)``. A fact's steps are learnt as increments that
are not below 0, so that the card is monotone whatever the rows say, and an increment has to earn its keep (an L1
penalty, whose size is chosen on folds). Both losses are convex in the strengths: there is one best card.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from risk.cards import MOST_SHARE, Steps

Floats = NDArray[np.float64]
Bins = NDArray[np.uint8]

QUANTILES = (0.1, 0.25, 0.5, 0.65, 0.75, 0.85, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999)
"""Of a fact's known values: where steps may begin."""
LEAST_ROWS = 30
"""Beyond a step, on its side that speaks for more."""
STRENGTHS = (0.25, 1.0, 4.0, 16.0)
"""Penalties that are tried, in nats for a strength of 1."""
MOST_STRENGTH = -float(np.log1p(-MOST_SHARE))

_EFFORT = {"maxiter": 300, "ftol": 1e-8}
Loss = Callable[[Floats], tuple[float, Floats]]
"""Of groups' strengths: the sum of the losses of their rows, and its slope in each."""


class Column(NamedTuple):
    """How one fact is told in steps."""

    name: str
    rising: bool
    cuts: tuple[float, ...]
    """Where steps begin, the first above 0."""
    missing: bool
    """Are there rows on which it is not known?"""

    @property
    def parameters(self) -> int:
        return len(self.cuts) + self.missing


class Design(NamedTuple):
    """Rows as the steps that their facts are in. Rows alike in all are one group: losses need sums of groups only."""

    columns: tuple[Column, ...]
    bins: Bins
    """(groups, facts): the number of the step; what is missing is in the one after the last."""
    group: NDArray[np.int64]
    """(rows,)"""

    def take(self, chosen: NDArray[np.bool_]) -> "Design":
        kept, group = np.unique(self.group[chosen], return_inverse=True)
        return Design(self.columns, self.bins[kept], group)

    def total(self, values: Floats) -> Floats:
        """Sums over the rows of each group."""
        return np.asarray(np.bincount(self.group, values, len(self.bins)), np.float64)

    @property
    def parameters(self) -> int:
        return sum(column.parameters for column in self.columns)


def design(names: Sequence[str], rising: Mapping[str, bool], values: NDArray[np.float32]) -> Design:
    """Of facts (n, names), NaN where one is missing. Facts with nothing to tell rows apart are left out."""
    columns: list[Column] = []
    for name, known in zip(names, values.T, strict=True):
        there = known[~np.isnan(known)]
        cuts = _cuts(there, rising[name])
        column = Column(name, rising[name], cuts, 0 < len(there) < len(known))
        if column.parameters:
            columns.append(column)
    return binned(columns, names, values)


def binned(columns: Sequence[Column], names: Sequence[str], values: NDArray[np.float32]) -> Design:
    """Rows in the steps of some columns."""
    told = [_binned(column, values[:, names.index(column.name)]) for column in columns]
    bins = np.stack(told, axis=1) if told else np.zeros((len(values), 0), np.uint8)
    key = np.zeros(len(values), np.uint64)
    for column in bins.T:
        key = (key ^ (key >> np.uint64(29)) ^ column) * np.uint64(0xBF58476D1CE4E5B9) + np.uint64(1)
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    return Design(tuple(columns), bins[first], group)


def strengths(given: Design, parameters: Floats) -> Floats:
    """The strength of each row."""
    return _group_strengths(given, parameters)[given.group]


def _group_strengths(given: Design, parameters: Floats) -> Floats:
    total = np.zeros(len(given.bins))
    for place, amounts in enumerate(_amounts(given.columns, parameters)):
        total += amounts[given.bins[:, place]]
    return total


def fit(
    given: Design, loss: Loss, penalty: float, *, leak: bool = False, start: Floats | None = None
) -> tuple[Floats, float]:
    """The increments with the least loss, and the strength that all rows have (0 unless ``leak``)."""
    count = given.parameters
    if not count and not leak:
        return np.empty(0), 0.0

    def cost(at: Floats) -> tuple[float, Floats]:
        value, slope = loss(_group_strengths(given, at[:count]) + (at[count] if leak else 0.0))
        gradient = np.empty(len(at))
        gradient[:count] = _gradient(given, slope) + penalty
        if leak:
            gradient[count] = slope.sum()
        return value + penalty * float(at[:count].sum()), gradient

    begun = np.full(count + leak, 0.01)
    if start is not None:
        begun[:count] = start
    bounds = [(0.0, MOST_STRENGTH)] * count + [(1e-4, MOST_STRENGTH)] * leak
    found = minimize(cost, begun, jac=True, method="L-BFGS-B", bounds=bounds, options=_EFFORT)
    told = np.asarray(found.x, np.float64)
    return told[:count], float(told[count]) if leak else 0.0


def steps_of(columns: Sequence[Column], parameters: Floats, scale: float = 1.0) -> dict[str, Steps]:
    """The facts of a card; those that turned out to say nothing are left out."""
    told = {}
    for column, amounts in zip(columns, _amounts(columns, parameters), strict=True):
        shares = [round(min(float(-np.expm1(-scale * amount)), MOST_SHARE), 4) for amount in amounts.tolist()]
        kept = [(0.0, shares[0])]
        for cut, share in zip(column.cuts, shares[1 : len(column.cuts) + 1], strict=True):
            if share != kept[-1][1]:
                kept.append((cut, share))
        missing = shares[-1]
        if any(share for _, share in kept) or missing:
            steps = tuple(kept)
            told[column.name] = Steps(rising=steps, missing=missing) if column.rising else Steps((), steps, missing)
    return told


def merged(learnt: Steps | None, published: Steps, lowest: float, highest: float) -> Steps | None:
    """What was learnt, and where the rows do not reach (below the lowest and above the highest value that they have)
    the published steps, as far as they say more. None if neither says anything.
    """
    own = learnt.steps if learnt is not None else ((0.0, 0.0),)
    missing = learnt.missing if learnt is not None else 0.0
    if published.rising:
        beyond = [(start, share) for start, share in published.rising if start > highest and share > own[-1][1]]
        steps = (*own, *beyond)
    else:
        top = own[0][1]
        before = [(start, share) for start, share in published.falling if start < lowest and share > top]
        steps = (*before, (lowest, top), *own[1:]) if before else own
    if not any(share for _, share in steps) and not missing:
        return None
    return Steps(rising=steps, missing=missing) if published.rising else Steps((), steps, missing)


def _cuts(known: NDArray[np.float32], rising: bool) -> tuple[float, ...]:
    if not len(known):
        return ()
    low = float(known.min())
    found = []
    rounded = {float(f"{cut:.6g}") for cut in np.quantile(known, QUANTILES, method="higher").tolist()}
    for cut in sorted(rounded):
        beyond = int((known >= cut).sum() if rising else (known < cut).sum())
        if cut > low and LEAST_ROWS <= beyond < len(known):
            found.append(cut)
    return tuple(found)


def _binned(column: Column, values: NDArray[np.float32]) -> Bins:
    told = np.searchsorted(np.array(column.cuts, np.float32), values, side="right").astype(np.uint8)
    told[np.isnan(values)] = len(column.cuts) + 1
    return told


def _amounts(columns: Sequence[Column], parameters: Floats) -> list[Floats]:
    """The strength of each step of each fact; the one of what is missing is the last."""
    told, at = [], 0
    for column in columns:
        steps = len(column.cuts)
        own = parameters[at : at + steps]
        known = np.concatenate(([0.0], np.cumsum(own)) if column.rising else (np.cumsum(own[::-1])[::-1], [0.0]))
        told.append(np.append(known, parameters[at + steps] if column.missing else 0.0))
        at += column.parameters
    return told


def _gradient(given: Design, slope: Floats) -> Floats:
    told = []
    for place, column in enumerate(given.columns):
        steps = len(column.cuts)
        total = np.bincount(given.bins[:, place], slope, steps + 2)
        told.append(np.cumsum(total[steps:0:-1])[::-1] if column.rising else np.cumsum(total[:steps]))
        if column.missing:
            told.append(total[steps + 1 :])
    return np.concatenate(told) if told else np.empty(0)
