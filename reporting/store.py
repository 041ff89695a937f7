"""What reporting wants of an analytics engine, and which one the settings name."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from domain.clock import from_env, utc
from domain.settings import SettingsError
from reporting.rows import Block
from reporting.schema import APPLIED, Dialect, Table

if TYPE_CHECKING:
    from reporting.migrations import Migration

Row = Sequence[Any]
Parameter = int | str


_OF_CONTENT = frozenset((6, 12, 25, 26, 27, 38, 41, 69, 72, 117, 131, 321, 349, 376, 395, 407, 441, 469))
"""ClickHouse's numbers of errors that a row can cause: values that cannot be parsed or are out of range, texts that are
too long, constraints, ``throwIf`` (src/Common/ErrorCodes.cpp).
"""


class StoreError(Exception):
    """The engine refused or could not be reached. After a failed insert it is open whether the block arrived:
    `settle`.
    """

    def __init__(self, text: str, code: int = 0) -> None:
        """``code``: ClickHouse's own number of the error, 0 if it said none."""
        super().__init__(text)
        self.code = code

    @property
    def of_content(self) -> bool:
        """It is the rows that the engine does not take: trying again is no use."""
        return self.code in _OF_CONTENT


class Store(Protocol):
    """One connection, for one thread at a time.

    An insert is one block into one partition: all of it arrives, or nothing.
    """

    dialect: Dialect

    def command(self, sql: str) -> None:
        """Runs a statement without a result."""
        ...

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[Row]:
        """Rows of a SELECT; ``%(name)s`` stands for a parameter."""
        ...

    def stream(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> Iterator[list[Row]]:
        """As `query`, piece by piece, as the engine makes them. Whoever stops before the end closes the iterator."""
        ...

    def insert(self, table: Table, columns: Mapping[str, Sequence[Any]], batch: str = "") -> None:
        """Inserts one block; ``batch`` names it in the server's process list, and is the token by which a current
        engine knows it when it is sent again.
        """
        ...

    def send(self, block: Block, batch: str, token: str = "") -> None:
        """Inserts one block of rows that bear ``batch`` (its `name_id`), as fast as the engine can; else like
        `insert`. ``token``: another one than the batch's name.
        """
        ...

    def limit(self, settings: Mapping[str, int]) -> None:
        """From now on no query of this connection may take more than ClickHouse's ``settings`` of such names say."""
        ...

    def settle(self) -> None:
        """Returns when nothing that this deployment sent earlier can still arrive; reconnects if need be."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Inside of it no batch of anybody arrives: what others would send waits. For making rollups anew."""
        ...

    def drop_replaced(self, tables: Sequence[str]) -> None:
        """Sees to it that data of tables that a mutation replaced is removed from the disk."""
        ...

    def close(self) -> None: ...


def exactly_once(batch: str) -> dict[str, int | str]:
    """Settings of an insert into a current engine: it is one part and acknowledged when it is there; a batch that was
    sent before is known by its token, in the table and in what views make of it, as long as the engine remembers it.
    """
    if not batch:
        return {"async_insert": 0}
    return {
        "async_insert": 0,
        "insert_deduplication_token": batch,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
    }


def anew(batch: str) -> str:
    """A token of a batch that no engine has heard. One that is killed may know a block by its token and not have it: it
    writes down the token first, and names the block's files after.
    """
    return f"{batch}@{secrets.token_hex(6)}"


def open_store(address: str, data: Path, *, owner: str = "", query_seconds: float = 60.0) -> Store:
    """The store that ``[reporting] store`` names. ``owner`` marks this deployment's inserts on a shared server.

    Raises SettingsError for an address that cannot be read, StoreError when the store cannot be reached.
    """
    # Each engine is imported when it is wanted: chDB alone is half a gigabyte.
    if address == "chdb":
        from reporting.embedded import EmbeddedStore

        return EmbeddedStore(data / "chdb", query_seconds)
    if address.startswith("clickhouse://"):
        from reporting.server import ServerStore

        return ServerStore(address, owner, query_seconds)
    raise SettingsError(
        f"[reporting] store is {shown(address)!r}; it must be 'chdb' or 'clickhouse://user:password@host:port/database'"
    )


def shown(address: str) -> str:
    """An address as logs and answers may have it: without its password."""
    return re.sub(r"(//[^:/@]*:).*@", r"\1***@", address)


def migrate(store: Store, today: date | None = None) -> int:
    """Brings the schema up to date; returns its number. A step cut short by a crash is simply done again."""
    from reporting.migrations import MIGRATIONS  # whose steps need a store

    today = today or utc(from_env().now_ns()).date()
    for statement in store.dialect.creates(APPLIED):
        store.command(statement)
    done = applied(store)
    for migration in MIGRATIONS:
        if migration.number not in done:
            for statement in migration.up(store.dialect, _columns(store)):
                store.command(statement)
            if migration.fill is not None:
                migration.fill(store, today)
            store.insert(APPLIED, {"number": [migration.number], "title": [migration.title]})
    return MIGRATIONS[-1].number


def applied(store: Store) -> set[int]:
    """Numbers of the steps that were done."""
    return {int(row[0]) for row in store.query("SELECT number FROM migrations")}


def _columns(store: Store) -> Callable[[str, str], bool]:
    """Asked for, because the oldest server knows no ``IF NOT EXISTS`` of a column."""
    rows = store.query("SELECT table, name FROM system.columns WHERE database = currentDatabase()")
    there = {(str(table), str(name)) for table, name in rows}
    return lambda table, column: (table, column) in there


def revert(store: Store, to: int) -> None:
    """Takes back every step above number ``to``, with the data in its tables."""
    from reporting.migrations import MIGRATIONS

    for migration in reversed(MIGRATIONS):
        if migration.number > to:
            for statement in migration.down(store.dialect, _columns(store)):
                store.command(statement)
    mark(store, [migration for migration in MIGRATIONS if migration.number <= to])


def mark(store: Store, steps: Sequence["Migration"]) -> None:
    """Says that these steps were done, and no other."""
    for statement in (*store.dialect.drops(APPLIED.name), *store.dialect.creates(APPLIED)):
        store.command(statement)
    if steps:
        store.insert(APPLIED, {"number": [step.number for step in steps], "title": [step.title for step in steps]})
