"""Records of logs -> blocks of columns: one for each table and day, in an order that depends on the records alone.

The columns are bytes as ClickHouse's Native format lays them out (`cython_ext.columns`): no Python object is made of a
record on its way. Which field of a record goes into which column follows from their names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import astuple, fields

from cython_ext.columns import CODES, REASONS, Builder
from domain.events import Bid, Conversion, Kind, Name, NoBid, Notice, Visit
from pacing.protocol import Settlement
from reporting import schema
from reporting.schema import Dialect, Table

DAY_NS = 86_400_000_000_000
_LAST_NS = 0xFFFF * DAY_NS
"""ClickHouse's Date ends there, in 2149; its DateTime in 2106."""
SETTLEMENT_TAG = 0
"""Bookings come from control, not from a log; events' tags begin at 1."""

_TABLES: tuple[tuple[type[Struct], int, Table], ...] = (
    (Bid, 0, schema.BIDS),
    (NoBid, 0, schema.NO_BIDS),
    (Notice, Kind.WIN, schema.WINS),
    (Notice, Kind.BILLING, schema.BILLINGS),
    (Notice, Kind.LOSS, schema.LOSSES),
    (Notice, Kind.IMPRESSION, schema.IMPRESSIONS),
    (Notice, Kind.CLICK, schema.CLICKS),
    (Notice, Kind.EVENT, schema.EVENTS),
    (Conversion, 0, schema.CONVERSIONS),
    (Visit, 0, schema.VISITS),
    (Settlement, 0, schema.SETTLEMENTS),
)
"""Records of what kind become rows of which table; of notices the number is what `Notice.kind` says."""
_LETTERS = {int: "i", str: "s", bool: "b", float: "f", bytes: "y"}
_NO_NAME = "it cannot be decoded as a name"
_name = msgspec.msgpack.Decoder(Name)
_pack = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True)
class Block:
    table: Table
    day: int
    """Days since 1970: the partition."""
    rows: int
    columns: dict[str, bytes]
    """Of each column its type's Native bytes."""


@dataclass(frozen=True)
class Refusal:
    place: int
    """Of the record among those that were read together."""
    why: str


@dataclass(frozen=True)
class Made:
    blocks: list[Block]
    sites: dict[int, str]
    """Names of sites by id."""
    refused: list[Refusal]
    """Records that cannot be decoded, or hold a number that no column can: they come from outside, and one must not
    stop the rest.
    """


def of_settlement(row: Settlement) -> bytes:
    """A booking in the shape of a log's record."""
    return _pack((SETTLEMENT_TAG, *astuple(row)))


def blocks(records: Sequence[bytes], dialect: Dialect) -> Made:
    parts, apart, refused = _builder(dialect.word).build(list(records))
    made = []
    for sink, day, rows, columns in parts:
        table = _TABLES[sink][2]
        made.append(Block(table, day, rows, dict(zip(_columns(sink), columns, strict=True))))
    sites: dict[int, str] = {}
    refusals = [Refusal(place, _why(records[place], why, field)) for place, why, field in refused]
    for place in apart:
        try:
            name = _name.decode(records[place])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            refusals.append(Refusal(place, _NO_NAME))
        else:
            sites[name.id] = name.name
    return Made(made, sites, sorted(refusals, key=lambda refusal: refusal.place))


@cache
def _columns(sink: int) -> list[str]:
    kind, _, table = _TABLES[sink]
    return [name for name in table.columns if name in kind.__struct_fields__]


@cache
def _builder(word: str) -> Builder:
    layouts: dict[type[Struct], tuple[int, str, int, list[Any], int]] = {}
    sinks = []
    for sink, (kind, chosen, table) in enumerate(_TABLES):
        of = fields(kind)
        names = [field.name for field in of]
        types = "".join(_LETTERS[field.type] for field in of)
        defaults = [field.default for field in of if field.default is not NODEFAULT]
        selector = names.index("kind") if kind is Notice else -1
        layouts[kind] = _tag(kind), types, len(of) - len(defaults), defaults, selector
        slots = [
            (names.index(name), CODES[{"word": word, "Bytes": "String"}.get(table.columns[name], table.columns[name])])
            for name in _columns(sink)
        ]
        sinks.append((_tag(kind), int(chosen), names.index(table.clock), slots))
    return Builder(list(layouts.values()), sinks, [_tag(Name)], DAY_NS, _LAST_NS)


def _tag(kind: type[Struct]) -> int:
    tag = kind.__struct_config__.tag
    return tag if isinstance(tag, int) else SETTLEMENT_TAG


@cache
def _named() -> dict[int, list[str]]:
    return {_tag(kind): [field.name for field in fields(kind)] for kind, _, _ in _TABLES}


def _why(record: bytes, why: int, field: int) -> str:
    """In words; ``field`` is a place among the fields of the record's kind, -1: none in particular."""
    if field < 0:
        return REASONS[why]
    first = record[1 if record[0] < 0xDC else 3 if record[0] == 0xDC else 5]  # tags are small: one byte, nearly always
    names = _named().get(first, [])
    return f"{REASONS[why]}: {names[field] if field < len(names) else f'field {field}'}"
