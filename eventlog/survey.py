"""What a host's logs hold, who has read how far, and what keeps the oldest segment from being removed."""

import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from domain.events import Name, decode
from eventlog.config import LogSettings
from eventlog.consumers import FOLDER, RELEASED, positions
from eventlog.reader import LogCorrupt, LogReader
from eventlog.segments import place_of, position_of, read_mark, segment_path, segments

AGE, WRITING, NOBODY = "age", "being written", "no consumer is known"
"""What else than a consumer can hold a segment."""


class Lag(msgspec.Struct, frozen=True):
    """One consumer of a log."""

    position: int
    behind: int
    """Published bytes that it has not passed."""
    noted_s: float
    """When it noted its position, Unix seconds."""
    released: bool = False
    """It was taken out, and holds nothing."""
    skipped: bool = False
    """The segment of its position is not kept any more: what it goes on with is not what comes next."""


class Survey(msgspec.Struct, frozen=True):
    """One log."""

    log: str
    segments: int
    bytes: int
    first: int
    """Number of the oldest segment; 0 if there is none."""
    oldest_ns: int
    """Time of the oldest record; 0 if there is none that tells."""
    published: int
    consumers: Mapping[str, Lag]
    held_by: tuple[str, ...]
    """Consumers that have not passed the oldest segment, and ``age``; empty: the next sweep removes it."""


def survey(root: Path, settings: LogSettings) -> list[Survey]:
    """All logs below ``<data>/log``."""
    return [_of(path.parent, settings) for path in sorted(root.glob("*/*/published"))]


def held_bytes(directory: Path) -> dict[str, int]:
    """Published bytes of one log that each consumer has not passed."""
    return {name: LogReader(directory, position).behind() for name, position in positions(directory).items()}


def _of(directory: Path, settings: LogSettings) -> Survey:
    numbers, published = segments(directory), read_mark(directory)
    first = numbers[0] if numbers else 0
    paths = [segment_path(directory, number) for number in numbers]
    consumers = {name: _lag(directory, name, position, first) for name, position in positions(directory).items()}
    holding = [name for name, one in consumers.items() if place_of(one.position)[0] <= first]
    if not consumers:
        holding.append(NOBODY)
    if first >= place_of(published)[0]:
        holding.append(WRITING)
    elif time.time() - paths[0].stat().st_mtime < settings.keep_s(directory.parent.name):
        holding.append(AGE)
    return Survey(
        f"{directory.parent.name}/{directory.name}",
        len(numbers),
        sum(path.stat().st_size for path in paths),
        first,
        _oldest(directory, first, published),
        published,
        consumers,
        tuple(holding),
    )


def _lag(directory: Path, name: str, position: int, first: int) -> Lag:
    return Lag(
        position,
        LogReader(directory, position).behind(),
        (directory / FOLDER / name).stat().st_mtime,
        position == RELEASED,
        0 < position < position_of(first),
    )


def _oldest(directory: Path, first: int, published: int) -> int:
    reader = LogReader(directory, position_of(first))
    while reader.position < published:
        try:
            records, _ = reader.read(100)
        except LogCorrupt:
            return 0
        if not records:
            return 0
        for record in records:
            try:
                event = decode(record)
            except msgspec.DecodeError:
                continue
            if not isinstance(event, Name):
                return int(getattr(event, "time_ns", 0) or getattr(event, "received_ns", 0))
    return 0
