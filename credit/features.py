"""Features that are made of an applicant's columns: of families of numbered columns, and ratios of two quantities.

Which there are is found from the data. A family are columns whose names differ in a number (``BILL_AMT1`` to
``BILL_AMT6``) and whose values are of one kind; of it come its mean, extremes, trend, latest change and how many are
above nought. A ratio is taken in where it tells of the outcome what a scorecard without ratios does not.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, pairwise

import numpy as np
from msgspec import Struct
from scipy.special import expit
from scipy.stats import rankdata

from credit import scorecard
from credit.binning import information, left_open
from credit.columns import Floats, Schema
from credit.table import Table

LEAST_FAMILY = 3
LARGEST_STEP = 2
"""Between the numbers of neighbours: ``PAY_0`` is followed by ``PAY_2``."""
LIKE = 4.0
"""Neighbours of a family differ by no larger factor in level and in spread."""
CORRELATED = 0.15
MANY = 20
"""A quantity has more different values; what has fewer is a code or a count."""
LARGE = 100.0
MOST_QUANTITIES = 24
"""That ratios are tried of, those that tell most of the outcome."""
MOST_RATIOS = 12
LEAST_GAIN = 30.0
"""Chi-squared, of about nine degrees of freedom, that a ratio must have beyond what is known without it."""
FURTHEST = 1e9


class Derived(Struct, frozen=True):
    """A feature made of others: columns, or features before it."""

    name: str
    operation: str
    inputs: tuple[str, ...]


class Recipe(Struct, frozen=True):
    """How the numbers of a model are made from a table's columns: first the columns themselves, then the derived."""

    numbers: tuple[str, ...]
    derived: tuple[Derived, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all its features, in order."""
        return (*self.numbers, *(each.name for each in self.derived))

    def sources(self) -> dict[str, frozenset[str]]:
        """By feature: the columns it comes from."""
        found = {name: frozenset((name,)) for name in self.numbers}
        for each in self.derived:
            found[each.name] = frozenset().union(*(found[name] for name in each.inputs))
        return found

    def apply(self, numbers: Mapping[str, Floats]) -> dict[str, Floats]:
        """All features, from the columns' numbers."""
        made = {name: numbers[name] for name in self.numbers}
        stacks: dict[tuple[str, ...], Floats] = {}
        with np.errstate(all="ignore"):
            for each in self.derived:
                if each.operation == RATIO:
                    made[each.name] = ratio(*(made[name] for name in each.inputs))
                    continue
                values = stacks.get(each.inputs)
                if values is None:
                    values = stacks[each.inputs] = np.stack([made[name] for name in each.inputs], axis=1)
                made[each.name] = OPERATIONS[each.operation](values)
        return made


def numbers_of(schema: Schema, table: Table) -> dict[str, Floats]:
    """By name: the numeric columns that a model reads; NaN where there is none."""
    missing = np.full(table.rows, np.nan)
    return {
        plan.name: plan.numbers(table.columns[plan.name]) if plan.name in table.columns else missing
        for plan in schema.plans
        if plan.kind == "number"
    }


def recipe(numbers: Mapping[str, Floats], label: Floats, weight: Floats) -> Recipe:
    """What is worth making of these columns; ``label`` chooses among the ratios."""
    derived: list[Derived] = []
    for members in families(numbers):
        title = family_name(members)
        for operation in ("mean", "max", "min", "trend", "change", "spread"):
            derived.append(Derived(f"{title} {operation}", operation, members))
        if any(np.nanmin(numbers[name], initial=0.0) <= 0 for name in members):
            derived.append(Derived(f"{title} above 0", "above", members))
    plain = Recipe(tuple(numbers), tuple(derived))
    return Recipe(plain.numbers, (*plain.derived, *_ratios(plain, numbers, label, weight)))


def families(numbers: Mapping[str, Floats]) -> list[tuple[str, ...]]:
    """Columns that say the same of several periods, in order of their numbers."""
    by_stem: dict[str, list[tuple[int, str]]] = {}
    for name in numbers:
        if found := re.fullmatch(r"(.*?)(\d{1,4})(\D*)", name):
            by_stem.setdefault(f"{found[1]}#{found[3]}", []).append((int(found[2]), name))
    made = []
    for members in by_stem.values():
        run = [min(members)[1]]
        for (at, before), (number, name) in pairwise(sorted(members)):
            if number - at > LARGEST_STEP or not _alike(numbers[before], numbers[name]):
                made.append(tuple(run))
                run = []
            run.append(name)
        made.append(tuple(run))
    return [run for run in made if len(run) >= LEAST_FAMILY]


def family_name(members: Sequence[str]) -> str:
    """``BILL_AMT1..6``."""
    last = re.findall(r"\d+", members[-1])[-1]
    return f"{members[0]}..{last}"


def _alike(one: Floats, other: Floats) -> bool:
    one, other = one[:20_000], other[:20_000]
    both = ~np.isnan(one) & ~np.isnan(other)
    if both.sum() < 30:
        return False
    a, b = one[both], other[both]
    few = len(np.unique(a)) <= 3 * MANY, len(np.unique(b)) <= 3 * MANY
    if few[0] != few[1]:
        return False
    for measure in (_level, _breadth):
        low, high = sorted((measure(a), measure(b)))
        if high > LIKE * max(low, 1e-12) and high > 1.5:
            return False
    if len(np.unique(a)) < 2 or len(np.unique(b)) < 2:
        return False
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1]) >= CORRELATED


def _level(values: Floats) -> float:
    return float(np.quantile(np.abs(values), 0.6))


def _breadth(values: Floats) -> float:
    low, high = np.quantile(values, (0.1, 0.9))
    return float(high - low)


def _ratios(plain: Recipe, numbers: Mapping[str, Floats], label: Floats, weight: Floats) -> list[Derived]:
    """Those that say most of what a scorecard of the features so far leaves open."""
    made = plain.apply(numbers)
    means = [each.name for each in plain.derived if each.operation == "mean"]
    quantities = []
    for name in (*plain.numbers, *means):
        there = made[name][~np.isnan(made[name])]
        if len(there) >= 100 and _quantity(there):
            quantities.append((information(made[name], label, weight), name))
    quantities.sort(reverse=True)
    if len(quantities) < 2:
        return []
    said = expit(scorecard.fit(made, {}, label, weight).log_odds(made))
    tried = []
    for one, other in combinations([name for _, name in quantities[:MOST_QUANTITIES]], 2):
        above, below = (one, other) if np.nanmean(made[one] == 0) >= np.nanmean(made[other] == 0) else (other, one)
        with np.errstate(all="ignore"):
            left = left_open(ratio(made[above], made[below]), label, said, weight)
        if left >= LEAST_GAIN:
            tried.append((left, Derived(f"{above} / {below}", RATIO, (above, below))))
    tried.sort(key=lambda each: (-each[0], each[1].name))
    return [each for _, each in tried[:MOST_RATIOS]]


def _quantity(values: Floats) -> bool:
    """Something one has more or less of, and not a code: many different values, or large ones."""
    low, middle = np.quantile(values, (0.2, 0.5))
    different = len(np.unique(values[:5_000]))
    return bool(low >= 0) and (different > MANY or (different > 3 and middle >= LARGE))


def ratio(above: Floats, below: Floats) -> Floats:
    """NaN where there is nothing below."""
    none: Floats = np.full(len(above), np.nan)
    found = np.divide(above, below, out=none, where=np.abs(below) > 1e-9)
    return np.asarray(np.clip(found, -FURTHEST, FURTHEST), np.float64)


def _trend(values: Floats) -> Floats:
    """Slope of the line through what there is, over the columns' order; NaN for fewer than two."""
    there = ~np.isnan(values)
    place = np.where(there, np.arange(values.shape[1], dtype=np.float64), 0.0)
    count = there.sum(1)
    x, y = place.sum(1) / count, np.where(there, values, 0).sum(1) / count
    off = np.where(there, place - x[:, None], 0.0)
    return np.asarray((off * np.where(there, values - y[:, None], 0.0)).sum(1) / (off * off).sum(1), np.float64)


def _mean(values: Floats) -> Floats:
    there = ~np.isnan(values)
    return np.asarray(np.where(there, values, 0.0).sum(1) / there.sum(1))


def _above(values: Floats) -> Floats:
    result: Floats = (values > 0).sum(1).astype(np.float64)
    result[np.isnan(values).all(1)] = np.nan
    return result


def _highest(values: Floats) -> Floats:
    return np.asarray(np.fmax.reduce(values, 1))


def _lowest(values: Floats) -> Floats:
    return np.asarray(np.fmin.reduce(values, 1))


RATIO = "ratio"
OPERATIONS: dict[str, Callable[[Floats], Floats]] = {
    "mean": _mean,
    "max": _highest,
    "min": _lowest,
    "trend": _trend,
    "change": lambda values: values[:, 0] - values[:, 1],
    "spread": lambda values: _highest(values) - _lowest(values),
    "above": _above,
}
"""Of the columns of a family, (rows, columns) -> (rows); NaN is what is missing."""
