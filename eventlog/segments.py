"""The files of one log directory: numbered segments, the mark up to which they may be read, and positions in them.

``0000000001.log``, ``0000000002.log`` … hold frames (see `eventlog.frames`). A position is one integer,
``segment << 40 | offset``; 0 is before everything. ``published`` holds one frame with the position up to which readers
may read: for money what is on disk for certain, so that no reader ever acts on an event that could still be lost.
"""

import os
from pathlib import Path

from eventlog.frames import OFFSET_BITS, framed, split

MARK = "published"
OFFSET_MASK = (1 << OFFSET_BITS) - 1


def position_of(segment: int, offset: int = 0) -> int:
    return segment << OFFSET_BITS | offset


def place_of(position: int) -> tuple[int, int]:
    """Position -> (segment number, offset in it)."""
    return position >> OFFSET_BITS, position & OFFSET_MASK


def segment_path(directory: Path, segment: int) -> Path:
    return directory / f"{segment:010d}.log"


def segments(directory: Path) -> list[int]:
    """Numbers of the segments there are, rising."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(int(name[:-4]) for name in names if name.endswith(".log") and name[:-4].isdigit())


def read_mark(directory: Path) -> int:
    """Up to where the log may be read; 0 if no writer has published anything."""
    return read_position(directory / MARK)


def read_position(path: Path) -> int:
    """What `write_mark` wrote; 0 if the file is not there, or holds no position."""
    for _ in range(10):  # once more when half of a new mark was seen
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return 0
        records, _ = split(data, 0, 1)
        if records or not data:
            break
    return int.from_bytes(records[0], "little") if records else 0


def write_mark(mark: int, position: int) -> None:
    """Publishes ``position`` through the open file ``mark``; the frame's checksum guards readers against half of it."""
    os.pwrite(mark, framed([position.to_bytes(8, "little")]), 0)


def sound_end(path: Path, offset: int = 0) -> int:
    """Offset after the last record of a segment that is whole and sound, counting from a known good ``offset``."""
    data = path.read_bytes()
    while True:
        records, after = split(data, offset, 100_000)
        if not records:
            return after
        offset = after


def sync_directory(directory: Path) -> None:
    """Makes the creation of a file in it durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
