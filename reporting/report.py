"""The delivery report: which columns there are, the query for them, and the rows that come out.

Every metric is a sum over one or more fact tables. Each table is summed by the wanted dimensions and the advertiser,
all sums are put under each other, and the outer query adds them up and puts names to ids. The same SQL runs on every
engine.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from domain.errors import Problem, Refused
from domain.money import format_nanos
from reporting.counting import SOURCES
from reporting.store import Parameter, Store

IDS = ("advertiser", "campaign", "line_item", "creative", "exchange", "site")
"""Dimensions that are ids with names."""
TIMES = {"day": "toString(day)", "hour": "toString(toStartOfHour(time, 'UTC'))"}
FORMAT = "format"
"""Of the creative."""
DIMENSIONS = (*TIMES, *IDS, FORMAT)
COUNTS = (
    *("bids", "wins", "impressions", "clicks", "conversions", "billed"),
    *("starts", "completes", "measured", "viewable"),
)
MONEY = ("spend", "fees")
RATES = {
    "win_rate": ("wins", "bids"),
    "ctr": ("clicks", "impressions"),
    "completion_rate": ("completes", "starts"),
    "viewability": ("viewable", "measured"),
}
"""Counts divided by others."""
_SUMS = (*COUNTS, *MONEY)

_COLUMNS = TIMES | {FORMAT: "creative"}
"""What a dimension is in the fact tables, where it is not called the same. The names of creatives say their format."""


@dataclass(frozen=True)
class Request:
    """``first`` and ``last`` day (UTC, of bids the sending's, else the receiving time's) are both included."""

    by: tuple[str, ...]
    first: date | None = None
    last: date | None = None

    @classmethod
    def read(cls, values: Mapping[str, str], dimensions: Iterable[str] = DIMENSIONS, default: str = "day") -> "Request":
        """From the parameters ``by`` (of ``dimensions``), ``from`` and ``to``. Raises Refused with every problem."""
        problems = []
        dimensions = tuple(dimensions)
        by = tuple(part.strip() for part in values.get("by", default).split(",") if part.strip())
        for name in by:
            if name not in dimensions:
                problems.append(Problem("by", name, f"it must be of {', '.join(dimensions)}"))
        if not by or len(set(by)) != len(by):
            problems.append(
                Problem("by", values.get("by", ""), "it must name dimensions, separated by commas, each once")
            )
        days: dict[str, date | None] = {"from": None, "to": None}
        for name in days:
            if text := values.get(name):
                try:
                    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
                        raise ValueError
                    days[name] = date.fromisoformat(text)
                except ValueError:
                    problems.append(Problem(name, text, "it must be a day, YYYY-MM-DD"))
        if days["from"] and days["to"] and days["from"] > days["to"]:
            problems.append(Problem("from", values["from"], f"it must not be after to, {values['to']}"))
        if problems:
            raise Refused(problems)
        return cls(by, days["from"], days["to"])


@dataclass
class Line:
    """One row: dimension -> label, and -> id where it has one; exact sums. Spend and fees are nanos of ``currency``."""

    labels: dict[str, str]
    ids: dict[str, int]
    currency: str
    sums: dict[str, int] = field(default_factory=dict)

    def rate(self, part: str, whole: str) -> float | None:
        return self.sums[part] / self.sums[whole] if self.sums[whole] else None

    @property
    def ecpm_micros(self) -> int | None:
        """Spend for a thousand impressions; per impression in nanos it is the same number."""
        shown = self.sums["impressions"]
        return (2 * self.sums["spend"] + shown) // (2 * shown) if shown else None

    def record(self) -> dict[str, Any]:
        """As exported: money both as exact decimal text and as an integer of nanos."""
        row: dict[str, Any] = {}
        for dimension, label in self.labels.items():
            row[dimension] = label
            if dimension in self.ids:
                row[f"{dimension}_id"] = self.ids[dimension]
        ecpm = self.ecpm_micros
        return row | {
            "currency": self.currency,
            **{name: self.sums[name] for name in COUNTS},
            **{name: self.rate(*counts) for name, counts in RATES.items()},
            **{name: format_nanos(self.sums[name]) for name in MONEY},
            **{f"{name}_nanos": self.sums[name] for name in MONEY},
            "ecpm": None if ecpm is None else format_nanos(ecpm * 1000, 6),
        }


def build(by: Iterable[str], first: date | None = None, last: date | None = None) -> tuple[str, dict[str, Parameter]]:
    """The SELECT and its parameters: columns are key and (for ids) name of each dimension, the currency, the sums.

    Inner columns have names of their own (``k_``, ``n_``): ClickHouse takes an alias for a column of the same name.
    """
    by = tuple(by)
    days, parameters = between(first, last)
    keys = [f"k_{name}" for name in by]
    parts = []
    for facts in SOURCES:
        told = [f"n_{name} != 0" for name in _SUMS if name in facts.sums]
        if not told:
            continue
        columns = [f"{_COLUMNS.get(name, name)} AS k_{name}" for name in by]
        columns += ["advertiser AS k_account", f"toString({facts.currency}) AS k_own"]
        columns += [f"toInt64({facts.sums.get(name, '0')}) AS n_{name}" for name in _SUMS]
        grouped = ", ".join([*keys, "k_account", "k_own"])
        having = f" HAVING {' OR '.join(told)}" if len(told) < len(facts.sums) else ""
        parts.append(
            f"SELECT {', '.join(columns)} FROM {facts.table} WHERE {facts.where}{days} GROUP BY {grouped}{having}"
        )
    sums = [f"n_{name}" for name in _SUMS]
    union = f"SELECT {', '.join([*keys, 'k_account', 'k_own', *sums])} FROM ({' UNION ALL '.join(parts)})"
    joined = join_names(union, "k_account", "k_currency", "advertiser", "currency")
    if FORMAT in by:
        others = ", ".join([*(key for key in keys if key != f"k_{FORMAT}"), "k_own", "k_currency", *sums])
        as_word = join_names(
            f"SELECT k_{FORMAT}, {others} FROM ({joined})", f"k_{FORMAT}", "k_word", "creative", FORMAT
        )
        joined = f"SELECT k_word AS k_{FORMAT}, {others} FROM ({as_word})"
    totals = ", ".join(f"sum(n_{name}) AS s_{name}" for name in _SUMS)
    head = "".join(f"{key}, " for key in keys)
    sql = f"SELECT {head}if(k_own != '', k_own, k_currency) AS k_money, {totals} FROM ({joined}) GROUP BY {head}k_money"
    columns = [*keys, "k_money", *(f"s_{name}" for name in _SUMS)]
    for name in by:
        if name in IDS:
            sql = join_names(f"SELECT {', '.join(columns)} FROM ({sql})", f"k_{name}", f"l_{name}", name, "name")
            columns.append(f"l_{name}")
    return f"SELECT {', '.join(columns)} FROM ({sql})", parameters


def between(first: date | None, last: date | None) -> tuple[str, dict[str, Parameter]]:
    """What a WHERE needs more for these days, and its parameters."""
    parameters: dict[str, Parameter] = {}
    sql = ""
    for name, sign, day in (("first", ">=", first), ("last", "<=", last)):
        if day is not None:
            parameters[name] = day.isoformat()
            sql += f" AND day {sign} toDate(%({name})s)"
    return sql, parameters


def join_names(sql: str, key: str, alias: str, dimension: str, column: str) -> str:
    """``sql`` with one more column ``alias``: today's ``column`` of the dictionary for the id in ``key``."""
    # a format never changes; rows from before there were formats in the table have the same version and none
    today = f"max({column})" if column == FORMAT else f"argMax({column}, version)"
    names = f"SELECT toUInt64(id) AS j_id, {today} AS {alias} FROM names WHERE dimension = '{dimension}'"
    keyed = f"SELECT *, toUInt64({key}) AS j_id FROM ({sql})"
    return f"SELECT * FROM ({keyed}) AS facts ANY LEFT JOIN ({names} GROUP BY j_id) AS named USING (j_id)"


def run(store: Store, request: Request) -> list[Line]:
    """The report's rows, in the order of their labels."""
    sql, parameters = build(request.by, request.first, request.last)
    named = [name for name in request.by if name in IDS]
    lines = []
    for row in store.query(sql, parameters or None):
        cells = list(row)
        keys = dict(zip(request.by, cells, strict=False))
        after = len(request.by)
        sums = dict(zip(_SUMS, map(int, cells[after + 1 :]), strict=False))
        labels = {name: str(value) for name, value in keys.items()}
        for name, label in zip(named, cells[after + 1 + len(_SUMS) :], strict=True):
            labels[name] = label or (f"#{keys[name]}" if keys[name] else "")
        lines.append(Line(labels, {name: int(keys[name]) for name in named}, str(cells[after]), sums))
    lines.sort(key=lambda line: (*line.labels.values(), *line.ids.values(), line.currency))
    return lines


def books(store: Store) -> list[dict[str, Any]]:
    """For each exchange its key, currency and counts, and the spend in nanos of its currency, as the exchange's books
    have it.
    """
    sql, _ = build(("exchange",))
    found: dict[int, dict[str, Any]] = {}
    names = (
        "SELECT id, argMax(key, version), argMax(currency, version) FROM names WHERE dimension = 'exchange' GROUP BY id"
    )
    for id_, key, currency in store.query(names):
        found[int(id_)] = {"exchange": key, "currency": currency, **dict.fromkeys(COUNTS[1:], 0), "spend": 0}
    for row in store.query(sql):
        if entry := found.get(int(row[0])):
            for name, value in zip(COUNTS, row[2:], strict=False):
                if name in entry:
                    entry[name] += int(value)
    for id_, price in store.query("SELECT exchange, sum(price) FROM settlements GROUP BY exchange"):
        if entry := found.get(int(id_)):
            entry["spend"] = int(price)
    return [found[id_] for id_ in sorted(found)]
