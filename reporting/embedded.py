"""ClickHouse's engine in this process (chDB). One process a directory may have it open: the reporter."""

import os
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import chdb
import orjson
import pyarrow as pa

from reporting import native
from reporting.escape import fill, literal
from reporting.rows import Block
from reporting.schema import CURRENT, Table
from reporting.store import Parameter, Row, StoreError, exactly_once

_ARROW = {
    "word": pa.string(),
    "String": pa.string(),
    "Int8": pa.int8(),
    "UInt8": pa.uint8(),
    "UInt32": pa.uint32(),
    "UInt64": pa.uint64(),
    "Int64": pa.int64(),
    "Float64": pa.float64(),
    "Bytes": pa.binary(),
}
_DATABASE = "outbid"
_AT_ONCE = ("old_parts_lifetime", "cleanup_delay_period", "max_cleanup_delay_period", "cleanup_delay_period_random_add")
"""Settings of a table: how long it keeps data that was replaced, and how often it looks."""
_REMOVED_S = 30.0
"""How long the engine is given to remove what was replaced."""
_STILL_USED = 57
_TURN = threading.RLock()
"""Held while a batch arrives, and by who is `alone`: a process has one directory open."""
_CODE = re.compile(r"Code: (\d+)")


class EmbeddedStore:
    dialect = CURRENT
    sole = True

    def __init__(self, path: Path, query_seconds: float) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._memory = os.fdopen(os.memfd_create("block"), "wb")
        self._path, self._limits = path, {"max_execution_time": query_seconds}
        self._connection = self._connected()

    def _connected(self) -> Any:
        try:
            connection = chdb.connect(str(self._path))  # type: ignore[no-untyped-call]
            for sql in (
                f"CREATE DATABASE IF NOT EXISTS {_DATABASE}",
                f"USE {_DATABASE}",
                *(f"SET {name} = {value}" for name, value in self._limits.items()),
                "SET max_insert_threads = 1",
            ):
                connection.query(sql)
        except Exception as error:
            raise StoreError(f"{self._path}: {error}") from error
        return connection

    def _renew(self) -> None:
        """After a query that failed or was left: chDB 4.4 would begin the next answer with the rest of that one."""
        before, self._connection = self._connection, self._connected()
        before.close()

    def command(self, sql: str) -> None:
        with self._lock:
            try:
                self._connection.query(sql)
            except Exception as error:
                raise _told(error) from error

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[Row]:
        with self._lock:
            try:
                answer = self._connection.query(fill(sql, parameters), "JSONCompact").bytes()
            except Exception as error:
                self._renew()
                raise _told(error) from error
        rows: list[Row] = orjson.loads(answer)["data"]
        return rows

    def stream(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> Iterator[list[Row]]:
        with self._lock:
            try:
                answer = self._connection.send_query(fill(sql, parameters), "JSONCompactEachRow")
            except Exception as error:
                self._renew()
                raise _told(error) from error
            done, rest = False, b""
            try:
                for piece in answer:
                    *lines, rest = (rest + piece.bytes()).split(b"\n")
                    yield [orjson.loads(line) for line in lines if line]
                if rest:
                    yield [orjson.loads(rest)]
                done = True
            except (RuntimeError, orjson.JSONDecodeError) as error:
                raise _told(error) from error
            finally:
                answer.close()
                if not done:
                    self._renew()

    def limit(self, settings: Mapping[str, int]) -> None:
        self._limits |= settings
        for name, value in settings.items():
            self.command(f"SET {name} = {value}")

    def insert(self, table: Table, columns: Mapping[str, Sequence[Any]], batch: str = "") -> None:
        arrays = [pa.array(values, _ARROW[table.columns[name]]) for name, values in columns.items()]
        block = pa.record_batch(arrays, names=list(columns))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, block.schema) as stream:
            stream.write_batch(block)
        self._send(table, list(columns), batch, "ArrowStream", [sink.getvalue().to_pybytes()])

    def send(self, block: Block, batch: str, token: str = "") -> None:
        columns = native.columns(block, batch, self.dialect)
        names = [name for name, _, _ in columns]
        self._send(block.table, names, token or batch, "Native", native.pieces(block.rows, columns))

    def _send(self, table: Table, columns: Sequence[str], batch: str, form: str, pieces: Sequence[bytes]) -> None:
        """From a file in memory: what the engine's own stream of an insert is refused, it tells nobody."""
        names = ", ".join(f"`{name}`" for name in columns)
        settings = ", ".join(f"{name} = {literal(value)}" for name, value in exactly_once(batch).items())
        source = f"'/proc/self/fd/{self._memory.fileno()}' SETTINGS {settings} FORMAT {form}"
        with _TURN if batch else nullcontext(), self._lock:
            try:
                self._memory.writelines(pieces)
                self._memory.flush()
                self._connection.query(f"INSERT INTO {table.name} ({names}) FROM INFILE {source}")
            except Exception as error:
                raise _told(error) from error
            finally:
                self._memory.seek(0)
                self._memory.truncate()

    def alone(self) -> AbstractContextManager[Any]:
        """Others are connections of this process: those that credit conversions."""
        return _TURN

    def settle(self) -> None:
        """Nothing to wait for: what this process sent ended with the call, and a killed one's engine died with it."""

    def drop_replaced(self, tables: Sequence[str]) -> None:
        """The engine looks for what can be removed when it attaches a table, and not for minutes afterwards."""
        for table in tables:
            self.command(f"ALTER TABLE {table} MODIFY SETTING {', '.join(f'{name} = 0' for name in _AT_ONCE)}")
            self.command(f"DETACH TABLE {table}")
            self._attach(table)
        until = time.monotonic() + _REMOVED_S
        replaced = "SELECT DISTINCT table FROM system.parts WHERE database = currentDatabase() AND NOT active"
        while {name for (name,) in self.query(replaced)} & set(tables) and time.monotonic() < until:
            time.sleep(0.5)  # not sooner: whoever asks holds them for a moment, and then they are not removed
        for table in tables:
            self.command(f"ALTER TABLE {table} RESET SETTING {', '.join(_AT_ONCE)}")

    def _attach(self, table: str) -> None:
        """A query of another connection may hold the table for a moment longer; it must not stay away for that."""
        until = time.monotonic() + _REMOVED_S
        while True:
            try:
                return self.command(f"ATTACH TABLE {table}")
            except StoreError as error:
                if error.code != _STILL_USED or time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            self._memory.close()


def _told(error: Exception) -> StoreError:
    """What the engine says begins with its number of the error, and has the text that it was sent in it."""
    code = _CODE.search(str(error))
    return StoreError(str(error), int(code[1]) if code else 0)
