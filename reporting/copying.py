"""One analytics store into another: from chDB to a server, from a server to a cluster.

Facts go batch by batch, as they came, and whatever is there already is not sent again: a copy that was broken off is
simply begun again. Views are out of the way meanwhile, and their step of the schema counts as not taken: who uses the
new store all the same gets rollups of what is in it. Rollups go as they are, because they reach further back than the
facts. ``batches`` comes last: until then the new store is not taken for one that knows how far the logs are in it.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from reporting.migrations import MIGRATIONS, tables, views
from reporting.rollups import ROLLUPS
from reporting.schema import BATCHES, FACTS, Table
from reporting.store import Row, Store, StoreError, anew, mark, migrate

_TEXTS = ("word", "String")


def copy(source: Store, target: Store, say: Callable[[str], None]) -> None:
    """Nothing else may write to either; ``target`` is a server's or a cluster's. Raises StoreError."""
    migrate(source)
    migrate(target)
    if int(target.query("SELECT count() FROM batches")[0][0]):
        raise StoreError("the new store is in use: it has batches of its own already")
    for view in views(target.dialect):
        for statement in target.dialect.drops(view.name):
            target.command(statement)
    mark(target, [step for step in MIGRATIONS if not step.views(target.dialect)])
    for table in FACTS:
        for day, rows in _days(source, table):
            sent = _copy_day(source, target, table, day)
            say(f"{table.name} of {day}: {rows:,} rows" + ("" if sent else ", there already"))
    migrate(target)
    for table in ROLLUPS.values():  # from the finest on: what views make of it in the coarser ones is replaced after it
        for day, rows in _days(source, table):
            target.command(target.dialect.drop_partition(table.name, day))
            begun = "toUInt32(toStartOfHour(time))"  # a day of minutes can be many rows
            for (hour,) in source.query(f"SELECT DISTINCT {begun} FROM {table.name} WHERE day = toDate('{day}')"):
                of_hour = f"day = toDate('{day}') AND {begun} = {int(hour)}"
                _insert(target, table, _rows(source, table, of_hour), "")
            say(f"{table.name} of {day}: {rows:,} rows")
    for table in tables():
        if table not in (*FACTS, *ROLLUPS.values(), BATCHES):
            target.command(f"TRUNCATE TABLE {table.name}")
            _insert(target, table, _rows(source, table, "1"), "")
    _check(source, target)
    _insert(target, BATCHES, _rows(source, BATCHES, "1"), "")


def _copy_day(source: Store, target: Store, table: Table, day: date) -> int:
    """How many batches were sent."""
    of_day, sent = f"day = toDate('{day}')", 0
    count = f"SELECT batch, count() FROM {{}} WHERE {of_day} GROUP BY batch ORDER BY batch"
    there = {int(batch): int(rows) for batch, rows in target.query(count.format(target.dialect.local(table.name)))}
    for batch, rows in source.query(count.format(table.name)):
        found = there.get(int(batch), 0)
        if found not in (0, int(rows)):
            raise StoreError(f"{table.name} of {day} has {found} of the {rows} rows of batch {batch} in the new store")
        if not found:
            columns = _rows(source, table, f"{of_day} AND batch = {int(batch)}")
            _insert(target, table, columns, anew(f"copy:{table.name}:{day}:{int(batch)}"))
            sent += 1
    return sent


def _days(store: Store, table: Table) -> list[tuple[date, int]]:
    """(day, rows), oldest first."""
    found = store.query(f"SELECT toString(day), count() FROM {table.name} GROUP BY day ORDER BY day")
    return [(date.fromisoformat(day), int(rows)) for day, rows in found]


def _rows(store: Store, table: Table, where: str) -> list[Row]:
    times = {"Date": "toUInt32(toRelativeDayNum({0}))", "DateTime": "toUInt32({0})", "Bytes": "hex({0})"}
    columns = ", ".join(times.get(kind, "{0}").format(f"`{name}`") for name, kind in table.columns.items())
    return store.query(f"SELECT {columns} FROM {table.name} WHERE {where}")


def _insert(store: Store, table: Table, rows: list[Row], batch: str) -> None:
    if rows:
        columns = dict(zip(table.columns, zip(*rows, strict=True), strict=True))
        store.insert(table, {name: _values(table.columns[name], values) for name, values in columns.items()}, batch)


def _values(kind: str, values: tuple[Any, ...]) -> list[Any]:
    if kind in _TEXTS:
        return list(values)
    if kind == "Date":
        return [date.fromordinal(719_163 + int(days)) for days in values]
    if kind == "DateTime":
        return [datetime.fromtimestamp(int(seconds), UTC) for seconds in values]
    if kind == "Bytes":
        return [bytes.fromhex(value) for value in values]
    if kind == "Float64":
        return [float(value) for value in values]
    return [int(value) for value in values]


def _check(source: Store, target: Store) -> None:
    """Facts by their number, rollups by their sums, of each day."""
    for table in (*FACTS, *ROLLUPS.values()):
        sums = "".join(f", sum({name})" for name in table.sums) or ", count()"
        sql = f"SELECT toString(day) AS date{sums} FROM {table.name} GROUP BY date ORDER BY date"
        here, there = ([tuple(map(str, row)) for row in store.query(sql)] for store in (source, target))
        if wrong := set(here) ^ set(there):
            raise StoreError(f"{table.name} is not the same in both stores on {min(wrong)[0]}: copy it again")
