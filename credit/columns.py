"""What the columns of a file are: numbers, categories, or nothing a model could use; found from the values."""

import re
from collections.abc import Collection, Iterable
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credit.numbers import Decimal, decimal_of, is_date, is_packed_date, number_of
from credit.protected import attribute_of_name, attribute_of_values
from credit.table import Column, Table
from domain.errors import Problem, Refused

Floats = NDArray[np.float64]
Kind = Literal["number", "category"]

NUMERIC_SHARE = 0.95
"""Of the values that are there: if so many are numbers, the others are as good as missing."""
MIXED_SHARE = 0.5
"""So many suffice where the numbers are many different ones: the texts among them are codes of something unusual."""
MANY = 20
LOOKED_AT = 2_000
"""Texts of a column from which its decimal mark is found."""
DATE_SHARE = 0.9
TEXT_SHARE = 0.5
"""A text that is different in so many rows is a name, or free text."""
MOST_LEVELS = 200
"""Of a category; the most frequent, others count as one."""
LEAST_ROWS = 5
"""Of a category's level that is told apart."""
ASKED = "asked"
_ID_WORDS = frozenset(
    [
        "id",
        "ids",
        "uid",
        "uuid",
        "guid",
        "key",
        "no",
        "nr",
        "num",
        "number",
        "index",
        "idx",
        "row",
        "rownum",
        "record",
        "code",
        "sk",
        "unnamed",
        "serial",
        "ref",
        "reference",
        "loan",
    ]
)
_DATE_WORDS = frozenset(["date", "dt", "time", "timestamp", "day", "datum", "fecha"])


class Plan(Struct, frozen=True):
    """How a column of the model is read."""

    name: str
    kind: Kind
    decimal: Decimal = "."
    levels: tuple[str, ...] = ()
    """Of a category, those that are told apart, the most frequent first."""
    low: float = 0.0
    high: float = 0.0
    """Of a number: what it was among the rows of training."""
    missing: float = 0.0
    """Share of those rows that had none."""
    usual: str = ""
    """The median, or the most frequent text."""

    def numbers(self, column: Column) -> Floats:
        """Of a number's column: NaN where there is none. Another file may have other decimal marks than training's."""
        return numbers(column, decimal_of(column.levels[:LOOKED_AT], self.decimal == ","))

    def codes(self, column: Column) -> NDArray[np.int32]:
        """Of a category's column: the level's number, one more than there are for others, -1 for missing."""
        place = {plain(level): number for number, level in reversed(list(enumerate(self.levels)))}
        place |= {level: number for number, level in enumerate(self.levels)}
        others = len(self.levels)
        table = [place.get(level, place.get(plain(level), others)) for level in column.levels]
        return np.array([*table, -1], np.int32)[column.codes]


class Left(Struct, frozen=True):
    """A column that the model does not use, and why."""

    name: str
    reason: str


class Schema(Struct, frozen=True):
    """Every column of the training file: what the model reads, what is protected, what is left out."""

    plans: tuple[Plan, ...]
    protected: dict[str, str]
    """By column: the attribute."""
    left: tuple[Left, ...]
    target: str

    @property
    def known(self) -> frozenset[str]:
        """All names."""
        return frozenset(
            (*(p.name for p in self.plans), *self.protected, *(each.name for each in self.left), self.target)
        )

    def missing_columns(self, table: Table) -> list[str]:
        """Those that the model reads and the table has not."""
        return [plan.name for plan in self.plans if plan.name not in table.columns]


class Asked(Struct, frozen=True):
    """What is said of columns by hand; the rest is found."""

    drop: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    not_protected: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Those that look like numbers and are codes."""


def plain(level: str) -> str:
    """A level however it is written: in lower case, a whole number without its ``.0``."""
    return level.removesuffix(".0").lower() if level[:-2].isdecimal() else level.lower()


def require(table: Table, names: Iterable[str], option: str) -> None:
    """Raises Refused unless the table has the columns."""
    wrong = [name for name in names if name not in table.columns]
    if wrong:
        shown = ", ".join(list(table.columns)[:40])
        raise Refused([Problem(option, name, f"it must be a column: {shown}") for name in wrong])


def numbers(column: Column, decimal: Decimal) -> Floats:
    """NaN where there is none."""
    values = [number_of(level, decimal) for level in column.levels]
    table = np.array([*(np.nan if value is None else value for value in values), np.nan])
    return table[column.codes]


def schema(table: Table, target: str, asked: Asked = Asked()) -> Schema:  # noqa: B008
    """Raises Refused for names that are no columns, and where nothing is left to learn from."""
    for option, names in (
        ("--target", (target,)),
        ("--drop", asked.drop),
        ("--protected", asked.protected),
        ("--not-protected", asked.not_protected),
        ("--categories", asked.categories),
    ):
        require(table, names, option)
    plans: list[Plan] = []
    left: list[Left] = []
    protected: dict[str, str] = {}
    for name, column in table.columns.items():
        if name == target:
            continue
        attribute = _attribute(name, column, asked)
        if attribute:
            protected[name] = attribute
        elif name in asked.drop:
            left.append(Left(name, ASKED))
        else:
            made = plan(name, column, table, as_category=name in asked.categories)
            (plans if isinstance(made, Plan) else left).append(made)  # type: ignore[arg-type]
    if not plans:
        told = "; ".join(f"{each.name}: {each.reason}" for each in left[:10])
        raise Refused([Problem("FILE", target, f"some column must be left to learn from ({told})")])
    return Schema(tuple(plans), protected, tuple(left), target)


def _attribute(name: str, column: Column, asked: Asked) -> str:
    if name in asked.not_protected:
        return ""
    found = attribute_of_name(name) or attribute_of_values(column.levels)
    return found or ("as asked" if name in asked.protected else "")


def plan(name: str, column: Column, table: Table, *, as_category: bool = False) -> Plan | Left:
    """What a column is."""
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels))
    there = int(counts.sum())
    distinct = int(np.count_nonzero(counts))
    if not there:
        return Left(name, "empty")
    if distinct == 1 and there == table.rows:
        return Left(name, "the same in every row")
    share = _share(counts, [is_date(level) for level in column.levels])
    if share >= DATE_SHARE:
        return Left(name, "dates")
    decimal = decimal_of(column.levels[:LOOKED_AT], table.decimal_comma)
    values = [number_of(level, decimal) for level in column.levels]
    numeric = _share(counts, [value is not None for value in values])
    different = len({value for value, count in zip(values, counts, strict=True) if value is not None and count})
    missing = 1 - there / table.rows
    if not as_category and (numeric >= NUMERIC_SHARE or (numeric >= MIXED_SHARE and different > MANY)):
        found = numbers(column, decimal)
        reason = _no_quantity(name, found, column, distinct, there)
        if reason:
            return Left(name, reason)
        if different < 2 and missing == 0 and numeric == 1:
            return Left(name, "the same in every row")
        low, middle, high = np.nanquantile(found, (0.0, 0.5, 1.0), method="lower")
        return Plan(
            name, "number", decimal, (), float(low), float(high), float(np.isnan(found).mean()), f"{middle:.12g}"
        )
    if distinct > MANY and distinct > TEXT_SHARE * there:
        return Left(name, "texts that nearly every row has another of: names, ids or free text")
    order = np.argsort(-counts, kind="stable")
    levels = tuple(column.levels[n] for n in order[:MOST_LEVELS].tolist() if counts[n] >= LEAST_ROWS)
    if not levels:
        return Left(name, "no value is there often enough")
    return Plan(name, "category", ".", levels, missing=missing, usual=levels[0])


def _share(counts: NDArray[np.int64], good: Collection[bool]) -> float:
    return float(counts[np.fromiter(good, bool, len(good))].sum() / counts.sum())


def _no_quantity(name: str, values: Floats, column: Column, distinct: int, there: int) -> str:
    """Why a column of numbers is no quantity: it numbers the rows, or says days as YYYYMMDD."""
    words = set(re.split(r"[\W_\d]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()))
    whole = values[~np.isnan(values)]
    if np.any(whole != np.floor(whole)):
        return ""
    if distinct > 0.98 * there and there >= MANY:
        steps = np.diff(whole)
        if np.all(steps > 0) or np.all(steps < 0):
            return "it numbers the rows"
        if words & _ID_WORDS:
            return "ids"
    if words & _ID_WORDS and distinct > 0.5 * there and there >= MANY and {"id", "sk", "uuid", "guid"} & words:
        return "ids"
    if words & _DATE_WORDS and all(is_packed_date(level) for level in column.levels):
        return "dates"
    return ""
