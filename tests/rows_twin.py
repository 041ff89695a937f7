"""Records of logs -> rows by table and day, in plain Python over decoded events; and ClickHouse's Native columns, read.

The oracle of `reporting.rows` and of its kernel `cython_ext.columns`.
"""

import struct
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict

from domain.events import Bid, Conversion, Event, Kind, Name, NoBid, Notice, Visit
from pacing.protocol import Settlement
from reporting import schema
from reporting.schema import Table

DAY_NS = 86_400_000_000_000
LAST_NS = 0xFFFF * DAY_NS
_TABLE: dict[Any, Table] = {
    Bid: schema.BIDS, NoBid: schema.NO_BIDS, Conversion: schema.CONVERSIONS, Visit: schema.VISITS,
    Settlement: schema.SETTLEMENTS, Kind.WIN: schema.WINS, Kind.BILLING: schema.BILLINGS, Kind.LOSS: schema.LOSSES,
    Kind.IMPRESSION: schema.IMPRESSIONS, Kind.CLICK: schema.CLICKS, Kind.EVENT: schema.EVENTS,
}  # fmt: skip
_RANGE = {"UInt8": (0, 2**8), "UInt32": (0, 2**32), "UInt64": (0, 2**64), "Int64": (-(2**63), 2**63)}

Blocks = dict[tuple[str, int], list[dict[str, Any]]]


def decoded(record: bytes) -> Any:
    """None: it is no event, nor a booking as `reporting.rows.of_settlement` packs it."""
    try:
        first = msgspec.msgpack.decode(record)
        if isinstance(first, list) and first and first[0] == 0 and type(first[0]) is int:
            return msgspec.convert(first[1:], Settled, strict=True)
        return msgspec.msgpack.decode(record, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, TypeError):
        try:  # what cannot be read in general (a text in a field that is skipped is no UTF-8) may still be an event
            return msgspec.msgpack.decode(record, type=Event)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None


Settled = msgspec.defstruct(
    "Settled",
    [
        (field.name, field.type) if field.default is msgspec.NODEFAULT else (field.name, field.type, field.default)
        for field in msgspec.structs.fields(Settlement)
    ],
    array_like=True,
)
_TABLE[Settled] = schema.SETTLEMENTS


def blocks(records: Sequence[bytes]) -> tuple[Blocks, dict[int, str], list[int]]:
    """(rows by table and day, names of sites by id, places of records that have no row)."""
    made: Blocks = {}
    sites, refused = {}, []
    for place, record in enumerate(records):
        event = decoded(record)
        if isinstance(event, Name):
            sites[event.id] = event.name
            continue
        table = None if event is None else _TABLE.get(event.kind if isinstance(event, Notice) else type(event))
        row = {name: value for name, value in asdict(event).items() if name in table.columns} if table else {}
        if table:
            row = {name: number(value) if table.columns[name] == "Float64" else value for name, value in row.items()}
        if table and all(fits(table, name, value) for name, value in row.items()):
            made.setdefault((table.name, row[table.clock] // DAY_NS), []).append(row)
        else:
            refused.append(place)
    return made, sites, refused


def fits(table: Table, name: str, value: Any) -> bool:
    if name == table.clock:
        return bool(0 <= value <= LAST_NS)
    low, high = _RANGE.get(table.columns[name], (0, 0))
    return isinstance(value, str | bytes | float) or low <= value < high


def number(value: float) -> float | str:
    """A double that is equal to itself."""
    return float(value) if value == value else "NaN"


def values(kind: str, data: bytes) -> list[Any]:
    """A Native column of a type, all of it; ``Bytes`` are a String that is no text."""
    if kind == "Bytes":
        return _pieces(data, 0, None)[0]
    if kind == "String":
        return _texts(data, 0, None)[0]
    if kind == "LowCardinality(String)":
        version, flags, count = struct.unpack_from("<3Q", data)
        assert version == 1 and flags & ~0xFF == 0x600
        keys, at = _texts(data, 24, count)
        (rows,) = struct.unpack_from("<Q", data, at)
        places = struct.unpack_from(f"<{rows}{'BHIQ'[flags & 0xFF]}", data, at + 8)
        assert len(data) == at + 8 + rows * (1 << (flags & 0xFF)) and len(set(keys)) == len(keys)
        return [keys[place] for place in places]
    letter = {"UInt8": "B", "UInt32": "I", "UInt64": "Q", "Int64": "q", "Float64": "d"}[kind]
    return [number(value) if letter == "d" else value for (value,) in struct.iter_unpack(f"<{letter}", data)]


def _texts(data: bytes, at: int, count: int | None) -> tuple[list[str], int]:
    found, end = _pieces(data, at, count)
    return [piece.decode() for piece in found], end


def _pieces(data: bytes, at: int, count: int | None) -> tuple[list[bytes], int]:
    found: list[bytes] = []
    while at < len(data) if count is None else len(found) < count:
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append(data[at : at + size])
        at += size
    return found, at
