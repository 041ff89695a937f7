"""The numbered steps of the analytics store's schema, up and down."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from reporting import rollups
from reporting.schema import (
    ATTRIBUTIONS,
    BATCHES,
    BIDS,
    BILLINGS,
    CLICKS,
    CONVERSIONS,
    EVENTS,
    FACTS,
    IMPRESSIONS,
    LOSSES,
    NAMES,
    SETTLEMENTS,
    VISITS,
    WINS,
    Dialect,
    Table,
    View,
)
from reporting.store import Store
from reporting.tallies import TALLIES

Has = Callable[[str, str], bool]
"""Whether a table has a column."""


@dataclass(frozen=True)
class Migration:
    """One step of the schema; it goes up in order, and comes down in reverse. A table that is created has all of
    today's columns: ``adds`` (table, column) are for stores that had the table before.
    """

    number: int
    title: str
    creates: tuple[Table, ...] = ()
    adds: tuple[tuple[Table, str], ...] = ()
    tunes: tuple[Table, ...] = ()
    """Tables that get today's settings; going down leaves them."""
    views: Callable[[Dialect], list[View]] = lambda dialect: []
    """Views that are made anew, as they are today."""
    fill: Callable[[Store, date], None] | None = None
    """Called last, with today's day: puts into what is new what the store knows already."""

    def up(self, dialect: Dialect, has: Has = lambda table, column: False) -> list[str]:
        """What is still to be done in a store that ``has`` these columns."""
        views = self.views(dialect)
        added = [dialect.adds(table, column) for table, column in self.adds if not has(table.name, column)]
        steps = [
            *map(dialect.creates, self.creates),
            *added,
            *map(dialect.set, self.tunes),
            *(dialect.drops(view.name) for view in views if has(view.name, "day")),
            map(dialect.create_view, views),
        ]
        return [statement for step in steps for statement in step]

    def down(self, dialect: Dialect, has: Has = lambda table, column: True) -> list[str]:
        dropped = [dialect.drops_column(table, column) for table, column in self.adds if has(table.name, column)]
        steps = [
            *(dialect.drops(view.name) for view in reversed(self.views(dialect))),
            *(dialect.drops(table.name) for table in reversed(self.creates)),
            *reversed(dropped),
        ]
        return [statement for step in steps for statement in step]


MIGRATIONS = (
    Migration(1, "facts, names and batches", (*FACTS, NAMES, BATCHES)),
    Migration(
        2,
        "fees and corrections of settlements, fee terms of notices",
        adds=(
            (SETTLEMENTS, "fees"),
            (SETTLEMENTS, "number"),
            *((t, "terms") for t in (WINS, BILLINGS, LOSSES, IMPRESSIONS, CLICKS)),
        ),
    ),
    Migration(3, "events of playing and viewing", (EVENTS,)),
    Migration(
        4,
        "what notices tell besides price and currency",
        adds=tuple(
            (table, column)
            for table in (WINS, BILLINGS, LOSSES, IMPRESSIONS, CLICKS)
            for column in ("multiplier", "imp_ms", "mbr", "discount_share", "discount")
        ),
    ),
    Migration(5, "formats of creatives", adds=((NAMES, "format"),)),
    Migration(
        6,
        "devices and households whose impressions are counted",
        adds=tuple(
            (table, column)
            for table in (WINS, BILLINGS, LOSSES, IMPRESSIONS, CLICKS, EVENTS)
            for column in ("device", "household")
        ),
    ),
    Migration(7, "visits of advertisers' pages", (VISITS,)),
    Migration(
        8,
        "country, device, system, place and format of all facts; when conversions happened",
        adds=(
            *((t, "context") for t in (BIDS, WINS, BILLINGS, LOSSES, IMPRESSIONS, CLICKS, EVENTS, SETTLEMENTS)),
            *((CONVERSIONS, name) for name in ("context", "happened_ns")),
        ),
    ),
    Migration(9, "attributions of conversions", (ATTRIBUTIONS,)),
    Migration(
        10,
        "delivery by minute, hour and day",
        tuple(rollups.ROLLUPS.values()),
        tunes=(*FACTS, BATCHES),
        views=rollups.views,
        fill=rollups.fill,
    ),
    Migration(11, "counts of the event logs", (TALLIES,)),
    Migration(12, "what belongs to whom, and sizes of creatives", adds=((NAMES, "parent"), (NAMES, "size"))),
    Migration(
        13,
        "what models were given and said, and what impressions were thought to be worth",
        adds=tuple(
            (BIDS, column)
            for column in (
                *("features", "model", "ctr", "cvr", "shadow_model", "shadow_ctr", "explored", "value", "full_price"),
            )
        ),
    ),
    Migration(
        14,
        "what was known of people's risk and credit when bids were made",
        adds=tuple((BIDS, column) for column in ("facts", "fraud", "device_risk", "credit_score", "pd", "p_approved")),
    ),
)


def tables() -> tuple[Table, ...]:
    """All that there are when all steps were taken, but for the one that says so."""
    return tuple({table.name: table for step in MIGRATIONS for table in step.creates}.values())


def views(dialect: Dialect) -> list[View]:
    return list({view.name: view for step in MIGRATIONS for view in step.views(dialect)}.values())
