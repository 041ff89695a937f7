"""Tables of persons, as `targeting.loading` takes them: Parquet files, or Arrow IPC files and streams, read in batches.

The columns are told in docs/targeting.md. Problems are named by file, row and column, and end the reading.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from domain.errors import Problem, Refused
from domain.person import STAGES, score_id
from targeting.identity_keys import parse_person, shown
from targeting.profile_rows import NO_SCORE, Batch
from targeting.record import MAX_SEGMENTS, NEVER

ROWS = 65_536
SCORE = "score_"
PLAIN = ("person", "audiences", "expires", "stage", "stage_at", "visited_at", "scored_at")
COLUMNS = f"the columns are {', '.join(PLAIN)} and {SCORE}NAME"
MAX_PROBLEMS = 100


class Table:
    """One file, read once; ``rows`` is how many it has, if it says so.

    ``audiences`` are the ids of audiences by the keys that the file may use, ``advertiser`` is whose stages, visits and
    audiences it tells. Raises `Refused` for a file that cannot be read, or has other columns.
    """

    def __init__(
        self,
        path: Path,
        *,
        advertiser: int = 0,
        audiences: Mapping[str, int] | None = None,
        exchanges: Collection[str] | None = None,
        now_s: int | None = None,
    ) -> None:
        self.path, self._advertiser, self._exchanges = path, advertiser, exchanges
        self._audiences = audiences or {}
        self._now_s = int(time.time()) if now_s is None else now_s
        self._row = 0
        try:
            self._batches, schema, self.rows = _parquet(path) if path.suffix == ".parquet" else _arrow(path)
        except (OSError, pa.ArrowException) as error:
            raise self._refused("", str(path), f"it must be a readable Parquet or Arrow file: {error}") from None
        names = schema.names
        unknown = [name for name in names if name not in PLAIN and not (name.startswith(SCORE) and name != SCORE)]
        if unknown or "person" not in names:
            raise self._refused("columns", ", ".join(names), COLUMNS)
        if not advertiser and (told := {"stage", "stage_at", "visited_at"} & set(names)):
            raise self._refused(min(told), "", "whose stages and visits these are must be said: --advertiser")

    def batches(self) -> Iterator[tuple[Batch, set[int]]]:
        """Rows as `targeting.loading.load` takes them. Raises `Refused`."""
        try:
            for rows in self._batches:
                yield self._batch(rows)
                self._row += len(rows)
        except (OSError, pa.ArrowException) as error:
            raise self._refused(f"row {self._row + 1} or after", "", str(error)) from None

    def _batch(self, rows: pa.RecordBatch) -> tuple[Batch, set[int]]:
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        batch = Batch(self._persons(columns["person"]))
        named: set[int] = set()
        if "audiences" in columns:
            named = self._memberships(batch, columns["audiences"], columns.get("expires"))
        if {"stage", "visited_at"} & columns.keys():
            stages = columns.get("stage", pa.nulls(len(rows), pa.string()))
            since = self._seconds(columns, "stage_at", len(rows), self._now_s)
            visited = self._seconds(columns, "visited_at", len(rows), 0)
            batch.standing(self._advertiser, self._stages(stages), since, visited)
        at = self._seconds(columns, "scored_at", len(rows), self._now_s)
        for name, column in columns.items():
            if name.startswith(SCORE):
                values = self._cast(name, column, pa.int32()).fill_null(NO_SCORE)
                batch.score(score_id(name.removeprefix(SCORE)), _numbers(values, "i"), at)
        return batch, named

    def _persons(self, column: pa.Array) -> "memoryview[int]":
        if column.null_count:
            raise self._refused("person", "null", "every row has a person")
        if pa.types.is_integer(column.type):
            return _numbers(self._cast("person", column, pa.uint64()), "Q")
        keys, problems = [], []
        for place, text in enumerate(self._cast("person", column, pa.string()).to_pylist()):
            try:
                keys.append(parse_person(text, self._exchanges))
            except ValueError as error:
                problems.append(Problem(f"{self.path}, row {self._row + place + 1}, person", shown(text), str(error)))
                if len(problems) == MAX_PROBLEMS:
                    break
        if problems:
            raise Refused(problems)
        return _numbers(pa.array(keys, pa.uint64()), "Q")

    def _memberships(self, batch: Batch, column: pa.Array, expires: pa.Array | None) -> set[int]:
        if not isinstance(column, pa.ListArray):
            raise self._refused("audiences", str(column.type), "a list of audiences in each row")
        column = _without_nulls(column)
        members = column.flatten()
        if not pa.types.is_integer(members.type):
            members = self._by_key(members)
        ids = self._cast("audiences", members, pa.uint32())
        counts = pc.list_value_length(column)
        if expires is None:
            until = pa.repeat(pa.scalar(NEVER, pa.uint32()), len(ids))
        elif isinstance(expires, pa.ListArray):
            expires = _without_nulls(expires)
            if not pc.list_value_length(expires).equals(counts):
                raise self._refused("expires", "", "as many times as there are audiences in the row, or one time")
            until = self._times("expires", expires.flatten(), NEVER)
        else:
            until = self._times("expires", expires, NEVER).take(pc.list_parent_indices(column))
        ends = pc.cumulative_sum(counts)
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
        if len(counts) and (most := pc.max(counts).as_py()) > MAX_SEGMENTS:
            raise self._refused("audiences", most, f"at most {MAX_SEGMENTS} audiences a row")
        batch.memberships(_numbers(offsets, "i"), _numbers(ids, "I"), _numbers(until, "I"))
        return set(pc.unique(ids).to_pylist())

    def _by_key(self, keys: pa.Array) -> pa.Array:
        coded = self._cast("audiences", keys, pa.string()).dictionary_encode()
        words = coded.dictionary.to_pylist()
        for word in words:
            if word not in self._audiences:
                known = ", ".join(sorted(self._audiences)[:20]) or "none"
                raise self._refused("audiences", str(word), f"keys of audiences of the advertiser: {known}")
        return pa.array([self._audiences[word] for word in words], pa.uint32()).take(coded.indices)

    def _stages(self, column: pa.Array) -> "memoryview[int]":
        coded = self._cast("stage", column, pa.string()).fill_null("").dictionary_encode()
        words = coded.dictionary.to_pylist()
        for word in words:
            if word and word not in STAGES:
                raise self._refused("stage", word, ", ".join(STAGES))
        codes = pa.array([int(STAGES[word]) if word else 0 for word in words], pa.uint8())
        return _numbers(codes.take(coded.indices), "B")

    def _seconds(self, columns: Mapping[str, pa.Array], name: str, rows: int, default: int) -> "memoryview[int]":
        column = columns.get(name)
        if column is None:
            return _numbers(pa.repeat(pa.scalar(default, pa.uint32()), rows), "I")
        return _numbers(self._times(name, column, default), "I")

    def _times(self, name: str, column: pa.Array, default: int) -> pa.Array:
        if pa.types.is_timestamp(column.type):
            column = pc.floor_temporal(column, unit="second").cast(pa.timestamp("s")).cast(pa.int64())
        return self._cast(name, column, pa.uint32()).fill_null(default)

    def _cast(self, name: str, column: pa.Array, kind: pa.DataType) -> pa.Array:
        if column.type == kind:
            return column
        try:
            return column.cast(kind)
        except pa.ArrowException as error:
            raise self._refused(name, str(column.type), f"values that are {kind}: {error}") from None

    def _refused(self, what: str, value: object, allowed: str) -> Refused:
        where = f"{self.path}, rows from {self._row + 1}, {what}" if self._row else f"{self.path}, {what}".rstrip(", ")
        return Refused([Problem(where, value, allowed)])


Source = tuple[Iterator[Any], Any, int | None]
"""Batches, their schema, and how many rows there are."""


def _parquet(path: Path) -> Source:
    file = pq.ParquetFile(path)
    return file.iter_batches(ROWS), file.schema_arrow, file.metadata.num_rows


def _arrow(path: Path) -> Source:
    source = pa.memory_map(str(path))
    if source.read(6) != b"ARROW1":
        source.seek(0)
        stream = pa.ipc.open_stream(source)
        return iter(stream), stream.schema, None
    file = pa.ipc.open_file(source)
    return (file.get_batch(i) for i in range(file.num_record_batches)), file.schema, None


def _without_nulls(column: pa.ListArray) -> pa.ListArray:
    """Null lists as empty ones."""
    if not column.null_count:
        return column
    counts = pc.list_value_length(column).fill_null(0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(counts).cast(pa.int32())])
    return pa.ListArray.from_arrays(offsets, column.flatten())


def _numbers(column: pa.Array, code: Literal["B", "i", "I", "Q"]) -> "memoryview[int]":
    """The values of a column without nulls, where they lie."""
    width = column.type.bit_width // 8
    whole = memoryview(column.buffers()[1] if len(column) else b"").cast("B")
    return whole[column.offset * width : (column.offset + len(column)) * width].cast(code)
