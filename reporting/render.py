"""A report as a table for people, as CSV, or as JSON."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import orjson
from rich.cells import cell_len

from domain.money import format_cpm, format_nanos
from reporting.report import COUNTS, IDS, MONEY, RATES, Line, Request

_HEADS = {
    "bids": "bids",
    "wins": "wins",
    "impressions": "imps",
    "clicks": "clicks",
    "conversions": "conv",
    "billed": "billed",
    "starts": "starts",
    "completes": "compl",
    "measured": "meas",
    "viewable": "view",
    "win_rate": "win%",
    "ctr": "CTR%",
    "completion_rate": "VCR%",
    "viewability": "view%",
}
_SELDOM = {"starts", "completes", "measured", "viewable", "completion_rate", "viewability"}
"""In tables only where there is something to tell: of banners alone there is not."""


class Row(Protocol):
    """A row of any report."""

    def record(self) -> dict[str, Any]:
        """As it is exported."""


def render_json(request: Request, lines: Sequence[Row]) -> bytes:
    """``{"by": […], "rows": [{…}]}``; counts and nanos are integers."""
    return orjson.dumps({"by": request.by, "rows": [line.record() for line in lines]})


def render_csv(request: Request, lines: Sequence[Line]) -> bytes:
    """One line a row, money as exact decimals; the header is there even without rows."""
    columns = [part for name in request.by for part in ((name, f"{name}_id") if name in IDS else (name,))]
    columns += ["currency", *COUNTS, *RATES, *MONEY, *(f"{name}_nanos" for name in MONEY), "ecpm"]
    return csv_of(columns, (line.record() for line in lines))


def csv_of(columns: Sequence[str], records: Iterable[Mapping[str, Any]]) -> bytes:
    """One line a record, and the header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def render_table(request: Request, lines: Sequence[Line]) -> bytes:
    """Aligned columns; money rounded half-even to four places."""
    untold = set() if any(line.sums[name] for line in lines for name in COUNTS if name in _SELDOM) else _SELDOM
    counts, rates = ([name for name in names if name not in untold] for names in (COUNTS, RATES))
    head = [*request.by, *(_HEADS[name] for name in (*counts, *rates)), *MONEY, "eCPM", "cur"]
    body = [
        [
            *map(printable, line.labels.values()),
            *(f"{line.sums[name]:,}" for name in counts),
            *(_percent(line.rate(*RATES[name]), 2 if name == "ctr" else 1) for name in rates),
            *(format_nanos(line.sums[name], 4) for name in MONEY),
            "-" if line.ecpm_micros is None else format_cpm(round(line.ecpm_micros, -3)),
            line.currency,
        ]
        for line in lines
    ]
    return aligned(head, body, len(request.by))


def aligned(head: list[str], body: list[list[str]], left: int) -> bytes:
    """A table for a terminal: the first ``left`` columns and the last one stand left, figures between them right."""
    widths = [max(cell_len(row[place]) for row in [head, *body]) for place in range(len(head))]
    drawn = [
        "  ".join(
            cell + _gap(cell, width) if place < left or place == len(head) - 1 else _gap(cell, width) + cell
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [head, ["-" * width for width in widths], *body]
    ]
    return ("\n".join(drawn) + "\n").encode()


def _gap(cell: str, width: int) -> str:
    return " " * (width - cell_len(cell))  # in columns of a terminal: some letters take two


def printable(label: str) -> str:
    """Names of sites come from outside, and must not move anybody's cursor."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in label)


def _percent(rate: float | None, places: int) -> str:
    return "-" if rate is None else f"{100 * rate:.{places}f}"


FORMATS = {
    "json": (render_json, "application/json"),
    "csv": (render_csv, "text/csv"),
    "table": (render_table, "text/plain"),
}
