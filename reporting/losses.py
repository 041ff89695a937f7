"""The loss report: why bids were lost, and what would have won them, from the loss notices in the analytics store."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.events import NOT_COUNTED
from domain.money import format_cpm
from openrtb.loss_reasons import loss_text
from reporting.names import TODAY
from reporting.render import aligned, csv_of, printable, render_json
from reporting.request import Request
from reporting.scope import ALL, Scope
from reporting.store import Store

REASON = "loss_reason"
COLUMNS = {
    "day": "toString(day)",
    **{name: name for name in (REASON, "exchange", "advertiser", "campaign", "line_item", "creative")},
}
DIMENSIONS = tuple(COLUMNS)
FIGURES = ("losses", "told", "bid_cpm", "to_win_cpm", "currency")
SUMS = ("losses", "told", "bids", "to_win")
IDS = ("exchange", "advertiser", "campaign", "line_item", "creative")


def read(values: Mapping[str, str]) -> Request:
    """From the parameters ``by``, ``from`` and ``to``; days (UTC) are those of receiving the notice. Raises Refused."""
    return Request.read(values, DIMENSIONS, f"{REASON},exchange")


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
            "losses": self.losses,
            "told": self.told,
            "bid_cpm": format_cpm(self.bids // self.told) if self.told else None,
            "to_win_cpm": format_cpm(self.to_win // self.told) if self.told else None,
            "currency": self.currency,
        }


def run(store: Store, request: Request, scope: Scope = ALL, mark: str = "") -> list[Line]:
    """The rows that ``scope`` may see, most losses first. ``mark`` is in the query's text, to end it by."""
    columns = [f"{COLUMNS[name]} AS k_{name}" for name in request.by]
    keys = [f"k_{name}" for name in request.by]
    days, parameters = request.period.where()
    if (theirs := scope.advertisers(store)) is not None:
        days += f" AND advertiser IN ({', '.join(map(str, sorted(theirs)))})" if theirs else " AND 0"
    sql = (
        f"SELECT {', '.join(columns)}, exchange AS k_sold, count() AS n_losses, countIf(min_to_win > 0) AS n_told,"
        f" sumIf(max_price, min_to_win > 0) AS n_bids, sum(min_to_win) AS n_to_win"
        f" FROM losses WHERE bitAnd(marks, {int(NOT_COUNTED)}) = 0{days} GROUP BY {', '.join([*keys, 'k_sold'])}"
    )
    sql = joined(sql, "k_sold", "k_currency", "exchange", "currency")
    sums = ", ".join(f"sum(n_{name}) AS s_{name}" for name in SUMS)
    sql = f"SELECT {', '.join(keys)}, k_currency, {sums} FROM ({sql}) GROUP BY {', '.join(keys)}, k_currency"
    columns = [*keys, "k_currency", *(f"s_{name}" for name in SUMS)]
    named = [name for name in request.by if name in IDS]
    for name in named:
        sql = joined(f"SELECT {', '.join(columns)} FROM ({sql})", f"k_{name}", f"l_{name}", name, "name")
        columns.append(f"l_{name}")
    lines = []
    marked = f"/* {mark} */ " if mark else ""
    for row in store.query(f"{marked}SELECT {', '.join(columns)} FROM ({sql})", parameters or None):
        cells = dict(zip(columns, row, strict=True))
        labels = {name: label_of(name, cells[f"k_{name}"], cells.get(f"l_{name}")) for name in request.by}
        lines.append(Line(labels, str(cells["k_currency"]), *(int(cells[f"s_{name}"]) for name in SUMS)))
    return sorted(lines, key=lambda line: (-line.losses, *line.labels.values(), line.currency))


def joined(sql: str, key: str, alias: str, dimension: str, column: str) -> str:
    """``sql`` with one more column ``alias``: today's ``column`` of the dictionary for the id in ``key``."""
    names = f"SELECT toUInt64(id) AS j_id, {TODAY[column]} AS {alias} FROM names WHERE dimension = '{dimension}'"
    keyed = f"SELECT *, toUInt64({key}) AS j_id FROM ({sql})"
    return f"SELECT * FROM ({keyed}) AS facts ANY LEFT JOIN ({names} GROUP BY j_id) AS named USING (j_id)"


def label_of(dimension: str, value: Any, name: Any) -> str:
    if dimension == "day":
        return str(value)
    if dimension == REASON:
        return f"{int(value)} {loss_text(int(value))}"
    return str(name or "") or (f"#{int(value)}" if value else "")


def render(request: Request, lines: list[Line], shape: str) -> tuple[bytes, str]:
    """(body, content type); ``shape``: json, csv or table."""
    columns = [*request.by, *FIGURES]
    records = [line.record() for line in lines]
    if shape == "json":
        return render_json(request, lines), "application/json"
    if shape == "csv":
        return csv_of(columns, records), "text/csv"
    cells = [["-" if record[c] is None else printable(str(record[c])) for c in columns] for record in records]
    return aligned(columns, cells, len(request.by)), "text/plain"
