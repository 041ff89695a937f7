"""The loss report: why bids were lost, and what would have won them, from the loss notices in the analytics store."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from domain.errors import Problem, Refused
from domain.events import NOT_COUNTED
from domain.money import format_cpm
from openrtb.loss_reasons import loss_text
from reporting.store import Parameter, Store

REASON = "loss_reason"
COLUMNS = {
    "day": "toString(day)",
    **{name: name for name in (REASON, "exchange", "advertiser", "campaign", "line_item", "creative")},
}
DIMENSIONS = tuple(COLUMNS)
NAMED = DIMENSIONS[2:]
FIGURES = ("currency", "losses", "told", "bid_cpm", "to_win_cpm")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Request:
    """Days (UTC, of receiving the notice) are both included."""

    by: tuple[str, ...]
    first: str = ""
    last: str = ""

    @classmethod
    def read(cls, values: Mapping[str, str]) -> "Request":
        """From the parameters ``by``, ``from`` and ``to``. Raises Refused with every problem."""
        problems = []
        by = tuple(part.strip() for part in values.get("by", f"{REASON},exchange").split(",") if part.strip())
        if not by or len(set(by)) != len(by) or not set(by) <= set(DIMENSIONS):
            allowed = f"it must name some of {', '.join(DIMENSIONS)}, separated by commas, each once"
            problems.append(Problem("by", values.get("by", ""), allowed))
        days = {name: values.get(name, "") for name in ("from", "to")}
        for name, text in days.items():
            if text and not _is_day(text):
                problems.append(Problem(name, text, "it must be a day, YYYY-MM-DD"))
        if problems:
            raise Refused(problems)
        return cls(by, days["from"], days["to"])


def _is_day(text: str) -> bool:
    try:
        return bool(_DAY.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


@dataclass
class Line:
    """One row; sums are nanos of the exchange's ``currency``. ``told``: losses with a price that would have won."""

    labels: dict[str, str]
    currency: str
    losses: int = 0
    told: int = 0
    bids: int = 0
    to_win: int = 0

    def record(self) -> dict[str, Any]:
        """As exported: mean prices as CPM, of losses that told what would have won."""
        return {
            **self.labels,
            "currency": self.currency,
            "losses": self.losses,
            "told": self.told,
            "bid_cpm": format_cpm(self.bids // self.told) if self.told else None,
            "to_win_cpm": format_cpm(self.to_win // self.told) if self.told else None,
        }


def run(store: Store, request: Request) -> list[Line]:
    """The rows, most losses first."""
    columns = [f"{COLUMNS[name]} AS k_{name}" for name in request.by]
    keys = [f"k_{name}" for name in request.by]
    parameters: dict[str, Parameter] = {}
    days = ""
    for name, sign, day in (("first", ">=", request.first), ("last", "<=", request.last)):
        if day:
            parameters[name] = day
            days += f" AND day {sign} toDate(%({name})s)"
    sql = (
        f"SELECT {', '.join(columns)}, exchange AS k_sold, count(), countIf(min_to_win > 0),"
        f" sumIf(max_price, min_to_win > 0), sum(min_to_win)"
        f" FROM losses WHERE bitAnd(marks, {int(NOT_COUNTED)}) = 0{days} GROUP BY {', '.join([*keys, 'k_sold'])}"
    )
    names, currencies = _names(store, [name for name in request.by if name in NAMED])
    found: dict[tuple[str, ...], Line] = {}
    for row in store.query(sql, parameters or None):
        values, (sold, losses, told, bids, to_win) = row[: len(request.by)], row[len(request.by) :]
        labels = {name: _label(name, value, names) for name, value in zip(request.by, values, strict=True)}
        currency = currencies.get(int(sold), "")
        line = found.setdefault((*labels.values(), currency), Line(labels, currency))
        line.losses += int(losses)
        line.told += int(told)
        line.bids += int(bids)
        line.to_win += int(to_win)
    return sorted(found.values(), key=lambda line: (-line.losses, *line.labels.values(), line.currency))


def _names(store: Store, dimensions: list[str]) -> tuple[dict[tuple[str, int], str], dict[int, str]]:
    """Names by (dimension, id), and exchanges' currencies."""
    wanted = ", ".join(f"'{name}'" for name in {*dimensions, "exchange"})
    sql = (
        "SELECT dimension, id, argMax(name, version), argMax(currency, version) FROM names"
        f" WHERE dimension IN ({wanted}) GROUP BY dimension, id"
    )
    names, currencies = {}, {}
    for dimension, id_, name, currency in store.query(sql):
        names[str(dimension), int(id_)] = str(name)
        if str(dimension) == "exchange":
            currencies[int(id_)] = str(currency)
    return names, currencies


def _label(dimension: str, value: Any, names: dict[tuple[str, int], str]) -> str:
    if dimension == "day":
        return str(value)
    if dimension == REASON:
        return f"{int(value)} {loss_text(int(value))}"
    return names.get((dimension, int(value)), f"#{int(value)}" if value else "")


def render(request: Request, lines: list[Line], shape: str) -> tuple[bytes, str]:
    """(body, content type); ``shape``: json, csv or table."""
    records = [line.record() for line in lines]
    columns = [*request.by, *FIGURES]
    if shape == "json":
        return orjson.dumps({"by": request.by, "rows": records}), "application/json"
    if shape == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        return text.getvalue().encode(), "text/csv"
    cells = [columns, *([("-" if r[c] is None else str(r[c])) for c in columns] for r in records)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    drawn = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)
    return ("\n".join(drawn) + "\n").encode(), "text/plain"


SHAPES = ("json", "csv", "table")
