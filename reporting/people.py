"""What the analytics store has of persons: the rows that name them are found, and blanked. Money and counts stay.

Whom it is about stands in a table of its own for as long as that takes, and in no statement: a server keeps the text of
queries and of mutations.
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domain.blanking import PERSONAL
from reporting import outbox
from reporting.attribution import PENDING
from reporting.attributor import DIRECTORY
from reporting.replay import drop_spares
from reporting.schema import FACTS, Table
from reporting.store import Store, StoreError

TABLES = tuple(table for table in FACTS if "person" in table.columns)
MOST_ROWS = 100_000
"""Shown of one table."""
PATIENCE_S = 1_800.0
"""A server that has not done by then is given up; it goes on by itself."""
LOOK_S = 0.05
_LIST = "persons_"


def find(store: Store, persons: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
    """Rows that name one of ``persons``, by table, oldest first; at most `MOST_ROWS` of each. Raises StoreError."""
    found = {}
    with _listed(store, persons) as theirs:
        for table in TABLES:
            names = [name for name in table.columns if name != "batch"]
            columns = ", ".join(f"hex(`{name}`)" if table.columns[name] == "Bytes" else f"`{name}`" for name in names)
            rows = store.query(
                f"SELECT {columns} FROM {table.name} WHERE {theirs} ORDER BY `{table.clock}` LIMIT {MOST_ROWS}"
            )
            if rows:
                found[table.name] = [
                    {name: _value(table, name, value) for name, value in zip(names, row, strict=True)} for row in rows
                ]
    return found


def blank(store: Store, data: Path, persons: Sequence[int]) -> tuple[dict[str, int], int]:
    """Writes 0, nobody, where one of ``persons`` stands, and where their devices and households do beside them; returns
    how many rows of each table, and how many name them still: none, unless others sent some meanwhile. The data that
    was replaced is gone from the disk of chDB then; a server removes it by itself after ``old_parts_lifetime``, that is
    8 minutes.

    ``data``: of the host whose credits may be on their way; nobody sends any meanwhile, and no replay is at work. What
    a replay left that was killed goes, too. Raises StoreError. If it is broken off, run it again.
    """
    outbox.forget(data / DIRECTORY / PENDING, set(persons))
    drop_spares(store)
    done, left = {}, 0
    with _listed(store, persons) as theirs:
        for table in TABLES:
            if count := _count(store, table, theirs):
                changes = ", ".join(f"{name} = 0" for name in PERSONAL if name in table.columns)
                store.command(store.dialect.update(table.name, f"{changes} WHERE {theirs}"))
                _await_mutations(store, table)
                done[table.name] = count
        store.drop_replaced(list(done))
        left = sum(_count(store, table, theirs) for table in TABLES)
    return done, left


def drop_lists(store: Store, age_s: int = 86_400) -> None:
    """Removes lists of persons that a process left which was killed, when they are so old."""
    left = store.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND match(name, %(list)s)"
        " AND metadata_modification_time <= now() - %(age)s",
        {"list": f"^{_LIST}[0-9a-f]{{12}}$", "age": age_s},
    )
    for (name,) in left:
        for statement in store.dialect.drops(str(name)):
            store.command(statement)


@contextmanager
def _listed(store: Store, persons: Sequence[int]) -> Iterator[str]:
    """The condition that a row names one of ``persons``."""
    if store.sole:  # and there it is asked for by one at a time
        drop_lists(store, 0)
    table = Table(f"{_LIST}{secrets.token_hex(6)}", {"person": "UInt64"}, ("person",))
    database = store.query("SELECT currentDatabase()")[0][0]
    for statement in store.dialect.creates(table):
        store.command(statement)
    try:
        with _on_every_node(store):
            store.insert(table, {"person": list(persons)})
        yield f"person IN (SELECT person FROM {database}.{table.name})"
    finally:
        for statement in store.dialect.drops(table.name):
            store.command(statement)


@contextmanager
def _on_every_node(store: Store) -> Iterator[None]:
    """In a cluster, what is inserted meanwhile is acknowledged when all nodes have it."""
    if count := store.dialect.nodes():
        nodes = int(store.query(count)[0][0])
        store.command(f"SET insert_quorum = {nodes}")
    try:
        yield
    finally:
        if count:
            store.command("SET insert_quorum = 0")


def _count(store: Store, table: Table, condition: str) -> int:
    return int(store.query(f"SELECT count() FROM {table.name} WHERE {condition}")[0][0])


def _await_mutations(store: Store, table: Table) -> None:
    until = time.monotonic() + PATIENCE_S
    pending = (
        f"SELECT count() FROM {store.dialect.of_all_shards('system.mutations')}"
        " WHERE database = currentDatabase() AND table = %(table)s AND is_done = 0"
    )
    while int(store.query(pending, {"table": store.dialect.local(table.name)})[0][0]):
        if time.monotonic() > until:
            raise StoreError(f"the rows of {table.name} are not all written anew yet; look again later")
        time.sleep(LOOK_S)


def _value(table: Table, name: str, value: Any) -> Any:
    kind = table.columns[name]
    return value if kind in ("word", "String", "Bytes") else float(value) if kind == "Float64" else int(value)
