"""Rows of the dictionary table: what the integer ids of events stand for, today."""

from collections.abc import Iterable
from typing import Any

from domain.campaign import Snapshot
from reporting.schema import NAMES
from reporting.store import Store

NameRow = tuple[str, int, str, str, str, str, int, str]
"""dimension, id, key, name, currency, format, parent, size"""
COLUMNS = ("dimension", "id", "key", "name", "currency", "format", "parent", "size")

TODAY = {
    **{column: f"argMax({column}, version)" for column in ("key", "name", "currency")},
    # these never change; rows from before the table had the columns have the same version and nothing in them
    **{column: f"max({column})" for column in ("format", "size")},
    "parent": "argMax(parent, version * 2 + (parent != 0))",
}
"""SQL of what a column says today, of all rows that an id has."""


def of_snapshot(snapshot: Snapshot) -> list[NameRow]:
    rows: list[NameRow] = []
    rows += [("exchange", item.id, item.key, item.key, item.currency, "", 0, "") for item in snapshot.exchanges]
    rows += [("agency", item.id, item.key, item.name, item.currency, "", 0, "") for item in snapshot.agencies]
    rows += [
        ("advertiser", item.id, item.key, item.name, item.currency, "", item.agency, "")
        for item in snapshot.advertisers
    ]
    rows += [("campaign", item.id, item.key, item.name, "", "", item.advertiser, "") for item in snapshot.campaigns]
    rows += [("line_item", item.id, item.key, item.name, "", "", item.campaign, "") for item in snapshot.line_items]
    rows += [
        ("creative", item.id, item.key, item.key, "", item.format, item.advertiser, _size(item.width, item.height))
        for item in snapshot.creatives
    ]
    rows += [("deal", item.id, item.code, item.code, "", "", item.advertiser, "") for item in snapshot.deals]
    return rows


def _size(width: int, height: int) -> str:
    return f"{width}x{height}" if width and height else ""


def of_sites(sites: Iterable[tuple[int, str]]) -> list[NameRow]:
    return [("site", id_, name, name, "", "", 0, "") for id_, name in sites]


class Dictionary:
    """Writes rows that the store may not have yet. Sending one twice is harmless, so what is known is only remembered
    here.
    """

    REMEMBERED = 1_000_000

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[str, str, str, str, int, str]] = {}

    def write(self, store: Store, rows: list[NameRow], version: int) -> int:
        """Inserts what is new or changed, as of ``version`` (the highest wins); returns how many rows."""
        fresh = [row for row in rows if self._known.get(row[:2]) != row[2:]]
        if fresh:
            columns: dict[str, list[Any]] = dict(zip(COLUMNS, map(list, zip(*fresh, strict=True)), strict=True))
            store.insert(NAMES, {**columns, "version": [version] * len(fresh)})
            if len(self._known) > self.REMEMBERED:
                self._known.clear()
            self._known.update((row[:2], row[2:]) for row in fresh)
        return len(fresh)
