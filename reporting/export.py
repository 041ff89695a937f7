"""Reports for programs, made piece by piece: CSV, JSON, XLSX and Parquet. Memory is that of one piece, whatever the
length.

Each writer takes the pieces of `report.stream` and gives bytes. What fails before the first bytes come can still be
answered with an error; later the answer breaks off, and whoever reads it sees that it is not whole.
"""

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from domain.errors import Problem, Refused
from reporting.lines import TOTAL, Column, Kind, Line, Value, columns_of
from reporting.render import csv_of, records
from reporting.request import Request

Pieces = Iterator[list[Line]]
Writer = Callable[[Request, Pieces, str], Iterator[bytes]]
_GROUP_ROWS = 50_000
"""Of Parquet: rows of a group, which is what is in memory."""
_SHEET_ROWS = 1_048_576 - 1
"""A sheet's, without the header."""
_FILE_PIECE = 1 << 18
_MONEY = pa.decimal128(38, 9)
_ARROW: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "id": pa.uint64(),
    "count": pa.int64(),
    "money": _MONEY,
    "price": _MONEY,
    "cpm": _MONEY,
    "share": pa.float64(),
    "ratio": pa.float64(),
}


def write_csv(request: Request, pieces: Pieces, next_page: str = "") -> Iterator[bytes]:
    """With a header; totals are the last lines."""
    columns = columns_of(request)
    names, head = [column.name for column in columns], True
    for lines in pieces:
        yield csv_of(names, records(columns, lines), head=head)
        head = False
    if head:
        yield csv_of(names, ())


def write_json(request: Request, pieces: Pieces, next_page: str = "") -> Iterator[bytes]:
    """``{"by": […], "rows": [{…}], "totals": [{…}], "next_page_token": "…"}``, the last two where there are any."""
    columns = columns_of(request)
    open_ = b'{"by":' + orjson.dumps(request.by) + b',"rows":['
    totals: list[Line] = []
    for lines in pieces:
        totals += [line for line in lines if line.kind == TOTAL]
        if rows := [line for line in lines if line.kind != TOTAL]:
            yield open_ + orjson.dumps(records(columns, rows))[1:-1]
            open_ = b","
    end = b"]"
    if request.totals:
        end += b',"totals":' + orjson.dumps(records(columns, totals))
    if next_page:
        end += b',"next_page_token":' + orjson.dumps(next_page)
    yield (b"" if open_ == b"," else open_) + end + b"}"


def write_parquet(request: Request, pieces: Pieces, next_page: str = "") -> Iterator[bytes]:
    """Money is a decimal with nine places; there are no columns of nanos, and no totals: a program can add."""
    columns = [column for column in columns_of(request) if column.kind != "nanos"]
    schema = pa.schema([(column.name, _ARROW[column.kind]) for column in columns])
    sink = _Drain()
    with pq.ParquetWriter(pa.PythonFile(sink, "w"), schema, compression="zstd") as writer:
        held: list[Line] = []
        for lines in pieces:
            held += [line for line in lines if line.kind != TOTAL]
            if len(held) >= _GROUP_ROWS:
                writer.write_table(_arrow(schema, columns, held))
                held = []
                yield sink.taken()
        if held:
            writer.write_table(_arrow(schema, columns, held))
    yield sink.taken()


def _arrow(schema: pa.Schema, columns: Sequence[Column], lines: Sequence[Line]) -> pa.Table:
    arrays = []
    for column, field in zip(columns, schema, strict=True):
        values: list[Any] = [line.value(column) for line in lines]
        if field.type == _MONEY:
            values = [None if value is None else Decimal(value).scaleb(-9) for value in values]
        arrays.append(pa.array(values, field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


class _Drain(io.RawIOBase):
    """A file that is emptied as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._length += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._length

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def write_xlsx(request: Request, pieces: Pieces, next_page: str = "") -> Iterator[bytes]:
    """Numbers are numbers, with a spreadsheet's 15 digits; who needs money to the nano takes CSV or Parquet. It is
    made in a temporary file. Raises Refused for more rows than a sheet has, before any bytes come.
    """
    columns = [column for column in columns_of(request) if column.kind != "nanos"]
    with tempfile.TemporaryFile() as file:
        book = xlsxwriter.Workbook(
            file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        sheet = book.add_worksheet("Report")
        bold = book.add_format({"bold": True})
        shapes = {kind: book.add_format({"num_format": shape}) for kind, shape in _SHAPES.items()}
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column.name, bold)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(columns) - 1, 14)
        row = 0
        for lines in pieces:
            for line in lines:
                row += 1
                if row > _SHEET_ROWS:
                    raise Refused([Problem("format", "xlsx", f"a sheet has {_SHEET_ROWS:,} rows: take csv or parquet")])
                for place, column in enumerate(columns):
                    _write(sheet, row, place, column.kind, line.value(column), shapes)
        book.close()
        file.seek(0)
        while piece := file.read(_FILE_PIECE):
            yield piece


_SHAPES: dict[Kind, str] = {
    "count": "#,##0",
    "money": "#,##0.00####",
    "price": "#,##0.00####",
    "cpm": "#,##0.000",
    "share": "0.00%",
    "ratio": "0.00",
}


def _write(sheet: Any, row: int, place: int, kind: Kind, value: Value, shapes: dict[Kind, Any]) -> None:
    if value is None or value == "":
        return
    if kind == "text":
        sheet.write_string(row, place, str(value)[:32_767])
    elif kind == "id":
        sheet.write_string(row, place, str(value))  # 64 bits are more than 15 digits
    else:
        number = float(value) / 1e9 if kind in ("money", "price", "cpm") else value
        sheet.write_number(row, place, number, shapes[kind])


WRITERS: dict[str, tuple[Writer, str]] = {
    "json": (write_json, "application/json"),
    "csv": (write_csv, "text/csv"),
    "parquet": (write_parquet, "application/vnd.apache.parquet"),
    "xlsx": (write_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
FORMATS = (*WRITERS, "table")
