"""The record of one person (`targeting.record`) unpacked, for tools and for tests.

The bid path reads records as they lie, and writers change them with `targeting.record_editor`; neither unpacks them.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
from typing_extensions import Buffer

from targeting.record import Conversions, Scored, Standing

VERSION = 2
JOINED = 0x80
"""Bit of the version byte of a merge (`targeting.merge`)."""
HEADER = struct.Struct("<BBBBHHHH")
FORMS = [struct.Struct(form) for form in ("<IBIIII", "<IiI", "<IIH", "<II", "<IHH", "<I", "<I")]
"""Of the parts in their order: relations, scores, conversions, segments, scopes, times, hours."""


class Unreadable(ValueError):
    """The bytes are no record of the version known here."""


class Record(msgspec.Struct):
    """What a record says, part by part."""

    segments: dict[int, int] = msgspec.field(default_factory=dict)
    """Audience id -> unix second at which the membership ends."""
    shown: dict[int, list[int]] = msgspec.field(default_factory=dict)
    """Frequency scope -> unix seconds of its newest impressions, ascending."""
    hours: dict[int, dict[int, int]] = msgspec.field(default_factory=dict)
    """Frequency scope -> hour of the epoch -> impressions before those in ``shown``."""
    relations: dict[int, Standing] = msgspec.field(default_factory=dict)
    """By advertiser id."""
    scores: dict[int, Scored] = msgspec.field(default_factory=dict)
    """By `domain.person.score_id`."""
    conversions: dict[int, Conversions] = msgspec.field(default_factory=dict)
    """By `domain.person.conversion_kind`."""


def pack(record: Record) -> bytes:
    """A `Record` as bytes. Raises ValueError if it has more entries than the format holds, or larger numbers, or a
    scope without times.
    """
    scopes: list[tuple[int, ...]] = []
    times: list[int] = []
    hours: list[int] = []
    for scope in sorted(record.shown):
        times += record.shown[scope]
        hours += [hour << 12 | count for hour, count in sorted(record.hours.get(scope, {}).items())]
        scopes.append((scope, len(times), len(hours)))
    if not record.hours.keys() <= record.shown.keys() or not all(record.shown.values()):
        raise ValueError("a scope of the record has no times")
    if not all(hour < 1 << 20 and 0 < count < 1 << 12 for of in record.hours.values() for hour, count in of.items()):
        raise ValueError("an hour of the record is out of range, or its count is")
    parts: list[list[tuple[int, ...]]] = [
        [(key, *standing) for key, standing in sorted(record.relations.items())],
        [(key, *scored) for key, scored in sorted(record.scores.items())],
        [(key, *conversions) for key, conversions in sorted(record.conversions.items())],
        sorted(record.segments.items()),
        scopes,
        [(time,) for time in times],
        [(hour,) for hour in hours],
    ]
    try:
        header = HEADER.pack(VERSION, *map(len, parts))
        return header + b"".join(form.pack(*entry) for form, part in zip(FORMS, parts, strict=True) for entry in part)
    except struct.error as error:
        raise ValueError(f"a number of the record is out of range, or it has too many entries: {error}") from None


def unpack(data: Buffer) -> Record:
    """Bytes -> `Record`; no bytes are an empty one. Raises `Unreadable`."""
    raw = bytes(data)
    if not raw:
        return Record()
    if len(raw) < HEADER.size or raw[0] & ~JOINED != VERSION:
        raise Unreadable(f"{len(raw)} bytes that are no record of version {VERSION}")
    counts = HEADER.unpack_from(raw)[1:]
    if len(raw) != HEADER.size + sum(form.size * count for form, count in zip(FORMS, counts, strict=True)):
        raise Unreadable(f"{len(raw)} bytes that are not as long as their header says")
    relations, scores, conversions, segments, scopes, times, hours = _parts(raw, counts)
    record = Record(
        segments=dict(segments),
        relations={key: Standing(*rest) for key, *rest in relations},
        scores={key: Scored(*rest) for key, *rest in scores},
        conversions={key: Conversions(*rest) for key, *rest in conversions},
    )
    for (_, begin, first), (scope, end, last) in pairwise([(0, 0, 0), *scopes]):
        if not (begin < end <= len(times) and first <= last <= len(hours)):
            raise Unreadable(f"the times and hours of scope {scope:#x} end where there are none")
        record.shown[scope] = [time for (time,) in times[begin:end]]
        if first < last:
            record.hours[scope] = {hour >> 12: hour & 0xFFF for (hour,) in hours[first:last]}
    return record


def _parts(raw: bytes, counts: tuple[int, ...]) -> Iterator[list[tuple[Any, ...]]]:
    at = HEADER.size
    for form, count in zip(FORMS, counts, strict=True):
        yield list(form.iter_unpack(raw[at : at + form.size * count]))
        at += form.size * count
