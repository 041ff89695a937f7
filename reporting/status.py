"""What the analytics store holds: steps of its schema, and of each table rows, bytes on disk and days."""

from typing import Any

from reporting.migrations import MIGRATIONS
from reporting.migrations import tables as all_tables
from reporting.store import Store, applied


def status(store: Store) -> dict[str, Any]:
    """As JSON; in a cluster, of the shard that the store's address leads to. Raises StoreError."""
    tables = {store.dialect.local(table.name): table.name for table in all_tables()}
    found = {
        str(table): (int(rows), int(size), *("" if day == "tuple()" else str(day) for day in days))
        for table, rows, size, *days in store.query(
            "SELECT table, sum(rows), sum(bytes_on_disk), min(partition), max(partition) FROM system.parts"
            " WHERE active AND database = currentDatabase() GROUP BY table"
        )
    }
    begun = store.query("SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'migrations'")
    done = applied(store) if begun else set()
    steps = [{"number": step.number, "title": step.title, "applied": step.number in done} for step in MIGRATIONS]
    columns = ("rows", "bytes", "first", "last")
    return {
        "migrations": steps,
        "tables": [
            {"table": name, **dict(zip(columns, found.get(local, (0, 0, "", "")), strict=True))}
            for local, name in tables.items()
        ],
    }
