"""Reading a log, from any process, while it is being written."""

import os
import time
from pathlib import Path

from eventlog.damage import beyond
from eventlog.frames import MAX_RECORD, split
from eventlog.rewriting import journal_of
from eventlog.segments import place_of, position_of, read_mark, segment_path, segments

READ_BYTES = 8 * MAX_RECORD
PATIENCE = 5_000
"""Looks, a millisecond apart, at whether a segment is still being rewritten."""


class LogCorrupt(Exception):
    """A published record does not match its checksum: the disk, or somebody's editor, changed it."""


class LogReader:
    """Records of one log directory from ``position`` on. The directory need not exist yet."""

    def __init__(self, directory: Path, position: int = 0) -> None:
        self.directory, self.position = directory, position

    def read(self, limit: int = 50_000, until: int | None = None) -> tuple[list[bytes], int]:
        """At most ``limit`` records, and the position after them, where the next call goes on. No records: caught up.

        Nothing beyond the position ``until`` is read. Raises LogCorrupt when a published record is damaged.
        """
        end = read_mark(self.directory)
        if until is not None:
            end = min(end, until)
        while self.position < end:
            segment, offset = place_of(self.position)
            path = segment_path(self.directory, segment)
            size = _size(path)
            stop = min(size, place_of(end)[1]) if segment == place_of(end)[0] else size
            if offset >= stop:
                following = next((n for n in segments(self.directory) if n > segment), None)
                if following is None:
                    break
                self.position = position_of(following)
                continue
            piece = _piece(path, offset, min(stop - offset, READ_BYTES))
            if piece is None:
                continue
            records, after = split(piece, 0, limit)
            if not records and await_rewriting(self.directory, segment):
                records, after = split(_piece(path, offset, min(stop - offset, READ_BYTES)) or b"", 0, limit)
            if not records:
                after_damage = beyond(self.directory, segment, offset)
                if after_damage is None:
                    raise LogCorrupt(f"{path} is damaged at byte {offset}: see `outbid logs check`")
                self.position = position_of(segment, after_damage)
                continue
            self.position += after
            return records, self.position
        return [], self.position

    def behind(self) -> int:
        """Published bytes from here to the log's end."""
        end_segment, end_offset = place_of(read_mark(self.directory))
        here, offset = place_of(self.position)
        total = 0
        for segment in segments(self.directory):
            if here <= segment <= end_segment:
                size = _size(segment_path(self.directory, segment))
                stop = min(size, end_offset) if segment == end_segment else size
                total += max(0, stop - (offset if segment == here else 0))
        return total


def await_rewriting(directory: Path, segment: int) -> bool:
    """Waits while the segment is being rewritten, a matter of milliseconds. False: that does not end."""
    for _ in range(PATIENCE):
        if not journal_of(directory, segment).exists():
            return True
        time.sleep(0.001)
    return False


def near_end(directory: Path, most_bytes: int) -> int:
    """A position from which at most ``most_bytes`` are left to read, and hardly less; 0 if the log has no more.

    Records lie one after the other without marks between them: one is found by its checksum.
    """
    left, end = most_bytes, read_mark(directory)
    numbers = [number for number in segments(directory) if number <= place_of(end)[0]]
    for number in reversed(numbers):
        path = segment_path(directory, number)
        size = min(_size(path), place_of(end)[1]) if number == place_of(end)[0] else _size(path)
        if size > left:
            piece = _piece(path, size - left, min(left, 2 * MAX_RECORD)) or b""
            begins = (at for at in range(len(piece)) if split(piece, at, 1)[0])
            return position_of(number, size - left + next(begins, left))
        left -= size
    return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _piece(path: Path, offset: int, size: int) -> bytes | None:
    """None: the segment was old enough, and has just been removed."""
    try:
        with open(path, "rb", buffering=0) as file:
            return os.pread(file.fileno(), size, offset)
    except FileNotFoundError:
        return None
