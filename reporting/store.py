"""What reporting wants of an analytics engine, and which one the settings name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from domain.clock import from_env, utc
from domain.settings import SettingsError
from reporting.schema import APPLIED, Dialect, Table

Row = Sequence[Any]
Parameter = int | str


class StoreError(Exception):
    """The engine refused or could not be reached. After a failed insert it is open whether the block arrived:
    `settle`.
    """


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
        """Inserts one block; ``batch`` names it in the server's process list."""
        ...

    def limit(self, settings: Mapping[str, int]) -> None:
        """From now on no query of this connection may take more than ClickHouse's ``settings`` of such names say."""
        ...

    def settle(self) -> None:
        """Returns when nothing that this deployment sent earlier can still arrive; reconnects if need be."""
        ...

    def drop_replaced(self, tables: Sequence[str]) -> None:
        """Sees to it that data of tables that a mutation replaced is removed from the disk."""
        ...

    def close(self) -> None: ...


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
        f"[reporting] store is {address!r}; it must be 'chdb' or 'clickhouse://user:password@host:port/database'"
    )


def migrate(store: Store, today: date | None = None) -> int:
    """Brings the schema up to date; returns its number. A step cut short by a crash is simply done again."""
    from reporting.migrations import MIGRATIONS  # whose steps need a store

    today = today or utc(from_env().now_ns()).date()
    store.command(store.dialect.create(APPLIED))
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
    kept = [migration for migration in MIGRATIONS if migration.number <= to]
    store.command(store.dialect.drop(APPLIED.name))
    store.command(store.dialect.create(APPLIED))
    for migration in kept:
        store.insert(APPLIED, {"number": [migration.number], "title": [migration.title]})
