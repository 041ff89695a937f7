"""Taking a person out of a log's record without moving a byte: what else the record says stays as it is.

A record is a MessagePack array, tag first (`domain.events`). The fields that name somebody are unsigned integers; each
is overwritten with zeros in the width that it has (0 is "unknown"), so that the record keeps its length and the
positions of all others stay valid. MessagePack readers take a number in any width (specification, "int format family").
"""

from collections.abc import Collection, Iterator
from typing import get_args

import msgspec

from domain.events import Event

PERSONAL = ("person", "device", "household")
"""Fields that name a person, or the devices and the household behind whom their impressions were counted."""

_WIDTHS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
"""Of unsigned integers, by their first byte; below 0x80 the byte is the number."""
_SIZES = {
    **{first: 1 for first in (0xC0, 0xC2, 0xC3)},  # nil, false, true
    **{first: 1 + width for first, width in _WIDTHS.items()},
    0xD0: 2, 0xD1: 3, 0xD2: 5, 0xD3: 9, 0xCA: 5, 0xCB: 9,
}  # fmt: skip
_TEXTS = {0xD9: 1, 0xDA: 2, 0xDB: 4, 0xC4: 1, 0xC5: 2, 0xC6: 4}
"""Texts and bytes: how wide the length is that follows."""


def _places() -> dict[int, tuple[int, list[int]]]:
    """Of each kind of event that names a person: by its tag, where in the array they are, and all that names them."""
    found = {}
    for kind in get_args(Event):
        names = [field.name for field in msgspec.structs.fields(kind)]
        if "person" in names:
            tag = kind.__struct_config__.tag
            found[tag] = 1 + names.index("person"), [1 + names.index(name) for name in PERSONAL if name in names]
    return found


PLACES = _places()


def written(person: int) -> bytes:
    """How a record has the key: bytes to look for in a log."""
    return msgspec.msgpack.encode(person)


def blanked(record: bytes, persons: Collection[int]) -> bytes | None:
    """The record without the person, in as many bytes; None: it is about none of ``persons``. Raises ValueError for
    what is no record of `domain.events`.
    """
    spans = list(_spans(record))
    person, personal = PLACES.get(_number(record, *spans[0]), (0, []))
    if not personal or len(spans) <= person or _number(record, *spans[person]) not in persons:
        return None
    new = bytearray(record)
    for place in personal:
        if place < len(spans):  # an older record is shorter
            start, end = spans[place]
            first = start if new[start] < 0x80 else start + 1
            new[first:end] = bytes(end - first)
    return bytes(new)


def _number(record: bytes, start: int, end: int) -> int:
    """An unsigned integer; -1 for anything else."""
    first = record[start]
    if first < 0x80:
        return first
    return int.from_bytes(record[start + 1 : end], "big") if first in _WIDTHS else -1


def _spans(record: bytes) -> Iterator[tuple[int, int]]:
    """Where each element of the array begins and ends."""
    first = record[0] if record else 0
    if 0x90 <= first <= 0x9F:
        count, at = first & 0x0F, 1
    elif first == 0xDC:
        count, at = int.from_bytes(record[1:3], "big"), 3
    else:
        raise ValueError("a record begins with an array")
    for _ in range(count):
        end = _end(record, at)
        yield at, end
        at = end
    if at != len(record):
        raise ValueError("a record is one array and nothing behind it")


def _end(record: bytes, at: int) -> int:
    """Where the element that begins at ``at`` ends."""
    if at >= len(record):
        raise ValueError("a record is cut off")
    first = record[at]
    if first < 0x80 or first >= 0xE0:
        return at + 1
    if first in _SIZES:
        return at + _SIZES[first]
    if 0xA0 <= first <= 0xBF:
        return at + 1 + (first & 0x1F)
    if first in _TEXTS:
        width = _TEXTS[first]
        return at + 1 + width + int.from_bytes(record[at + 1 : at + 1 + width], "big")
    inner = _inner(record, at)
    if inner is None:
        raise ValueError(f"a record has an element that begins with {first:#x}")
    count, end = inner
    for _ in range(count):
        end = _end(record, end)
    return end


def _inner(record: bytes, at: int) -> tuple[int, int] | None:
    """Of an array or a map within the record: how many elements follow, and where."""
    first = record[at]
    if 0x90 <= first <= 0x9F:
        return first & 0x0F, at + 1
    if 0x80 <= first <= 0x8F:
        return 2 * (first & 0x0F), at + 1
    if first in (0xDC, 0xDE):
        return (1 if first == 0xDC else 2) * int.from_bytes(record[at + 1 : at + 3], "big"), at + 3
    return None
