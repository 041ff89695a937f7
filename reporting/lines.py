"""The rows of a report: what a row holds, its columns, and the value of each cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from domain.money import format_nanos
from reporting.catalogue import DIMENSIONS, UNITS, Metric, metric
from reporting.facts import sums_of
from reporting.request import Request

Kind = Literal["text", "id", "count", "nanos", "money", "cpm", "price", "share", "ratio"]
"""Of a column. Cells of ``money`` and ``price`` are nanos, of ``cpm`` nanos for a thousand."""
Value = int | float | str | None
TOTAL, OTHERS = "total", "others"


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind
    of: str = ""
    """The dimension or metric."""
    before: bool = False
    """Of the previous period."""


@dataclass(slots=True)
class Line:
    """One row: dimension -> label, and -> id where it has one; exact sums, of which money is nanos of ``currency``
    or, where it is the exchange's, of ``market``. A sum is None where it cannot be told: the reach of all others.
    """

    labels: dict[str, str]
    ids: dict[str, int]
    currency: str
    sums: Mapping[str, int | None] = field(default_factory=dict)
    market: str = ""
    before: Mapping[str, int | None] | None = None
    """Sums of the previous period."""
    kind: str = ""
    """`TOTAL`, or `OTHERS`: all rows that are not among the first."""

    def record(self, columns: Sequence[Column] | None = None) -> dict[str, Any]:
        """As exported: money both as exact decimal text and as an integer of nanos."""
        columns = columns or columns_of(Request(tuple(self.labels)))
        return {column.name: exported(column.kind, self.value(column)) for column in columns}

    def value(self, column: Column) -> Value:
        if column.kind == "text":
            if column.of == "currency":
                return self.currency
            if column.of == "exchange_currency":
                return self.market
            return self.labels.get(column.of, "")
        if column.kind == "id":
            return self.ids.get(column.of)
        wanted = metric(column.of)
        assert wanted is not None
        return value(wanted, (self.before or {}) if column.before else self.sums)


def exported(kind: Kind, value: Value) -> Value:
    """A cell for JSON and CSV."""
    if value is None or kind not in ("money", "price", "cpm"):
        return value
    return format_nanos(int(value), 6 if kind == "cpm" else 9)


def value(of: Metric, sums: Mapping[str, int | None]) -> int | float | None:
    """A metric of these sums; None where it is a share of nothing."""
    total = 0
    for names, sign in ((of.of, 1), (of.minus, -1)):
        for name in names:
            if (each := sums.get(name)) is None:
                return None
            total += sign * each
    if not of.per:
        return total
    whole = 0
    for name in of.per:
        if (each := sums.get(name)) is None:
            return None
        whole += each
    if not whole:
        return None
    if of.shape in ("share", "ratio"):
        return total / whole
    nearest = (2 * total + whole) // (2 * whole)
    return nearest * 1000 if of.shape == "cpm" else nearest


def columns_of(request: Request) -> tuple[Column, ...]:
    """In order. Each amount of money is there as a decimal, and as an integer of nanos beside it."""
    columns = []
    for name in request.by:
        columns.append(Column(name, "text", name))
        if DIMENSIONS[name].names:
            columns.append(Column(f"{name}_id", "id", name))
    columns.append(Column("currency", "text", "currency"))
    if any(UNITS.get(sum_) == "exchange" for sum_ in sums_of(request.shown)):
        columns.append(Column("exchange_currency", "text", "exchange_currency"))
    for name in request.shown:
        of = metric(name)
        assert of is not None
        columns.append(Column(name, of.shape, name))
        if of.shape == "money":
            columns.append(Column(f"{name}_nanos", "nanos", name))
        if request.compare:
            columns.append(Column(f"{name}_previous", of.shape, name, True))
    return tuple(columns)
