"""The analytics store's schema: one source, rendered for each engine by its `Dialect`.

Every fact table is partitioned by day, and a row carries the ``batch`` that brought it (see `reporting.shipper`).
Names of columns are those of the events in `domain.events` and `pacing.protocol.Settlement`; docs/events.md says what
they mean. Dimensions are integer ids; ``names`` says what they stand for. ``word`` is a text of few different values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["word", "String", "UInt8", "UInt32", "UInt64", "Int64"]


@dataclass(frozen=True)
class Table:
    """``columns`` are inserted; a fact table (``clock`` names its nanosecond column) derives ``time`` and ``day`` from
    it.
    """

    name: str
    columns: dict[str, Kind]
    order: tuple[str, ...]
    clock: str = ""
    newest: str = ""
    """Of rows with the same order key only the one with the highest value here is meant (sooner or later also kept)."""


@dataclass(frozen=True)
class Dialect:
    """What differs between engines."""

    word: str
    """Type of a text of few different values."""
    fact_settings: str
    """End of a fact table's definition."""

    now: str = ""
    """End of a statement that drops a table, so that its data is gone from the disk when it returns."""

    def drop(self, name: str) -> str:
        return f"DROP TABLE IF EXISTS {name}{self.now}"

    def add(self, table: Table, column: str) -> str:
        """Rows that are there get 0, or the empty text."""
        kind = table.columns[column]
        return f"ALTER TABLE {table.name} ADD COLUMN `{column}` {self.word if kind == 'word' else kind}"

    def create(self, table: Table) -> str:
        lines = [f"`{name}` {self.word if kind == 'word' else kind}" for name, kind in table.columns.items()]
        engine, tail = f"ReplacingMergeTree({table.newest})" if table.newest else "MergeTree", ""
        if table.clock:
            seconds = f"toDateTime(intDiv({table.clock}, 1000000000), 'UTC')"
            lines.append(f"time DateTime('UTC') MATERIALIZED {seconds}")
            lines.append(f"day Date MATERIALIZED toDate({seconds}, 'UTC')")
            tail = " PARTITION BY day"
        columns = ",\n    ".join(lines)
        order = ", ".join(f"`{name}`" for name in table.order)
        settings = f" {self.fact_settings}" if table.clock and self.fact_settings else ""
        body = f"CREATE TABLE IF NOT EXISTS {table.name} (\n    {columns}\n)"
        return f"{body} ENGINE = {engine}{tail} ORDER BY ({order}){settings}"


CURRENT = Dialect(
    word="LowCardinality(String)",
    fact_settings="SETTINGS fsync_after_insert = 1, fsync_part_directory = 1",  # what was shipped survives a power cut
    now=" SYNC",
)
V18 = Dialect(word="String", fact_settings="")
"""ClickHouse 18.16.1 as in Debian 12."""

_PLACE: dict[str, Kind] = {
    "exchange": "UInt32",
    "advertiser": "UInt32",
    "campaign": "UInt32",
    "line_item": "UInt32",
    "creative": "UInt32",
    "deal": "UInt32",
    "site": "UInt64",
}
_BATCH: dict[str, Kind] = {"batch": "UInt64"}
_NOTICE: dict[str, Kind] = {
    "received_ns": "UInt64",
    "marks": "UInt32",
    "bid": "UInt64",
    "imp": "UInt32",
    "bid_ns": "UInt64",
    **_PLACE,
    "person": "UInt64",
    "lease": "UInt64",
    "rate": "UInt32",
    "max_price": "Int64",
    "basis": "UInt8",
    "price": "Int64",
    "loss_reason": "Int64",
    "min_to_win": "Int64",
    "terms": "UInt32",
    "multiplier": "Int64",
    "imp_ms": "UInt64",
    "mbr": "Int64",
    "discount_share": "Int64",
    "discount": "Int64",
    "device": "UInt32",
    "household": "UInt32",
    **_BATCH,
}

BIDS = Table(
    "bids",
    {
        "time_ns": "UInt64",
        "bid": "UInt64",
        "imp": "UInt32",
        "auction": "String",
        **_PLACE,
        "person": "UInt64",
        "price": "Int64",
        "floor": "Int64",
        "currency": "word",
        "width": "Int64",
        "height": "Int64",
        "country": "word",
        "device_type": "Int64",
        "test": "UInt8",
        **_BATCH,
    },
    ("advertiser", "campaign", "line_item", "time_ns"),
    "time_ns",
)
NO_BIDS = Table(
    "no_bids",
    {
        "time_ns": "UInt64",
        "auction": "String",
        "exchange": "UInt32",
        "reason": "Int64",
        "stage": "word",
        "weight": "UInt32",
        "site": "UInt64",
        "country": "word",
        **_BATCH,
    },
    ("exchange", "reason", "time_ns"),
    "time_ns",
)


def _notices(name: str) -> Table:
    return Table(name, _NOTICE, ("advertiser", "campaign", "line_item", "received_ns"), "received_ns")


WINS, BILLINGS, LOSSES = _notices("wins"), _notices("billings"), _notices("losses")
IMPRESSIONS, CLICKS = _notices("impressions"), _notices("clicks")
EVENTS = Table(
    "events",
    {**_NOTICE, "event": "UInt8", "error": "UInt32"},
    ("advertiser", "campaign", "line_item", "received_ns"),
    "received_ns",
)
"""How ads play and whether they are in view."""
CONVERSIONS = Table(
    "conversions",
    {
        "received_ns": "UInt64",
        "marks": "UInt32",
        "advertiser": "UInt32",
        "event": "word",
        "order": "String",
        "value": "Int64",
        "currency": "word",
        "source": "word",
        "bid": "UInt64",
        "click_ns": "UInt64",
        **{name: kind for name, kind in _PLACE.items() if name != "advertiser"},
        "person": "UInt64",
        "happened_ns": "UInt64",
        **_BATCH,
    },
    ("advertiser", "campaign", "line_item", "received_ns"),
    "received_ns",
)
VISITS = Table(
    "visits",
    {
        "received_ns": "UInt64",
        "marks": "UInt32",
        "advertiser": "UInt32",
        "page": "String",
        "url": "String",
        "bid": "UInt64",
        "person": "UInt64",
        **_BATCH,
    },
    ("advertiser", "page", "received_ns"),
    "received_ns",
)
SETTLEMENTS = Table(
    "settlements",
    {
        "id": "UInt64",
        "received_ns": "UInt64",
        "bid": "UInt64",
        **_PLACE,
        "price": "Int64",
        "currency": "word",
        "account_price": "Int64",
        "account_currency": "word",
        "estimated": "UInt8",
        "marks": "UInt32",
        "fees": "Int64",
        "number": "UInt32",
        **_BATCH,
    },
    ("advertiser", "campaign", "line_item", "received_ns"),
    "received_ns",
)
FACTS = (BIDS, NO_BIDS, WINS, BILLINGS, LOSSES, IMPRESSIONS, CLICKS, EVENTS, CONVERSIONS, VISITS, SETTLEMENTS)

NAMES = Table(
    "names",
    {
        "dimension": "word",
        "id": "UInt64",
        "key": "String",
        "name": "String",
        "currency": "String",
        "format": "word",
        "version": "UInt64",
    },
    ("dimension", "id"),
    newest="version",
)
"""What ids stand for: the row with the highest ``version`` is today's name. ``currency``: of advertisers and
exchanges; ``format``: of creatives.
"""

BATCHES = Table("batches", {"log": "String", "start": "UInt64", "end": "UInt64"}, ("log",), newest="end")
"""The newest batch of each log that was begun: everything before its ``start`` is in the store."""

APPLIED = Table("migrations", {"number": "UInt32", "title": "String"}, ("number",))


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

    def up(self, dialect: Dialect, has: Has = lambda table, column: False) -> list[str]:
        """What is still to be done in a store that ``has`` these columns."""
        created = [dialect.create(table) for table in self.creates]
        return created + [dialect.add(table, column) for table, column in self.adds if not has(table.name, column)]

    def down(self, has: Has = lambda table, column: True) -> list[str]:
        dropped = [f"ALTER TABLE {t.name} DROP COLUMN `{column}`" for t, column in self.adds if has(t.name, column)]
        return [f"DROP TABLE IF EXISTS {table.name}" for table in reversed(self.creates)] + dropped[::-1]


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
    Migration(8, "when conversions happened", adds=((CONVERSIONS, "happened_ns"),)),
)
