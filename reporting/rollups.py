"""Rollups: what counted of a minute, an hour and a day, by advertiser, campaign, line item, creative and exchange.

Views fill them as facts arrive. A row of a rollup is a part of a sum: rows with the same key are added up by whoever
reads them, and by the engine in its own time. `rebuild` makes a day of them anew out of the facts.
"""

import secrets
import time
from collections.abc import Iterable
from datetime import date, timedelta

from reporting.counting import FIGURES, SOURCES, Facts
from reporting.schema import Dialect, Kind, Table, View
from reporting.store import Store, StoreError

GRAINS = {"minute": "toStartOfMinute(time)", "hour": "toStartOfHour(time)", "day": "toDateTime(day, 'UTC')"}
"""How long a row's time is, and when it starts. All are UTC."""
KEPT_DAYS = {"minute": 1, "hour": 90}
"""How many days before today are kept; what is not named is for ever."""
_SPARE = "_rebuilt_"
_TRIES = 5
_SETTLES_S, _LOOK_S = 2.0, 0.1
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
    """All there are. Where the engine lets views follow each other, hours are made of minutes and days of hours: three
    times fewer rows are looked at.
    """
    finest, *coarser = GRAINS
    made = [_view(facts, grain) for grain in ([finest] if dialect.chains else GRAINS) for facts in SOURCES]
    if dialect.chains:
        for below, grain in zip(GRAINS, coarser, strict=False):
            made.append(View(f"{ROLLUPS[grain].name}_sums", ROLLUPS[grain].name, _coarser(below, grain)))
    return made


def _view(facts: Facts, grain: str) -> View:
    into = ROLLUPS[grain].name
    return View("_".join(filter(None, (into, "of", facts.table, facts.part))), into, _selected(facts, grain))


def _selected(facts: Facts, grain: str, where: str = "") -> str:
    """A table's part of a rollup: all columns in their order (18.16 goes by that), 0 for what it tells nothing of."""
    sums = (f"toInt64({facts.sums.get(name, '0')}) AS {name}" for name in FIGURES)
    keys = ", ".join(name for name in _KEY if name != "currency")
    return (
        f"SELECT day, {GRAINS[grain]} AS time, {keys}, {facts.currency} AS currency, {', '.join(sums)}"
        f" FROM {facts.table} WHERE {facts.where}{where} GROUP BY day, time, {keys}, currency"
    )


def _coarser(below: str, grain: str) -> str:
    sums, keys = ", ".join(f"sum({name}) AS {name}" for name in FIGURES), ", ".join(_KEY)
    return f"SELECT day, {GRAINS[grain]} AS time, {keys}, {sums} FROM {ROLLUPS[below].name} GROUP BY day, time, {keys}"


def rebuild(store: Store, day: date, grains: Iterable[str] = tuple(GRAINS)) -> None:
    """Makes a day of the rollups anew out of the facts, each of them at once: whoever reads meanwhile sees the old day
    or the new one. Nothing of this deployment may be on its way into the store (`Store.settle`). Where others ship into
    it too, what comes in meanwhile is noticed, and it is done again. Raises StoreError.
    """
    for grain in grains:
        for _ in range(_TRIES):
            _replace(store, grain, day)
            if _agrees(store, day, grain):
                break
        else:
            raise StoreError(f"{ROLLUPS[grain].name} of {day} does not come to agree with the facts: try again later")


def _replace(store: Store, grain: str, day: date) -> None:
    table, of_day = ROLLUPS[grain], f" AND day = toDate('{day.isoformat()}')"
    spare = f"{table.name}{_SPARE}{secrets.token_hex(6)}"  # two reporters may rebuild one day at a time
    store.command(store.dialect.create(table, spare))
    try:
        for facts in SOURCES:
            store.command(f"INSERT INTO {spare} {_selected(facts, grain, of_day)} SETTINGS max_execution_time = 0")
        if int(store.query(f"SELECT count() FROM {spare}")[0][0]):
            store.command(f"ALTER TABLE {table.name} REPLACE PARTITION '{day.isoformat()}' FROM {spare}")
        else:  # current engines refuse to put an empty partition into another's place
            store.command(f"ALTER TABLE {table.name} DROP PARTITION '{day.isoformat()}'")
    finally:
        store.command(store.dialect.drop(spare))


def _agrees(store: Store, day: date, grain: str) -> bool:
    """A block of another reporter is in the facts a moment before it is in the rollups: so it is looked at again."""
    until = time.monotonic() + _SETTLES_S
    while differences(store, day, grain):
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_S)
    return True


def differences(store: Store, day: date, grain: str = "day") -> dict[str, tuple[int, int]]:
    """Figure -> (by the facts, by the rollup), of those of one day that differ: none, if all is well."""
    of_day = f"day = toDate('{day.isoformat()}')"
    expected = dict.fromkeys(FIGURES, 0)
    for facts in SOURCES:
        sums = ", ".join(f"toInt64({sum_}) AS n_{name}" for name, sum_ in facts.sums.items())
        for row in store.query(f"SELECT {sums} FROM {facts.table} WHERE {facts.where} AND {of_day}"):
            for name, value in zip(facts.sums, row, strict=True):
                expected[name] += int(value)
    sums = ", ".join(f"sum({name})" for name in FIGURES)
    rows = store.query(f"SELECT {sums} FROM {ROLLUPS[grain].name} WHERE {of_day}") or [[0] * len(FIGURES)]
    found = dict(zip(FIGURES, map(int, rows[0]), strict=True))
    return {name: (expected[name], found[name]) for name in FIGURES if expected[name] != found[name]}


def fill(store: Store, today: date) -> None:
    """Makes all that is kept of the rollups anew: of a store that had facts before it had rollups."""
    for day in days(store):
        rebuild(store, day, [grain for grain in GRAINS if day >= today - timedelta(days=KEPT_DAYS.get(grain, 1 << 16))])


def days(store: Store) -> list[date]:
    """Of which there are facts that rollups are made of, oldest first."""
    of = ", ".join(f"'{name}'" for name in sorted({facts.table for facts in SOURCES}))
    found = store.query(
        "SELECT DISTINCT partition FROM system.parts WHERE active AND database = currentDatabase()"
        f" AND table IN ({of}) ORDER BY partition"
    )
    return [date.fromisoformat(str(row[0])) for row in found]
