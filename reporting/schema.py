"""The analytics store's schema: one source, rendered for each engine by its `Dialect`.

Every fact table is partitioned by day, and a row carries the ``batch`` that brought it (see `reporting.shipper`).
Names of columns are those of the events in `domain.events` and `pacing.protocol.Settlement`; docs/events.md says what
they mean. Dimensions are integer ids; ``names`` says what they stand for. ``word`` is a text of few different values.
``Bytes`` are no text: queries that give rows ask for their ``hex``.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal["word", "String", "Int8", "UInt8", "UInt32", "UInt64", "Int64", "Float64", "Bytes", "Date", "DateTime"]


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
    sums: tuple[str, ...] = ()
    """Of rows with the same order key only the sums of these columns are meant (sooner or later also kept)."""
    partition: str = ""
    """Column by which it is kept apart on the disk; of a fact table always the day."""
    synced: bool = False
    """What is inserted is on the disk when the insert returns; always so where it is kept apart."""


@dataclass(frozen=True)
class View:
    """Puts the rows of ``select`` into the table ``into`` whenever a block arrives in the table it selects from."""

    name: str
    into: str
    select: str


@dataclass(frozen=True)
class Dialect:
    """What differs between engines."""

    word: str
    """Type of a text of few different values."""
    settings: dict[str, int]
    """Of the tables that batches go into, by views too; of others that are synced, those that see to it."""
    chains: bool
    """Whether what a view puts into a table goes on to the views of that, by the names of columns: else a view
    must have all of the table's, in their order.
    """
    now: str = ""
    """End of a statement that drops a table, so that its data is gone from the disk when it returns."""

    def local(self, name: str) -> str:
        """What a table is called where its data is: there batches go, and views look."""
        return name

    def parts(self, table: Table) -> str:
        """What the engine knows of a table's data without reading any: the end of a query for that."""
        return f"FROM system.parts WHERE active AND database = currentDatabase() AND table = '{table.name}'"

    def creates(self, table: Table) -> list[str]:
        return [self.create(table)]

    def drops(self, name: str) -> list[str]:
        return [self.drop(name)]

    def adds(self, table: Table, column: str) -> list[str]:
        """Rows that are there get 0, or the empty text."""
        return [f"ALTER TABLE {table.name} ADD COLUMN `{column}` {self.kind(table.columns[column])}"]

    def drops_column(self, table: Table, column: str) -> list[str]:
        return [f"ALTER TABLE {table.name} DROP COLUMN `{column}`"]

    def update(self, name: str, change: str) -> str:
        return f"ALTER TABLE {name} UPDATE {change}"

    def of_all_shards(self, name: str) -> str:
        return name

    def nodes(self) -> str:
        """The query for how many nodes a cluster has; empty: it is none."""
        return ""

    def drop(self, name: str) -> str:
        return f"DROP TABLE IF EXISTS {name}{self.now}"

    def drop_partition(self, name: str, day: date) -> str:
        return f"ALTER TABLE {name} DROP PARTITION '{day.isoformat()}'"

    def set(self, table: Table) -> list[str]:
        """Gives a table that is there today's settings."""
        settings = self._tuning(table)
        return [f"ALTER TABLE {table.name} MODIFY SETTING {settings}"] if settings else []

    def _tuning(self, table: Table) -> str:
        apart = bool(table.clock or table.partition)
        wanted = (
            f"{name} = {value}"
            for name, value in self.settings.items()
            if apart or (table.synced and name.startswith("fsync"))
        )
        return ", ".join(wanted)

    def create(self, table: Table, spare: str = "", engine: str = "") -> str:
        """``spare``: the name of a table like it, to make a partition of it apart. It takes the same block twice."""
        lines = [f"`{name}` {self.kind(kind)}" for name, kind in table.columns.items()]
        if table.clock:
            seconds = f"toDateTime(intDiv({table.clock}, 1000000000), 'UTC')"
            lines.append(f"time DateTime('UTC') MATERIALIZED {seconds}")
            lines.append(f"day Date MATERIALIZED toDate({seconds}, 'UTC')")
        columns = ",\n    ".join(lines)
        by = "day" if table.clock else table.partition
        partition = f" PARTITION BY {by}" if by else ""
        order = ", ".join(f"`{name}`" for name in table.order)
        settings = self._tuning(table) if engine or not spare else ""
        body = f"CREATE TABLE IF NOT EXISTS {spare or table.name} (\n    {columns}\n)"
        tail = f" SETTINGS {settings}" if settings else ""
        return f"{body} ENGINE = {engine or self.engine(table)}{partition} ORDER BY ({order}){tail}"

    def create_view(self, view: View) -> str:
        return f"CREATE MATERIALIZED VIEW IF NOT EXISTS {view.name} TO {view.into} AS {view.select}"

    def engine(self, table: Table) -> str:
        if table.sums:  # numbers that are not in the key are summed, those of columns that are added later too
            return "SummingMergeTree"
        return f"ReplacingMergeTree({table.newest})" if table.newest else "MergeTree"

    def kind(self, kind: Kind) -> str:
        return {"word": self.word, "Bytes": "String", "DateTime": "DateTime('UTC')"}.get(kind, kind)


CURRENT = Dialect(
    word="LowCardinality(String)",
    settings={
        "fsync_after_insert": 1,  # what was shipped survives a power cut
        "fsync_part_directory": 1,
        "non_replicated_deduplication_window": 10_000,  # a batch that is sent again is known by its token
    },
    chains=True,
    now=" SYNC",
)
V18 = Dialect(word="String", settings={}, chains=False)
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
    "context": "UInt32",
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
        "context": "UInt32",
        "features": "Bytes",
        "model": "UInt32",
        "ctr": "Float64",
        "cvr": "Float64",
        "shadow_model": "UInt32",
        "shadow_ctr": "Float64",
        "explored": "UInt8",
        "value": "Int64",
        "full_price": "Int64",
        "facts": "UInt8",
        "fraud": "UInt32",
        "device_risk": "UInt32",
        "credit_score": "UInt32",
        "pd": "Float64",
        "p_approved": "Float64",
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
        "context": "UInt32",
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
        "context": "UInt32",
        **_BATCH,
    },
    ("advertiser", "campaign", "line_item", "received_ns"),
    "received_ns",
)
ATTRIBUTIONS = Table(
    "attributions",
    {
        "received_ns": "UInt64",
        "advertiser": "UInt32",
        "event": "word",
        "order": "String",
        "value": "Int64",
        "currency": "word",
        "person": "UInt64",
        "kind": "UInt8",
        "touch_ns": "UInt64",
        "bid": "UInt64",
        **{name: kind for name, kind in _PLACE.items() if name != "advertiser"},
        "context": "UInt32",
        "sign": "Int8",
        "made_ns": "UInt64",
        **_BATCH,
    },
    ("advertiser", "campaign", "line_item", "received_ns"),
    "received_ns",
)
"""What each conversion is credited to: ``sign`` 1 is a new credit, -1 takes back an old one."""
FACTS = (
    *(BIDS, NO_BIDS, WINS, BILLINGS, LOSSES, IMPRESSIONS, CLICKS, EVENTS, CONVERSIONS, VISITS, SETTLEMENTS),
    ATTRIBUTIONS,
)

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
        "parent": "UInt64",
        "size": "word",
    },
    ("dimension", "id"),
    newest="version",
)
"""What ids stand for: the row with the highest ``version`` is today's name. ``currency``: of advertisers and
exchanges; ``format`` and ``size``: of creatives; ``parent``: an advertiser's agency, a campaign's advertiser and so on.
"""

BATCHES = Table("batches", {"log": "String", "start": "UInt64", "end": "UInt64"}, ("log",), newest="end", synced=True)
"""The newest batch of each log that was begun: everything before its ``start`` is in the store. Were an announcement
lost in a power cut, and what it announced not, that would be shipped again in other batches.
"""

APPLIED = Table("migrations", {"number": "UInt32", "title": "String"}, ("number",))
