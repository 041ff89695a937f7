"""Rollups: what counted of a minute, an hour and a day, by advertiser, campaign, line item, creative and exchange.

Views fill them as facts arrive. A row of a rollup is a part of a sum: rows with the same key are added up by whoever
reads them, and by the engine in its own time. `rebuild` makes a day of them anew out of the facts.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from reporting.counting import FIGURES, SOURCES, Facts
from reporting.escape import literal
from reporting.schema import Dialect, Kind, Table, View
from reporting.store import Store

GRAINS = {"minute": "toStartOfMinute(time)", "hour": "toStartOfHour(time)", "day": "toDateTime(day, 'UTC')"}
"""How long a row's time is, and when it starts. All are UTC."""
KEPT_DAYS = {"minute": 1, "hour": 90}
"""How many days before today are kept; what is not named is for ever."""
_SPARE = "_rebuilt_"
_LATELY_S = 86_400
_ALONE_S = 300.0
"""A third of what others wait for at most."""
_KEY: dict[str, Kind] = {
    "advertiser": "UInt32",
    "campaign": "UInt32",
    "line_item": "UInt32",
    "creative": "UInt32",
    "exchange": "UInt32",
    "currency": "word",
}


def _rollup(grain: str) -> Table:
    return Table(
        f"delivery_{grain}",
        {"day": "Date", "time": "DateTime", **_KEY, **dict.fromkeys(FIGURES, "Int64")},
        (*_KEY, "time"),
        sums=FIGURES,
        partition="day",
    )


ROLLUPS = {grain: _rollup(grain) for grain in GRAINS}


def views(dialect: Dialect) -> list[View]:
    """All there are. Where views can follow each other, hours are made of minutes and days of hours: far fewer rows are
    looked at.
    """
    finest, *coarser = GRAINS
    if not dialect.chains:
        return [_view(dialect, facts, grain, FIGURES) for grain in GRAINS for facts in SOURCES]
    made = [_view(dialect, facts, finest, tuple(facts.sums)) for facts in SOURCES]
    for below, grain in zip(GRAINS, coarser, strict=False):
        into, source = ROLLUPS[grain].name, dialect.local(ROLLUPS[below].name)
        made.append(View(f"{into}_sums", dialect.local(into), _coarser(source, grain)))
    return made


def _view(dialect: Dialect, facts: Facts, grain: str, figures: Sequence[str]) -> View:
    into = ROLLUPS[grain].name
    name = "_".join(filter(None, (into, "of", facts.table, facts.part)))
    return View(name, dialect.local(into), _selected(dialect, facts, grain, figures))


def _selected(dialect: Dialect, facts: Facts, grain: str, figures: Sequence[str], where: str = "") -> str:
    """A table's part of a rollup, with columns for ``figures``: 0 for those that it tells nothing of."""
    sums = (f"toInt64({facts.sums.get(name, '0')}) AS {name}" for name in figures)
    keys = ", ".join(name for name in _KEY if name != "currency")
    return (
        f"SELECT day, {GRAINS[grain]} AS time, {keys}, {facts.currency} AS currency, {', '.join(sums)}"
        f" FROM {dialect.local(facts.table)} WHERE {facts.where}{where} GROUP BY day, time, {keys}, currency"
    )


def _coarser(source: str, grain: str) -> str:
    sums, keys = ", ".join(f"sum({name}) AS {name}" for name in FIGURES), ", ".join(_KEY)
    return f"SELECT day, {GRAINS[grain]} AS time, {keys}, {sums} FROM {source} GROUP BY day, time, {keys}"


def rebuild(store: Store, day: date, grains: Iterable[str] = tuple(GRAINS)) -> None:
    """Makes a day of the rollups anew out of the facts, each of them at once: whoever reads meanwhile sees the old day
    or the new one. No batch may be on its way into the store: `Store.settle`, and inside of `Store.alone`. What comes
    of facts that were dropped because of their age stays as it is. Raises StoreError.
    """
    for grain in grains:
        _replace(store, grain, day)


def rebuild_days(
    store: Store, days: Iterable[date], today: date | None = None, done: Callable[[date], None] = lambda day: None
) -> None:
    """Makes days anew; of the grains those that are kept on the day ``today``, or all. Others' batches wait, but have
    their turn now and then: they would not wait for ever (`reporting.turns`). Raises StoreError.
    """
    left = sorted(days, reverse=True)
    while left:
        with store.alone():
            until = time.monotonic() + _ALONE_S
            while True:
                day = left.pop()
                rebuild(store, day, [grain for grain in GRAINS if today is None or day >= first_kept(grain, today)])
                done(day)
                if not left or time.monotonic() >= until:
                    break


def _replace(store: Store, grain: str, day: date) -> None:
    table, local = ROLLUPS[grain], store.dialect.local(ROLLUPS[grain].name)
    of_day = f" AND day = toDate('{day.isoformat()}')"
    there, dropped = _told(store, day)
    spare = f"{table.name}{_SPARE}{secrets.token_hex(6)}"
    store.command(store.dialect.create(table, spare))
    try:
        for facts in there:
            columns, selected = _columns(facts.sums), _selected(store.dialect, facts, grain, tuple(facts.sums), of_day)
            store.command(f"INSERT INTO {spare} ({columns}) {selected} SETTINGS max_execution_time = 0")
        if dropped:
            told = " OR ".join(f"{name} != 0" for name in dropped)
            columns = _columns(dropped)
            store.command(f"INSERT INTO {spare} ({columns}) SELECT {columns} FROM {local} WHERE ({told}){of_day}")
        if int(store.query(f"SELECT count() FROM {spare}")[0][0]):
            store.command(f"ALTER TABLE {local} REPLACE PARTITION '{day.isoformat()}' FROM {spare}")
        else:  # current engines refuse to put an empty partition into another's place
            store.command(store.dialect.drop_partition(table.name, day))
    finally:
        store.command(store.dialect.drop(spare))


def _columns(figures: Iterable[str]) -> str:
    return ", ".join(("day", "time", *_KEY, *figures))


def _told(store: Store, day: date) -> tuple[list[Facts], list[str]]:
    """(facts that there are of a day, figures that come of none of them)."""
    tables = {table for table, of_day in fact_days(store) if of_day == day}
    there = [facts for facts in SOURCES if facts.table in tables]
    return there, [name for name in FIGURES if not any(name in facts.sums for facts in there)]


def differences(store: Store, day: date, grain: str = "day") -> dict[str, tuple[int, int]]:
    """Figure -> (by the facts, by the rollup), of those of one day that differ: none, if all is well. What comes of
    facts of which there are none that day, because they were dropped or never were, is not compared.
    """
    of_day = f"day = toDate('{day.isoformat()}')"
    there, dropped = _told(store, day)
    expected = {name: 0 for name in FIGURES if name not in dropped}
    for facts in there:
        sums = ", ".join(f"toInt64({sum_}) AS n_{name}" for name, sum_ in facts.sums.items())
        table = store.dialect.local(facts.table)
        for row in store.query(f"SELECT {sums} FROM {table} WHERE {facts.where} AND {of_day}"):
            for name, value in zip(facts.sums, row, strict=True):
                expected[name] += int(value)
    sums = ", ".join(f"sum({name})" for name in FIGURES)
    table = store.dialect.local(ROLLUPS[grain].name)
    rows = store.query(f"SELECT {sums} FROM {table} WHERE {of_day}") or [[0] * len(FIGURES)]
    found = dict(zip(FIGURES, map(int, rows[0]), strict=True))
    return {name: (n, found[name]) for name, n in expected.items() if n != found[name]}


def mend(store: Store) -> list[date]:
    """Makes days of the rollups anew that are not the sums of their facts, of those that were written within the last
    day of work; returns them. For whoever begins with a store: a server (18.16) that is killed soon after `rebuild` has
    the replaced parts again when it starts, beside the new ones. No batch may be on its way: `Store.settle`.
    """
    tables = ", ".join(literal(store.dialect.local(table.name)) for table in ROLLUPS.values())
    parts = f"FROM system.parts WHERE active AND database = currentDatabase() AND table IN ({tables})"
    newest = f"(SELECT max(modification_time) {parts})"
    found = store.query(f"SELECT DISTINCT partition {parts} AND modification_time > {newest} - {_LATELY_S}")
    wrong = [
        day for day in sorted(date.fromisoformat(str(partition)) for (partition,) in found) if _differs(store, day)
    ]
    if wrong:
        store.settle()
        with store.alone():
            for day in wrong:
                rebuild(store, day, _grains(store, day))
    return wrong


def _differs(store: Store, day: date) -> bool:
    return any(differences(store, day, grain) for grain in _grains(store, day))


def _grains(store: Store, day: date) -> list[str]:
    """Those that still have the day."""
    tables = {store.dialect.local(table.name): grain for grain, table in ROLLUPS.items()}
    rows = store.query(
        "SELECT DISTINCT table FROM system.parts WHERE active AND database = currentDatabase()"
        f" AND partition = %(day)s AND table IN ({', '.join(map(literal, tables))})",
        {"day": day.isoformat()},
    )
    return [tables[str(table)] for (table,) in rows]


def first_kept(grain: str, today: date) -> date:
    """The oldest day that there is of a rollup on the day ``today``."""
    return today - timedelta(days=KEPT_DAYS[grain]) if grain in KEPT_DAYS else date.min


def fill(store: Store, today: date) -> None:
    """Makes all that is kept of the rollups anew: of a store that had facts before it had rollups."""
    rebuild_days(store, {day for _, day in fact_days(store)}, today)


def fact_days(store: Store) -> list[tuple[str, date]]:
    """(table, day) of which there are facts that rollups are made of; in a cluster, in this shard."""
    names = {store.dialect.local(facts.table): facts.table for facts in SOURCES}
    found = store.query(
        "SELECT DISTINCT table, partition FROM system.parts WHERE active AND database = currentDatabase()"
        f" AND table IN ({', '.join(map(literal, sorted(names)))}) ORDER BY table, partition"
    )
    return [(names[str(table)], date.fromisoformat(str(partition))) for table, partition in found]


def drop_spares(store: Store, age_s: int = 86_400) -> None:
    """Removes what a `rebuild` that was killed left, when it is so old."""
    left = store.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND position(name, %(spare)s) > 0"
        " AND metadata_modification_time <= now() - %(age)s",
        {"spare": _SPARE, "age": age_s},
    )
    for (name,) in left:
        store.command(store.dialect.drop(str(name)))
