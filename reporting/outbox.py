"""Rows that are read from no log, into the store exactly once.

A block is written to a file, on disk, before it is sent, and the file goes when the store has the block. So after a
kill at any instant there is at most one block of which it is not known whether it arrived, in its table and in what
views make of it, and it is still at hand: it is made good before anything else is read or sent.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from domain.naming import name_id
from reporting.rollups import rebuild
from reporting.rows import DAY_NS
from reporting.schema import FACTS
from reporting.store import Store, StoreError, anew


class _Pending(Struct, frozen=True):
    table: str
    day: int
    """Days since 1970: the partition."""
    batch: str
    columns: dict[str, list[Any]]


_decode, _encode = msgspec.msgpack.Decoder(_Pending).decode, msgspec.msgpack.Encoder().encode
_TABLES = {table.name: table for table in FACTS}


class Outbox:
    """Belongs to one thread, and nobody else uses ``path``."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store, self._path = store, path

    def send(self, table: str, day: int, batch: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """One block of one day into a table; ``batch`` is a name that no other block has. Raises StoreError: then
        `settle` before anything else.
        """
        pending = _Pending(table, day, batch, {name: list(values) for name, values in columns.items()})
        write_durably(self._path, _encode(pending))
        self._insert(pending, pending.batch)
        self._path.unlink()

    def settle(self) -> None:
        """Makes good what a crash, or an insert whose end is unknown, left. Raises StoreError."""
        self._store.settle()
        try:
            pending = _decode(self._path.read_bytes())
        except FileNotFoundError:
            return
        if not self._has(pending):
            self._insert(pending, anew(pending.batch))
        with self._store.alone():
            rebuild(self._store, datetime.fromtimestamp(pending.day * DAY_NS // 10**9, UTC).date())
        self._path.unlink()

    def _insert(self, pending: _Pending, token: str) -> None:
        rows = len(next(iter(pending.columns.values())))
        columns = {**pending.columns, "batch": [name_id(pending.batch)] * rows}
        self._store.insert(_TABLES[pending.table], columns, token)

    def _has(self, pending: _Pending) -> bool:
        rows = len(next(iter(pending.columns.values())))
        sql = f"SELECT count() FROM {pending.table} WHERE day = toDate(%(day)s) AND batch = %(batch)s"
        found = int(self._store.query(sql, {"day": pending.day, "batch": name_id(pending.batch)})[0][0])
        if found not in (0, rows):
            raise StoreError(f"{pending.table} holds {found} of the {rows} rows of batch {pending.batch}")
        return found > 0


def write_durably(path: Path, data: bytes) -> None:
    """Whole or not at all, and on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    with open(draft, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
