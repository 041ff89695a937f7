"""Reports as text: a table for people, CSV and JSON. What goes through spreadsheets and other programs is in
`export`.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import orjson
from rich.cells import cell_len

from domain.money import format_cpm, format_nanos
from reporting.catalogue import METRICS
from reporting.lines import Column, Line, Value, columns_of, exported
from reporting.request import Request
from reporting.spreadsheet import harmless

_HEADS = {
    "impressions": "imps",
    "conversions": "conv",
    "completes": "compl",
    "measured": "meas",
    "viewable": "view",
    "win_rate": "win%",
    "ctr": "CTR%",
    "completion_rate": "VCR%",
    "viewability": "view%",
    "ecpm": "eCPM",
    "ecpc": "eCPC",
    "cpa": "CPA",
    "cvr": "CVR%",
    "roas": "ROAS",
    "margin": "margin%",
    "surplus_share": "surplus%",
    "currency": "cur",
    "exchange_currency": "xcur",
}
_SELDOM = {"starts", "completes", "measured", "viewable", "completion_rate", "viewability"}
"""In tables that name no metrics only where there is something to tell: of banners alone there is not."""
MOST_ROWS = 10_000
"""Of a table: more are for programs."""


class Row(Protocol):
    """A row of any report."""

    def record(self) -> dict[str, Any]:
        """As it is exported."""


def render_json(request: Request, lines: Sequence[Row]) -> bytes:
    """``{"by": […], "rows": [{…}]}``; counts and nanos are integers."""
    return orjson.dumps({"by": request.by, "rows": [line.record() for line in lines]})


def csv_of(columns: Sequence[str], records: Iterable[Mapping[str, Any]], *, head: bool = True) -> bytes:
    """One line a record, and the header. A text that a spreadsheet would take for a formula has an apostrophe
    before.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if head:
        writer.writerow(columns)
    writer.writerows([_cell(record[name]) for name in columns] for record in records)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    return harmless(value) if isinstance(value, str) and not _number(value) else value


def _number(text: str) -> bool:
    return text[:1] == "-" and text[1:].replace(".", "", 1).isdigit()


def render_table(request: Request, lines: Sequence[Line], totals: Sequence[Line] = ()) -> bytes:
    """Aligned columns; money rounded half-even to four places, eCPM to three. Totals stand under a rule of their
    own.
    """
    untold = (
        _SELDOM if not request.metrics and not any(_tells(line, name) for line in lines for name in _SELDOM) else ()
    )
    columns = [
        column
        for column in columns_of(request)
        if column.kind not in ("id", "nanos") and column.of not in untold and not column.before
    ]
    columns.sort(key=lambda column: (column.of == "currency", column.of == "exchange_currency"))
    before = {column.of: column for column in columns_of(request) if column.before}
    head: list[str] = []
    for column in columns:
        head.append(_HEADS.get(column.name, column.name))
        if column.of in before:
            head.append("±%")
    body = [_cells(columns, before, line) for line in [*lines, *totals]]
    left = len(request.by)
    last = sum(1 for column in columns if column.of in ("currency", "exchange_currency"))
    return aligned(head, body, left, last, len(totals))


def _tells(line: Line, name: str) -> bool:
    return METRICS[name].shape == "count" and bool(line.sums.get(name))


def _cells(columns: Sequence[Column], before: Mapping[str, Column], line: Line) -> list[str]:
    cells = []
    for column in columns:
        value = line.value(column)
        cells.append(_shown(column, value))
        if column.of in before:
            cells.append(_change(line.value(before[column.of]), value))
    return cells


def _shown(column: Column, value: Value) -> str:
    if value is None:
        return "-"
    match column.kind:
        case "text":
            return printable(str(value))
        case "money" | "price":
            return format_nanos(int(value), 4)
        case "cpm":
            return format_cpm(round(int(value) // 1000, -3))
        case "share":
            return f"{100 * float(value):.{2 if column.of in ('ctr', 'cvr') else 1}f}"
        case "ratio":
            return f"{float(value):.2f}"
    return f"{int(value):,}"


def _change(before: Value, now: Value) -> str:
    """By how many percent it has grown."""
    if not isinstance(before, (int, float)) or not isinstance(now, (int, float)) or not before:
        return "-"
    return f"{100 * (now - before) / abs(before):+.1f}"


def aligned(head: list[str], body: list[list[str]], left: int, last: int = 1, ruled: int = 0) -> bytes:
    """A table for a terminal: the first ``left`` columns and the ``last`` ones stand left, figures between them right.
    Another rule is above the ``ruled`` rows at the end.
    """
    widths = [max(cell_len(row[place]) for row in [head, *body]) for place in range(len(head))]
    rule = ["-" * width for width in widths]
    rows = [head, rule, *body[: len(body) - ruled], *([rule] if ruled else []), *body[len(body) - ruled :]]
    drawn = [
        "  ".join(
            cell + _gap(cell, width) if place < left or place >= len(head) - last else _gap(cell, width) + cell
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return ("\n".join(drawn) + "\n").encode()


def _gap(cell: str, width: int) -> str:
    return " " * (width - cell_len(cell))  # in columns of a terminal: some letters take two


def printable(label: str) -> str:
    """Names of sites come from outside, and must not move anybody's cursor."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in label)


def records(columns: Sequence[Column], lines: Iterable[Line]) -> list[dict[str, Value]]:
    """Lines as they are exported."""
    return [{column.name: exported(column.kind, line.value(column)) for column in columns} for line in lines]
