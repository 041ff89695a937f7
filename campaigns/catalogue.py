"""Everything that marketers have defined, as it is stored: read whole, written back by difference."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, insert, select, update

from campaigns import tables
from domain.campaign import Advertiser, Agency, Audience, BlockList, Campaign, Deal, Fee, LineItem, Rate
from domain.creative import Creative
from domain.exchange import Exchange
from domain.garbage import uncollected
from pacing.tables import rates as rate_table

KINDS: Mapping[str, tuple[Table, type[msgspec.Struct]]] = {
    "exchanges": (tables.exchanges, Exchange),
    "agencies": (tables.agencies, Agency),
    "fees": (tables.fees, Fee),
    "advertisers": (tables.advertisers, Advertiser),
    "audiences": (tables.audiences, Audience),
    "creatives": (tables.creatives, Creative),
    "deals": (tables.deals, Deal),
    "campaigns": (tables.campaigns, Campaign),
    "line_items": (tables.line_items, LineItem),
    "block_lists": (tables.block_lists, BlockList),
}
"""In an order in which each refers to earlier ones only."""

_LINKS = {"creatives": tables.line_item_creatives, "deals": tables.line_item_deals}
_NOT_STORED = (*_LINKS, "terms", "reaches")
"""Of a line item: kept in other tables, or worked out when it is published."""


@dataclass
class Catalogue:
    """What is defined, by key. Hours of the week are in the advertiser's time zone here; a snapshot has them in UTC."""

    version: int = 0
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    rates: list[Rate] = field(default_factory=list)
    agencies: dict[str, Agency] = field(default_factory=dict)
    fees: dict[str, Fee] = field(default_factory=dict)
    advertisers: dict[str, Advertiser] = field(default_factory=dict)
    audiences: dict[str, Audience] = field(default_factory=dict)
    creatives: dict[str, Creative] = field(default_factory=dict)
    deals: dict[str, Deal] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    line_items: dict[str, LineItem] = field(default_factory=dict)
    block_lists: dict[str, BlockList] = field(default_factory=dict)

    def copy(self) -> "Catalogue":
        """Another catalogue of the same things, to be changed."""
        kinds: dict[str, Any] = {kind: dict(getattr(self, kind)) for kind in KINDS}
        return Catalogue(version=self.version, rates=list(self.rates), **kinds)


def version(conn: Connection) -> int:
    """Of the stored catalogue; it rises with every change."""
    return int(conn.execute(select(tables.revision.c.version)).scalar_one())


def load(conn: Connection) -> Catalogue:
    """The stored catalogue."""
    with uncollected():
        return _load(conn)


def _load(conn: Connection) -> Catalogue:
    links: dict[str, dict[int, list[int]]] = {}
    for name, table in _LINKS.items():
        of = links[name] = {}
        owner, linked = table.c
        for line_item, other in conn.execute(select(owner, linked).order_by(owner, linked)):
            of.setdefault(line_item, []).append(other)
    catalogue = Catalogue(version(conn))
    catalogue.rates += load_rates(conn)
    for kind, (table, struct) in KINDS.items():
        things = getattr(catalogue, kind)
        for values in _rows(conn, table):
            key = values.pop("key") if struct is Deal else values["key"]
            if struct is LineItem:
                values |= {name: of.get(values["id"], ()) for name, of in links.items()}
            things[key] = msgspec.convert(values, struct)
    return catalogue


def load_rates(conn: Connection) -> list[Rate]:
    """Every exchange rate of any day, in the order in which they were stored."""
    return [msgspec.convert(row, Rate) for row in _rows(conn, rate_table)]


def _rows(conn: Connection, table: Table) -> Iterator[dict[str, Any]]:
    for row in conn.execute(select(table).order_by(table.c.id)).mappings():
        yield {str(name): value for name, value in row.items()}  # names are a subclass of str, which msgspec refuses


@dataclass(frozen=True)
class Counts:
    """Of one kind: how many an import added, changed, and found as they were."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0


def save(conn: Connection, known: Catalogue, new: Catalogue) -> dict[str, Counts]:
    """Writes what ``new`` has beyond ``known``, or otherwise than it. Both are of the stored version."""
    counts = {"rates": _save_rates(conn, known, new)}
    for kind, (table, _) in KINDS.items():
        before, after = getattr(known, kind), getattr(new, kind)
        added = {key: thing for key, thing in after.items() if key not in before}
        changed = {key: thing for key, thing in after.items() if key in before and thing != before[key]}
        if added:
            conn.execute(insert(table), [_row(key, thing) for key, thing in added.items()])
        for key, thing in changed.items():
            conn.execute(update(table).where(table.c.id == thing.id).values(_row(key, thing)))
        if kind == "line_items":
            _save_links(conn, [*added.values(), *changed.values()])
        counts[kind] = Counts(len(added), len(changed), len(after) - len(added) - len(changed))
    return counts


def _save_rates(conn: Connection, known: Catalogue, new: Catalogue) -> Counts:
    added = new.rates[len(known.rates) :]
    if added:
        conn.execute(insert(rate_table), [msgspec.to_builtins(rate) for rate in added])
    return Counts(added=len(added), unchanged=len(known.rates))


def _row(key: str, thing: msgspec.Struct) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(thing) | {"key": key}
    for name in _NOT_STORED if isinstance(thing, LineItem) else ():
        del row[name]
    return row


def _save_links(conn: Connection, items: list[LineItem]) -> None:
    for name, table in _LINKS.items():
        owner, linked = table.c
        rows = [{owner.name: item.id, linked.name: other} for item in items for other in getattr(item, name)]
        for item in items:
            conn.execute(delete(table).where(owner == item.id))
        if rows:
            conn.execute(insert(table), rows)
