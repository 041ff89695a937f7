"""ClickHouse's Native format: a block is a head, and of each column its name, its type and its values.

https://clickhouse.com/docs/interfaces/formats/Native
"""

from collections.abc import Iterable

from domain.naming import name_id
from reporting.rows import Block
from reporting.schema import Dialect

_CUSTOM_SERIALIZATION = 54454
"""Revision of the protocol since which a byte before each column says whether it is laid out in another way."""


def varint(value: int) -> bytes:
    """LEB128 of a number that is not negative."""
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def text(value: str) -> bytes:
    raw = value.encode()
    return varint(len(raw)) + raw


def pieces(rows: int, columns: Iterable[tuple[str, str, bytes]], revision: int = 0) -> list[bytes]:
    """A block, to be sent one piece after the other: ``columns`` are (name, type, bytes of the values). ``revision`` is
    that of the protocol between client and server; a file has 0.
    """
    columns = list(columns)
    made = [varint(len(columns)) + varint(rows)]
    plain = b"\0" if revision >= _CUSTOM_SERIALIZATION else b""
    for name, kind, values in columns:
        made += (text(name) + text(kind) + plain, values)
    return made


def constant(value: int, rows: int) -> bytes:
    """Values of a UInt64 column that is the same in all rows."""
    return value.to_bytes(8, "little") * rows


def columns(block: Block, batch: str, dialect: Dialect) -> list[tuple[str, str, bytes]]:
    """(name, type, values) of a block whose rows bear ``batch``."""
    made = [(name, dialect.kind(block.table.columns[name]), values) for name, values in block.columns.items()]
    return [*made, ("batch", "UInt64", constant(name_id(batch), block.rows))]
