"""Stretches of published segments that do not match their checksums any more: found, and passed over on request.

A reader stops at damage, because what was there may have been money. Once a person has looked, they can have it passed
over: the stretch is listed in ``0000000001.damaged`` beside the segment, as pairs of offsets, and every reader goes on
behind it. The segment itself stays as it is.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from eventlog.frames import framed, split
from eventlog.segments import place_of, read_mark, segment_path, segments, sync_directory

SUFFIX = ".damaged"
_NUMBER = 8


class Damage(NamedTuple):
    """The next sound record after byte ``offset`` of a segment begins at ``end``, or the segment ends there."""

    segment: int
    offset: int
    end: int


def list_of(directory: Path, segment: int) -> Path:
    return segment_path(directory, segment).with_suffix(SUFFIX)


def find(directory: Path) -> Iterator[Damage]:
    """All damage of a log, passed over or not: reads everything that is published."""
    last, published = place_of(read_mark(directory))
    for segment in segments(directory):
        if segment > last:
            return
        try:
            data = segment_path(directory, segment).read_bytes()
        except FileNotFoundError:
            continue  # it was old enough to be removed
        data, at = data[:published] if segment == last else data, 0
        while at < len(data):
            records, at = split(data, at, 100_000)
            if not records:
                end = next((place for place in range(at + 1, len(data)) if split(data, place, 1)[0]), len(data))
                yield Damage(segment, at, end)
                at = end


def pass_over(directory: Path) -> list[Damage]:
    """From here on readers pass over all damage that there is now; returns what they did not pass over before."""
    found = list(find(directory))
    fresh = [damage for damage in found if beyond(directory, damage.segment, damage.offset) is None]
    for segment in {damage.segment for damage in fresh}:
        pairs = [damage for damage in found if damage.segment == segment]
        draft = list_of(directory, segment).with_suffix(".new")
        with open(draft, "wb") as file:
            file.write(framed([b"".join(n.to_bytes(_NUMBER, "little") for n in pair[1:]) for pair in pairs]))
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, list_of(directory, segment))
        sync_directory(directory)
    return fresh


def beyond(directory: Path, segment: int, offset: int) -> int | None:
    """Where a reader goes on that found damage at ``offset``; None: that is for a person to say."""
    try:
        pairs, _ = split(list_of(directory, segment).read_bytes(), 0, 1 << 20)
    except FileNotFoundError:
        return None
    ends = {int.from_bytes(pair[:_NUMBER], "little"): int.from_bytes(pair[_NUMBER:], "little") for pair in pairs}
    return ends.get(offset)
