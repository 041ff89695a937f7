"""Ids of persons out of the files that marketers have: CSV, Parquet, or one written person a line.

A file is read a batch at a time, however large it is. Of a table the marketer says which column holds which kind of
id; a cell is then read as if it were written ``KIND:CELL`` (`targeting.identity_keys`). Of several ids in a
row each becomes a member. In a CSV a row is a line, so that a stray quotation mark costs one row only.
"""

import csv
import gzip
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from domain.errors import Problem, Refused
from targeting.identity_keys import FORMS, RAW, parse_person, shown

MAX_PROBLEMS = 100
"""Bad lines that are told one by one."""
MAX_LINE = 65_536
ROWS = 8_192
"""Rows of a batch."""
DELIMITERS = (",", ";", "\t", "|")
WRITTEN = "person"
"""As the kind of a column: its cells are written persons, kind and all."""

Row = tuple[int, Sequence[str | None], str]
"""Number, the cells that are asked for, and what is wrong with the row as a whole."""


class Column(NamedTuple):
    """A column of a table, and the kind of id in it, as it is written before an id: ``ifa``, ``buyeruid:usx``."""

    kind: str
    name: str


@dataclass
class Batch:
    """What some rows say. ``share`` of the file has been read with them."""

    rows: int = 0
    share: float = 0.0
    keys: dict[str, list[int]] = field(default_factory=dict)
    """Persons by kind of id; one may be there more than once."""
    blank: int = 0
    """Rows without any id."""
    bad: int = 0
    problems: list[Problem] = field(default_factory=list)
    """The first of the bad ones of the whole file."""


class IdFile:
    """One file, read as often as `batches` is called. By its name it is Parquet (``.parquet``) or CSV (``.csv`` and
    ``.tsv``), else it has a written person a line; ``.gz`` behind says that it is packed. Tables have ``columns``;
    without a ``header`` those of a CSV are called ``1``, ``2`` and so on. Raises `Refused` for a file that cannot be
    read, or that has no such columns.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[Column] = (),
        *,
        header: bool = True,
        exchanges: Collection[str] | None = None,
        advertisers: Collection[str] | None = None,
    ) -> None:
        self.path, self.columns, self._header = path, tuple(columns), header
        self._exchanges, self._advertisers = exchanges, advertisers
        suffix = Path(path.name.lower().removesuffix(".gz")).suffix
        self._told = 0
        self._rows: Callable[[], Iterator[tuple[Row, float]]]
        if suffix == ".parquet":
            self._unit, self._rows = "row", self._parquet
        elif suffix in (".csv", ".tsv"):
            self._unit, self._rows = "line", self._csv
        else:
            self._unit, self._rows = "line", self._plain
        if (suffix in (".parquet", ".csv", ".tsv")) != bool(self.columns):
            allowed = (
                "which of its columns hold which ids must be said"
                if not self.columns
                else "columns are those of a table, whose name ends in .csv, .tsv or .parquet"
            )
            raise Refused([Problem(str(path), ", ".join(column.name for column in self.columns), allowed)])

    def batches(self) -> Iterator[Batch]:
        """Raises `Refused`, also for what only shows as the file is read on."""
        self._told = 0
        batch = Batch()
        try:
            for (number, cells, wrong), share in self._rows():
                if wrong:
                    batch.bad += 1
                    self._note(batch, number, "", "", wrong)
                else:
                    self._take(batch, number, cells)
                batch.rows += 1
                if batch.rows == ROWS:
                    batch.share = share
                    yield batch
                    batch = Batch()
        except (OSError, EOFError, pa.ArrowException) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise Refused([Problem(str(self.path), why, "it must be a file that can be read")]) from None
        batch.share = 1.0
        yield batch

    def _take(self, batch: Batch, number: int, cells: Sequence[str | None]) -> None:
        found = wrong = False
        for column, cell in zip(self.columns or (Column(WRITTEN, ""),), cells, strict=True):
            text = cell.strip() if cell else ""
            if not text:
                continue
            written = column.kind == WRITTEN
            try:
                person = text if written else f"{column.kind}:{text}"
                key = parse_person(person, self._exchanges, self._advertisers)
            except ValueError as error:
                wrong = True
                value = "…" if not written and column.kind in RAW else shown(text)
                self._note(batch, number, column.name, value.encode(errors="replace").decode(), str(error))
                continue
            found = True
            batch.keys.setdefault(text.partition(":")[0] if written else column.kind, []).append(key)
        batch.bad += wrong
        batch.blank += not found and not wrong

    def _note(self, batch: Batch, number: int, column: str, value: str, why: str) -> None:
        if self._told < MAX_PROBLEMS:
            self._told += 1
            where = f"{self.path}, {self._unit} {number}" + (f", {column}" if column else "")
            batch.problems.append(Problem(where, value, why))

    def _plain(self) -> Iterator[tuple[Row, float]]:
        for number, line, share in self._lines():
            text = line.strip()
            if len(line) > MAX_LINE:
                yield (number, (), f"a line has at most {MAX_LINE} characters; {FORMS}"), share
            elif text and not text.startswith("#"):
                yield (number, (text,), ""), share

    def _csv(self) -> Iterator[tuple[Row, float]]:
        lines = self._lines()
        first = next(lines, (1, "", 1.0))
        delimiter, names = self._names(first[1])
        places = [names.index(column.name) for column in self.columns]
        for number, line, share in lines if self._header else chain([first], lines):
            if len(line) > MAX_LINE:
                yield (number, (), f"a line has at most {MAX_LINE} characters"), share
                continue
            cells = _split(line, delimiter)
            if len(cells) == len(names):
                yield (number, [cells[place] for place in places], ""), share
            elif line.strip():
                yield (number, (), f"it has {len(cells)} fields, and the first line {len(names)}"), share

    def _names(self, first: str) -> tuple[str, list[str]]:
        """The delimiter is the one that the columns asked for stand between."""
        wanted = {column.name for column in self.columns}
        found: list[str] = []
        for delimiter in DELIMITERS:
            cells = _split(first, delimiter)
            names = [cell.strip() for cell in cells] if self._header else [str(n + 1) for n in range(len(cells))]
            if wanted <= set(names) and (len(names) > 1 or not any(other in first for other in DELIMITERS)):
                return delimiter, names
            found = max(found, names, key=len)
        raise self._no_columns(found)

    def _no_columns(self, names: Sequence[str]) -> Refused:
        shown_names = ", ".join(names[:50]) if self._header else f"1 to {len(names)}, as it was said to have no header"
        missing = [column.name for column in self.columns if column.name not in names] or [self.columns[0].name]
        return Refused([Problem(f"{self.path}, columns", missing[0], f"the columns are {shown_names}")])

    def _lines(self) -> Iterator[tuple[int, str, float]]:
        """Lines by number, each with the share of the file that was read; of one that is too long, what is allowed and
        a character more."""
        size = max(1, self.path.stat().st_size)
        with self.path.open("rb", buffering=0) as raw:
            packed = self.path.name.lower().endswith(".gz")
            source = io.BufferedReader(gzip.GzipFile(fileobj=raw) if packed else raw, 1 << 20)
            with io.TextIOWrapper(source, encoding="utf-8-sig", errors="surrogateescape") as text:
                number = 0
                while line := text.readline(MAX_LINE + 1):
                    number += 1
                    rest = line
                    while len(rest) > MAX_LINE and not rest.endswith("\n"):
                        rest = text.readline(MAX_LINE + 1)
                    yield number, line, raw.tell() / size if not number % ROWS else 1.0

    def _parquet(self) -> Iterator[tuple[Row, float]]:
        with pq.ParquetFile(self.path) as file:
            names, total = file.schema_arrow.names, max(1, file.metadata.num_rows)
            if not {column.name for column in self.columns} <= set(names):
                raise self._no_columns(names)
            number = 0
            for rows in file.iter_batches(ROWS, columns=[column.name for column in self.columns]):
                columns = [self._texts(rows.column(column.name), column) for column in self.columns]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield (number, cells, ""), number / total

    def _texts(self, column: pa.Array, of: Column) -> list[str | None]:
        try:
            texts: list[str | None] = column.cast(pa.string()).to_pylist()
            return texts
        except pa.ArrowException:
            allowed = "the values of a column of ids are text, or integers"
            raise Refused([Problem(f"{self.path}, {of.name}", str(column.type), allowed)]) from None


def _split(line: str, delimiter: str) -> list[str]:
    line = line.rstrip("\r\n")
    if '"' not in line:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter), [])
