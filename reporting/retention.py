"""How long the analytics store keeps what: days that are too old are dropped whole, a partition each.

The rollups outlive the facts. What of them is dropped when stands in `reporting.rollups`.
"""

import logging
from collections.abc import Mapping
from datetime import date, timedelta

from reporting.config import KeepDays
from reporting.rollups import KEPT_DAYS, ROLLUPS, drop_spares
from reporting.schema import FACTS
from reporting.store import Store

log = logging.getLogger(__name__)

_AHEAD = timedelta(days=2)
"""A clock that is further ahead of the newest fact is not believed."""


def kept(keep: KeepDays) -> dict[str, int]:
    """Table -> how many days before today are kept; what is not named, or has 0, is kept for ever."""
    apart = {"bids": keep.bids, "no_bids": keep.bids, "losses": keep.bids, "events": keep.events, "visits": keep.events}
    facts = {table.name: apart.get(table.name, keep.money) for table in FACTS}
    return facts | {ROLLUPS[grain].name: days for grain, days in KEPT_DAYS.items()}


def sweep(store: Store, today: date, keep: KeepDays) -> list[tuple[str, date]]:
    """Drops what is too old on the day ``today``; returns it, as (table, day). Nothing goes while no facts come: whose
    clock has gone wrong loses nothing. Raises StoreError.
    """
    partitions = _partitions(store)
    newest = max((day for table in FACTS for day in partitions.get(store.dialect.local(table.name), [])), default=None)
    dropped: list[tuple[str, date]] = []
    if newest is not None:
        today = min(today, newest + _AHEAD)
        for table, days in kept(keep).items():
            first = today - timedelta(days=days)
            for day in partitions.get(store.dialect.local(table), []):
                if days and day < first:
                    store.command(store.dialect.drop_partition(table, day))
                    dropped.append((table, day))
    drop_spares(store)
    if dropped:
        log.info("dropped what is too old: %s", ", ".join(f"{table} of {day}" for table, day in dropped))
    return dropped


def _partitions(store: Store) -> Mapping[str, list[date]]:
    found: dict[str, list[date]] = {}
    for table, partition in store.query(
        "SELECT DISTINCT table, partition FROM system.parts WHERE active AND database = currentDatabase()"
        " AND partition LIKE '____-__-__' ORDER BY table, partition"
    ):
        found.setdefault(str(table), []).append(date.fromisoformat(str(partition)))
    return found
