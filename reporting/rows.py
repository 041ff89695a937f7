"""Events -> blocks of columns: one block for each table and day, in an order that depends on the events alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from domain.events import Bid, Conversion, Kind, Name, NoBid, Notice, Visit
from pacing.protocol import Settlement
from reporting import schema
from reporting.schema import Table

DAY_NS = 86_400_000_000_000

_TABLE: dict[type[Struct], Table] = {
    Bid: schema.BIDS,
    NoBid: schema.NO_BIDS,
    Conversion: schema.CONVERSIONS,
    Visit: schema.VISITS,
    Settlement: schema.SETTLEMENTS,
}
_NOTICE_TABLE: dict[int, Table] = {
    Kind.WIN: schema.WINS,
    Kind.BILLING: schema.BILLINGS,
    Kind.LOSS: schema.LOSSES,
    Kind.IMPRESSION: schema.IMPRESSIONS,
    Kind.CLICK: schema.CLICKS,
    Kind.EVENT: schema.EVENTS,
}
_RANGE = {"Int8": (-128, 127), "UInt8": (0, (1 << 8) - 1), "UInt32": (0, (1 << 32) - 1), "UInt64": (0, (1 << 64) - 1),
          "Int64": (-(1 << 63), (1 << 63) - 1)}  # fmt: skip
_LAST_NS = 0xFFFF * DAY_NS
"""ClickHouse's Date ends there, in 2149; its DateTime in 2106."""


@dataclass(frozen=True)
class Block:
    table: Table
    day: int
    """Days since 1970: the partition."""
    columns: dict[str, Sequence[Any]]

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values())))


def blocks(events: Iterable[Struct]) -> tuple[list[Block], dict[int, str], int]:
    """(blocks, names of sites by id, how many events no column can hold)."""
    facts: dict[str, tuple[Table, list[Struct]]] = {table.name: (table, []) for table in schema.FACTS}
    sites: dict[int, str] = {}
    refused = 0
    for event in events:
        if isinstance(event, Name):
            sites[event.id] = event.name
            continue
        table = _NOTICE_TABLE.get(event.kind) if isinstance(event, Notice) else _TABLE[type(event)]
        if table is None:
            refused += 1
        else:
            facts[table.name][1].append(event)
    made: list[Block] = []
    for table, members in facts.values():
        if members:
            columns = _columns(members)
            unfit = _unfit(table, columns)
            if unfit:
                refused += len(unfit)
                members = [event for place, event in enumerate(members) if place not in unfit]
                columns = _columns(members)
            if members:
                made += _by_day(table, columns)
    return made, sites, refused


def _columns(members: list[Struct]) -> dict[str, Sequence[Any]]:
    if not members:
        return {}
    return dict(zip(members[0].__struct_fields__, zip(*map(astuple, members), strict=True), strict=True))


def _unfit(table: Table, columns: dict[str, Sequence[Any]]) -> set[int]:
    """Places of rows with a number that its column cannot hold: they come from outside, and one must not stop the
    rest.
    """
    unfit: set[int] = set()
    for name, kind in table.columns.items():
        if name in columns and kind in _RANGE:
            low, high = (0, _LAST_NS) if name == table.clock else _RANGE[kind]
            values = columns[name]
            if min(values) < low or max(values) > high:
                unfit.update(place for place, value in enumerate(values) if not low <= value <= high)
    return unfit


def _by_day(table: Table, columns: dict[str, Sequence[Any]]) -> list[Block]:
    wanted = {name: columns[name] for name in table.columns if name in columns}
    for name, kind in table.columns.items():
        if kind == "UInt8":
            wanted[name] = [int(value) for value in wanted[name]]
    times = wanted[table.clock]
    first, last = min(times) // DAY_NS, max(times) // DAY_NS
    if first == last:
        return [Block(table, first, wanted)]
    places: dict[int, list[int]] = {}
    for place, time_ns in enumerate(times):
        places.setdefault(time_ns // DAY_NS, []).append(place)
    return [
        Block(table, day, {name: [values[place] for place in chosen] for name, values in wanted.items()})
        for day, chosen in sorted(places.items())
    ]
