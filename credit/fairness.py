"""Adverse impact: whether people of a group are approved less often than those of the group approved most often.

The four-fifths rule (Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D, which lenders use too): a
rate under four fifths of the highest group's is evidence of adverse impact. The model never sees these columns.
"""

from itertools import pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credit.columns import Floats, numbers
from credit.numbers import decimal_of, number_of
from credit.table import Column, Table
from prediction.metrics import auc

FOUR_FIFTHS = 0.8
SHARES = (0.5, 0.7, 0.9)
"""Of all applicants, those with the highest scores, that are approved in the table."""
SHOWN_SHARE = 0.7
LEAST_ROWS = 30
MOST_GROUPS = 15
AGE_BANDS = (0, 25, 35, 45, 55, 65, 130)
DAYS_A_YEAR = 365.25
ASSOCIATED = 0.3
"""Cramér's V from which a column is told of as a possible stand-in."""


class Group(Struct, frozen=True):
    """People of a group, at the cut-off that approves `SHOWN_SHARE` of all."""

    column: str
    attribute: str
    name: str
    rows: int
    approved: float
    """Share."""
    ratios: tuple[float, ...]
    """To the group approved most often, for each of `SHARES`."""
    bad_rate: float
    mean_pd: float
    auc: float | None
    enough: bool
    """Whether there are rows enough to go by."""

    @property
    def ratio(self) -> float:
        return self.ratios[SHARES.index(SHOWN_SHARE)]

    @property
    def adverse(self) -> bool:
        """Under four fifths, with rows enough to say so."""
        return self.enough and self.ratio < FOUR_FIFTHS


class StandIn(Struct, frozen=True):
    """A column of the model that goes with a protected one."""

    column: str
    protected: str
    association: float
    """Cramér's V: 0 none, 1 the one tells the other."""


def groups(table: Table, protected: dict[str, str], score: Floats, pd: Floats, label: Floats) -> list[Group]:
    """Of every protected column the groups with most rows."""
    found: list[Group] = []
    cuts = [float(np.quantile(score, 1 - share)) for share in SHARES]
    for name, attribute in protected.items():
        names, place = grouped(table.columns[name], attribute, table.decimal_comma)
        counts = np.bincount(place[place >= 0], minlength=len(names))
        least = max(LEAST_ROWS, 0.01 * table.rows)
        shown = [n for n in range(len(names)) if counts[n]]
        if len(shown) > MOST_GROUPS:
            shown = sorted(np.argsort(-counts)[:MOST_GROUPS].tolist())
        rates = {n: [float((score[place == n] >= cut).mean()) for cut in cuts] for n in shown}
        if not shown:
            continue
        large = [n for n in shown if counts[n] >= least] or shown
        best = [max(rates[n][at] for n in large) for at in range(len(cuts))]
        for n in shown:
            rows = place == n
            both = 0 < label[rows].mean() < 1
            found.append(
                Group(
                    name,
                    attribute,
                    names[n],
                    int(counts[n]),
                    rates[n][SHARES.index(SHOWN_SHARE)],
                    tuple(rate / highest if highest else 1.0 for rate, highest in zip(rates[n], best, strict=True)),
                    float(label[rows].mean()),
                    float(pd[rows].mean()),
                    auc(label[rows], pd[rows]) if both else None,
                    bool(counts[n] >= least),
                )
            )
    return found


def grouped(column: Column, attribute: str, decimal_comma: bool) -> tuple[list[str], NDArray[np.int64]]:
    """Names of groups and the group of each row; -1 is missing. Ages are put into bands, other numbers into fifths."""
    decimal = decimal_of(column.levels[:2_000], decimal_comma)
    numeric = [number_of(level, decimal) is not None for level in column.levels]
    if len(column.levels) <= 10 or np.mean(numeric) < 0.9:
        if len(column.levels) > 10 * MOST_GROUPS and attribute == "age":  # days of birth
            return [], np.full(len(column.codes), -1, np.int64)
        order = sorted(range(len(column.levels)), key=lambda n: column.levels[n])
        place = np.empty(len(column.levels) + 1, np.int64)
        place[order] = np.arange(len(order))
        place[-1] = -1
        return [column.levels[n] for n in order], place[column.codes]
    values = numbers(column, decimal)
    if attribute in ("age", "as asked"):
        years = np.abs(values) / (DAYS_A_YEAR if np.nanmedian(np.abs(values)) > 3_650 else 1.0)
        if 15 <= np.nanmedian(years) <= 100 and np.nanmin(years) >= 10:
            names = [f"{low} to {high - 1}" for low, high in pairwise(AGE_BANDS)]
            names[0], names[-1] = f"under {AGE_BANDS[1]}", f"{AGE_BANDS[-2]} and older"
            return names, _placed(years, np.array(AGE_BANDS[1:-1], np.float64))
    edges = np.unique(np.nanquantile(values, (0.2, 0.4, 0.6, 0.8), method="lower"))
    ends = ["", *(f"{edge:g}" for edge in edges), ""]
    names = [f"{low or 'lowest'} to {high or 'highest'}" for low, high in pairwise(ends)]
    return names, _placed(values, edges)


def _placed(values: Floats, edges: Floats) -> NDArray[np.int64]:
    return np.where(np.isnan(values), -1, np.searchsorted(edges, values, "right")).astype(np.int64)


def stand_ins(table: Table, protected: dict[str, str], places: dict[str, NDArray[np.int64]]) -> list[StandIn]:
    """Columns of the model, as bins by name, that tell much of a protected one."""
    found = []
    for name, attribute in protected.items():
        names, group = grouped(table.columns[name], attribute, table.decimal_comma)
        if not 2 <= len(names) <= 10 * MOST_GROUPS:
            continue
        for column, place in places.items():
            both = (group >= 0) & (place >= 0)
            if both.sum() < LEAST_ROWS:
                continue
            counts = np.zeros((int(place.max()) + 1, len(names)))
            np.add.at(counts, (place[both], group[both]), 1.0)
            association = cramers_v(counts)
            if association >= ASSOCIATED:
                found.append(StandIn(column, name, association))
    return sorted(found, key=lambda each: -each.association)


def cramers_v(counts: Floats) -> float:
    """Of a table of counts; without rows or columns that are empty."""
    counts = counts[counts.sum(1) > 0][:, counts.sum(0) > 0]
    if min(counts.shape) < 2:
        return 0.0
    expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / counts.sum()
    chi = float(((counts - expected) ** 2 / expected).sum())
    return float(np.sqrt(chi / counts.sum() / (min(counts.shape) - 1)))
