"""Outcomes out of the files that advertisers have: what became of applications, one a line, as CSV or Parquet.

A file is read a piece at a time. What a cell means is for the tracker to say, as of a postback
(`trackers.conversions`); here only what is no table is refused.
"""

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from domain.errors import Problem, Refused

COLUMNS = ("event", "order", "time", "value", "currency", "obclid")
NEEDED = COLUMNS[:2]
MOST_CELL = 1_000
_ROWS = 8_192


class Line(NamedTuple):
    """One outcome. ``number``: of the line, of Parquet of the row, from 1; ``share`` of the file has been read."""

    number: int
    facts: dict[str, Any]
    """As a postback has them."""
    wrong: str
    """What is wrong with the line as a whole; empty: nothing."""
    share: float


def read(path: Path) -> Iterator[Line]:
    """Raises Refused for a file that cannot be read, or has not the columns of one."""
    try:
        yield from _parquet(path) if path.suffix.lower() == ".parquet" else _text(path)
    except (OSError, pa.ArrowException) as error:
        allowed = f"it must be a CSV or Parquet file that can be read: {error}"
        raise Refused([Problem("FILE", str(path), allowed)]) from None


def _check(names: list[str]) -> None:
    allowed = f"the columns are {', '.join(COLUMNS)}, each once"
    problems = [Problem("column", name[:80], allowed) for name in names if name not in COLUMNS or names.count(name) > 1]
    problems += [Problem("column", None, f"{name} must be there") for name in NEEDED if name not in names]
    if problems:
        raise Refused(problems)


def _text(path: Path) -> Iterator[Line]:
    size = max(path.stat().st_size, 1)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    with open(path, "rb") as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        rows = csv.reader(text, delimiter=delimiter)
        names = [name.strip() for name in _next(rows, path) or ()]
        _check(names)
        number = rows.line_num + 1
        while (row := _next(rows, path)) is not None:
            if row:
                yield Line(number, *_cells(names, row), min(file.tell() / size, 1.0))
            number = rows.line_num + 1


def _next(rows: Any, path: Path) -> list[str] | None:
    try:
        found: list[str] | None = next(rows, None)
    except csv.Error as error:
        place = f"{path}, line {rows.line_num}"
        raise Refused([Problem(place, str(error), "the file must be CSV from here on")]) from None
    return found


def _cells(names: list[str], row: list[str]) -> tuple[dict[str, Any], str]:
    if len(row) != len(names):
        return {}, f"it must have {len(names)} cells, as the header has; it has {len(row)}"
    facts = {name: cell.strip() for name, cell in zip(names, row, strict=True) if cell.strip()}
    for name, cell in facts.items():
        if not cell.isprintable() or len(cell) > MOST_CELL:  # surrogates of what is no UTF-8 are not
            return {}, f"{name} must be UTF-8, printable, and at most {MOST_CELL} characters"
    return facts, ""


def _parquet(path: Path) -> Iterator[Line]:
    with pq.ParquetFile(path) as file:
        _check(list(file.schema_arrow.names))
        total, number = max(file.metadata.num_rows, 1), 0
        for batch in file.iter_batches(_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield Line(number, *_values(row), number / total)


def _values(row: dict[str, Any]) -> tuple[dict[str, Any], str]:
    facts: dict[str, Any] = {}
    for name, value in row.items():
        if value is None or value == "":
            continue
        if isinstance(value, datetime) and value.tzinfo is None:
            return {}, f"{name} must have a time zone in the file; it is {value.isoformat()!r}"
        if isinstance(value, datetime):
            facts[name] = value.isoformat()
        elif isinstance(value, int) and not isinstance(value, bool) and name in ("order", "time"):
            facts[name] = value
        elif isinstance(value, bool | list | dict | bytes):
            return {}, f"{name} must be a text, a number, a time or a day"
        else:
            facts[name] = str(value)
    return facts, ""
