"""The report of what is bid to learn: how much of the money went that way, and what it cost at most.

Of bids that strategies worked out (`bids.value` is set), those that were drawn (`bids.explored`) stand beside all.
The regret of drawn bids is what they lost against what the impressions were thought to be worth, as far as notices
tell:

- ``overpaid``: billed for more than that; the difference;
- ``missed``: drawn below it, and lost to a price below it; the difference.

Drawn bids that were lost and of which nobody told what would have won may have missed something, too: ``untold``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.events import NOT_COUNTED
from domain.money import format_nanos
from reporting.losses import joined, label_of
from reporting.render import aligned, csv_of, printable, render_json
from reporting.request import Request
from reporting.scope import ALL, Scope
from reporting.store import Store

IDS = ("exchange", "advertiser", "campaign", "line_item", "creative")
DIMENSIONS = ("day", *IDS)
MONEY = ("spend", "explored_spend", "overpaid", "missed")
SUMS = {
    "bids": "count()",
    "explored": "countIf(explored = 1)",
    "billed": "sum(was_billed)",
    "explored_billed": "sumIf(was_billed, explored = 1)",
    "untold": "countIf(explored = 1 AND was_billed = 0 AND to_win = 0 AND price < value)",
    "spend": "sum(paid)",
    "explored_spend": "sumIf(paid, explored = 1)",
    "overpaid": "sumIf(paid - value, explored = 1 AND was_billed = 1 AND paid > value)",
    "missed": "sumIf(value - to_win, explored = 1 AND was_billed = 0 AND to_win > price AND to_win < value)",
}
FIGURES = (*SUMS, "explored_share", "regret", "currency")


def read(values: Mapping[str, str]) -> Request:
    """From the parameters ``by``, ``from`` and ``to``; days (UTC) are those of sending the bid. Raises Refused."""
    return Request.read(values, DIMENSIONS, "advertiser,line_item")


@dataclass
class Line:
    """One row; money is nanos of the exchange's ``currency``."""

    labels: dict[str, str]
    currency: str
    sums: dict[str, int]

    def record(self) -> dict[str, Any]:
        """As exported: money as decimals."""
        sums = self.sums
        told: dict[str, Any] = {name: format_nanos(sums[name]) if name in MONEY else sums[name] for name in SUMS}
        share = sums["explored_spend"] / sums["spend"] if sums["spend"] else None
        regret = format_nanos(sums["overpaid"] + sums["missed"])
        return {**self.labels, **told, "explored_share": share, "regret": regret, "currency": self.currency}


def run(store: Store, request: Request, scope: Scope = ALL, mark: str = "") -> list[Line]:
    """The rows that ``scope`` may see, in the order of their labels. ``mark`` is in the query's text, to end it by."""
    keys = [f"k_{name}" for name in request.by]
    columns = [f"{'toString(day)' if name == 'day' else name} AS k_{name}" for name in request.by]
    days, parameters = request.period.where()
    since = " AND day >= toDate(%(first)s)" if "first" in parameters else ""
    theirs = scope.advertisers(store)
    listed = ", ".join(map(str, sorted(theirs or ())))
    whose = "" if theirs is None else f" AND advertiser IN ({listed})" if theirs else " AND 0"
    bids = (
        f"SELECT {', '.join(columns)}, exchange AS k_sold, bid, price, value, explored FROM bids"
        f" WHERE test = 0 AND value > 0{days}{whose}"
    )
    billed = f"SELECT bid, sum(price) AS paid, toUInt8(1) AS was_billed FROM settlements WHERE 1{since}{whose}"
    paid = f"{billed} GROUP BY bid"
    lost = (
        f"SELECT bid, max(min_to_win) AS to_win FROM losses"
        f" WHERE bitAnd(marks, {int(NOT_COUNTED)}) = 0{since}{whose} GROUP BY bid"
    )
    sql = f"SELECT * FROM (SELECT * FROM ({bids}) AS b ANY LEFT JOIN ({paid}) AS p USING (bid)) AS c"
    sql = f"SELECT * FROM ({sql} ANY LEFT JOIN ({lost}) AS l USING (bid))"
    sums = ", ".join(f"{how} AS s_{name}" for name, how in SUMS.items())
    sql = f"SELECT {', '.join(keys)}, k_sold, {sums} FROM ({sql}) GROUP BY {', '.join([*keys, 'k_sold'])}"
    columns = [*keys, *(f"s_{name}" for name in SUMS), "k_currency"]
    sql = joined(sql, "k_sold", "k_currency", "exchange", "currency")
    for name in (name for name in request.by if name in IDS):
        sql = joined(f"SELECT {', '.join(columns)} FROM ({sql})", f"k_{name}", f"l_{name}", name, "name")
        columns.append(f"l_{name}")
    found: dict[tuple[str, ...], Line] = {}
    marked = f"/* {mark} */ " if mark else ""
    for row in store.query(f"{marked}SELECT {', '.join(columns)} FROM ({sql})", parameters or None):
        cells = dict(zip(columns, row, strict=True))
        labels = {name: label_of(name, cells[f"k_{name}"], cells.get(f"l_{name}")) for name in request.by}
        key = (*labels.values(), str(cells["k_currency"]))
        line = found.setdefault(key, Line(labels, key[-1], dict.fromkeys(SUMS, 0)))
        for name in SUMS:
            line.sums[name] += int(cells[f"s_{name}"])
    return [line for _, line in sorted(found.items())]


def render(request: Request, lines: list[Line], shape: str) -> tuple[bytes, str]:
    """(body, content type); ``shape``: json, csv or table."""
    columns = [*request.by, *FIGURES]
    records = [line.record() for line in lines]
    if shape == "json":
        return render_json(request, lines), "application/json"
    if shape == "csv":
        return csv_of(columns, records), "text/csv"
    cells = [["-" if record[c] is None else printable(_shown(record[c])) for c in columns] for record in records]
    return aligned(columns, cells, len(request.by)), "text/plain"


def _shown(value: Any) -> str:
    return f"{value:.2%}" if isinstance(value, float) else str(value)
