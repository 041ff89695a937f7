"""Applicants' rows out of a file: CSV with whatever separator, or Parquet. What the columns mean is `credit.columns`'.

A column is its distinct texts and, for each row, which of them it has: whatever is looked up or parsed afterwards is so
once for each distinct text and not for each row.
"""

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused

MISSING = frozenset(
    (
        "",
        "na",
        "n/a",
        "#n/a",
        "<na>",
        "nan",
        "null",
        "nil",
        "?",
        ".",
        "-",
        "--",
        "nat",
        "\\n",
        "#null!",
        "-nan",
        "(null)",
    )
)
"""Texts, in lower case, that say that nothing is known. ``none`` is none of them: it is often an answer."""
SEPARATORS = (",", ";", "\t", "|")
MOST_BYTES = 8 << 30
SNIFFED = 64 << 10
MOST_COLUMNS = 5_000
UNNAMED = "column_"
GZIP = b"\x1f\x8b"


class Column(NamedTuple):
    """A column's distinct texts, stripped, and of each row the number of its text; -1 is missing."""

    levels: tuple[str, ...]
    codes: NDArray[np.int32]

    def text(self, row: int) -> str | None:
        """What the row has."""
        code = int(self.codes[row])
        return self.levels[code] if code >= 0 else None

    def rows(self, picked: NDArray[Any]) -> "Column":
        """The same of some rows."""
        return Column(self.levels, self.codes[picked])


class Table(NamedTuple):
    """Columns of one length by name, in the file's order."""

    columns: dict[str, Column]
    rows: int
    decimal_comma: bool = False
    """Is a comma within a number rather a decimal one? So it is where semicolons separate the columns."""
    bad_lines: int = 0
    """Lines left out, because they have too few or too many columns."""

    def picked(self, rows: NDArray[Any]) -> "Table":
        """Some of the rows: a mask, or numbers of rows."""
        columns = {name: column.rows(rows) for name, column in self.columns.items()}
        length = int(np.count_nonzero(rows)) if rows.dtype == np.bool_ else len(rows)
        return Table(columns, length, self.decimal_comma)


def read(path: Path, *, header: bool = True) -> Table:
    """The table in a file: Parquet if it begins so, else CSV. Columns without a header are ``column_1`` …

    Raises:
        Refused: There is no such file, it is neither, or there is no row.
    """
    try:
        with open(path, "rb") as file:
            begins = file.read(SNIFFED)
            size = file.seek(0, io.SEEK_END)
    except OSError as error:
        raise Refused([Problem(str(path), error.strerror, "it must be a file that can be read")]) from None
    if size > MOST_BYTES:
        raise Refused([Problem(str(path), size, f"a file has at most {MOST_BYTES} bytes")])
    found = _parquet(path) if begins[:4] == b"PAR1" else _csv(path, begins, header)
    if not found.rows:
        raise Refused([Problem(str(path), 0, "there must be rows beneath the header")])
    return found


def of_records(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    """Of JSON objects with values that are texts, numbers, true or false, or null: the columns named."""
    columns = {}
    for name in names:
        levels: dict[str, int] = {}
        codes = np.empty(len(records), np.int32)
        for row, record in enumerate(records):
            text = text_of(record.get(name))
            codes[row] = -1 if text.lower() in MISSING else levels.setdefault(text, len(levels))
        columns[name] = Column(tuple(levels), codes)
    return Table(columns, len(records))


def text_of(value: Any) -> str:
    """A value of JSON as a file has it; null is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()


def _parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise Refused([Problem(str(path), str(error)[:200], "a Parquet file that is whole")]) from None
    columns = {}
    for name, column in zip(_named(table.column_names), table.columns, strict=True):
        kind = column.type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind):
            continue
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
        columns[name] = _column(column.cast(pa.string()))
    return Table(columns, table.num_rows)


def _csv(path: Path, begins: bytes, header: bool) -> Table:
    packed = begins[:2] == GZIP
    if packed:
        try:
            with gzip.open(path) as file:
                begins = file.read(SNIFFED)
        except (OSError, EOFError) as error:
            raise Refused([Problem(str(path), str(error), "a gzip file that is whole")]) from None
    encoding = _encoding(begins)
    form = _form(begins.decode(encoding, "replace"), encoding, header)
    if len(form.names) > MOST_COLUMNS:
        raise Refused([Problem(str(path), len(form.names), f"a file has at most {MOST_COLUMNS} columns")])
    try:
        return _read_csv(path, form, packed)
    except ValueError as error:  # Arrow's errors are such, and text that cannot be decoded
        if encoding != "utf-8" or "utf" not in str(error).lower():
            raise Refused([Problem(str(path), str(error)[:200], "CSV with a header, or Parquet")]) from None
    try:
        return _read_csv(path, form._replace(encoding="latin-1"), packed)
    except ValueError as error:
        raise Refused([Problem(str(path), str(error)[:200], "CSV with a header, or Parquet")]) from None


class _Form(NamedTuple):
    """How a CSV file is written."""

    names: list[str]
    separator: str
    encoding: str
    skipped: int
    """Lines before the first row."""


def _form(text: str, encoding: str, header: bool) -> _Form:
    lines = text.splitlines()
    at = next((n for n, line in enumerate(lines) if line.strip()), 0)
    told = re.fullmatch(r"sep=(.)", lines[at].strip()) if lines else None  # as spreadsheets have it
    at += told is not None
    rest = "\n".join(lines[at:])
    separator = told[1] if told else _separator(rest)
    rows = csv.reader(io.StringIO(rest), delimiter=separator, skipinitialspace=separator == " ")
    try:
        first, second = next(rows, [""]), next(rows, [])
    except csv.Error:
        first, second = [""], []
    if header and len(second) == len(first) + 1:  # the names of rows have no name
        first = ["", *first]
    return _Form(_named(first if header else [""] * len(first)), separator, encoding, at + header)


def _read_csv(path: Path, form: _Form, packed: bool) -> Table:
    """Raises Refused, ValueError."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    bad = 0

    def skip(row: Any) -> str:
        nonlocal bad
        bad += 1
        return "skip"

    source: Any = str(path)
    if packed or form.separator == " ":
        try:
            data = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
        except (OSError, EOFError) as error:
            raise ValueError(f"gzip: {error}") from None
        if form.separator == " ":  # any number of blanks is one
            data = b"\n".join(b" ".join(line.split()) for line in data.splitlines())
        source = io.BytesIO(data)
    table = arrow_csv.read_csv(
        source,
        read_options=arrow_csv.ReadOptions(
            column_names=form.names, skip_rows=form.skipped, encoding=form.encoding, block_size=16 << 20
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=form.separator, newlines_in_values=True, invalid_row_handler=skip, ignore_empty_lines=True
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(form.names, pa.string()), strings_can_be_null=False
        ),
    )
    if bad and bad >= table.num_rows:
        allowed = f"{len(form.names)} columns a line, separated by {form.separator!r}"
        raise Refused([Problem(str(path), f"{bad} lines", allowed)])
    columns = {name: _column(column) for name, column in zip(form.names, table.columns, strict=True)}
    return Table(columns, table.num_rows, form.separator == ";", bad)


def _encoding(begins: bytes) -> str:
    if begins[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        begins.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(begins) - 4:  # a letter may be cut in two at the end
            return "latin-1"
    return "utf-8"


def _separator(text: str) -> str:
    """That which splits the first lines into the same number of columns, more than one."""
    lines = text.splitlines()[:50]
    if len(text) >= SNIFFED // 2 and len(lines) > 1:
        lines = lines[:-1]
    lines = [line for line in lines if line.strip()]
    best, most = ",", (0.0, 0)
    for separator in SEPARATORS:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=separator))
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        share = count / max(len(lines), 1)
        if width > 1 and (round(share, 1), width) > most:
            best, most = separator, (round(share, 1), width)
    blanks = Counter(len(line.split()) for line in lines)
    if not most[1] and blanks and blanks.most_common(1)[0][0] > 1:
        return " "
    return best


def _named(names: Sequence[str]) -> list[str]:
    """Stripped, none empty and none twice."""
    made: list[str] = []
    taken: set[str] = set()
    for number, name in enumerate(names, 1):
        plain = str(name).strip().strip("\ufeff").strip() or f"{UNNAMED}{number}"
        unique, again = plain, 2
        while unique in taken:
            unique, again = f"{plain}_{again}", again + 1
        taken.add(unique)
        made.append(unique)
    return made


def _column(texts: Any) -> Column:
    """Of an Arrow array of texts."""
    encoded = texts.combine_chunks().dictionary_encode()
    raw = encoded.dictionary.to_pylist()
    levels: dict[str, int] = {}
    place = np.empty(len(raw) + 1, np.int32)
    for number, text in enumerate(raw):
        plain = text.strip().strip("'\"").strip() if text is not None else ""
        place[number] = -1 if plain.lower() in MISSING else levels.setdefault(plain, len(levels))
    place[len(raw)] = -1
    indices = encoded.indices.fill_null(len(raw)).to_numpy(zero_copy_only=False)
    return Column(tuple(levels), place[indices])
