"""Replacing published records of a log by others of the same length, while it is written and read.

Positions stay valid and projections stay where they are, since nothing moves: a frame is overwritten in place, with the
checksum of its new payload. What is about to be overwritten is on disk in a journal of the segment first
(``0000000001.rewrite``), so that a power cut in the middle leaves nothing torn for ever: `finish` does it again, from
whoever writes the log next or rewrites it next. A reader that meets half a frame waits for the journal to go
(`eventlog.reader`).
"""

import fcntl
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from eventlog.frames import framed, split
from eventlog.segments import place_of, read_mark, segment_path, segments, sync_directory

LOCK = "rewriting"
"""Whoever changes or removes segments holds this file's lock."""
SUFFIX = ".rewrite"
_HEADER = 8
_OFFSET = 8

Change = Callable[[bytes], bytes | None]
"""A record -> what is to stand in its place, in as many bytes; None: it stays."""


def journal_of(directory: Path, segment: int) -> Path:
    """It is there while the segment is being rewritten."""
    return segment_path(directory, segment).with_suffix(SUFFIX)


def rewrite(directory: Path, marks: Collection[bytes], change: Change) -> int:
    """Replaces the published records that hold one of ``marks`` somewhere, and that ``change`` replaces; returns how
    many. Waits for others that rewrite the log. If it is broken off, run it again.
    """
    done = 0
    if not directory.is_dir():
        return done
    with open(directory / LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        finish(directory)
        for segment, data in _published(directory):
            if not any(mark in data for mark in marks):
                continue
            frames = list(_changed(data, marks, change))
            if frames:
                _journal(journal_of(directory, segment), frames)
                _apply(directory, segment)
                done += len(frames)
    return done


def matching(directory: Path, marks: Collection[bytes]) -> Iterator[bytes]:
    """The published records that hold one of ``marks`` somewhere."""
    for _, data in _published(directory):
        for _, record in _records(data, marks):
            yield record


def finish(directory: Path) -> None:
    """Completes what an interrupted `rewrite` left. Doing it twice does no harm."""
    for path in directory.glob(f"*{SUFFIX}"):
        _apply(directory, int(path.stem))


def _published(directory: Path) -> Iterator[tuple[int, bytes]]:
    """The segments, up to where the log may be read."""
    last, end = place_of(read_mark(directory))
    for segment in segments(directory):
        if segment <= last:
            try:
                data = segment_path(directory, segment).read_bytes()
            except FileNotFoundError:
                continue  # it was old enough to be removed
            yield segment, data[:end] if segment == last else data


def _records(data: bytes, marks: Collection[bytes]) -> Iterator[tuple[int, bytes]]:
    """(offset of the frame, record) of those that hold one of ``marks``."""
    places = sorted(place for mark in marks for place in _found(data, mark))
    at = 0
    for place in places:
        if place < at:  # in the record that was yielded last
            continue
        while at < len(data):
            after = at + _HEADER + int.from_bytes(data[at : at + 4], "little")
            if after > place:
                break
            at = after
        if place >= at + _HEADER:  # else it is in a header
            yield at, data[at + _HEADER : after]
            at = after


def _found(data: bytes, mark: bytes) -> Iterator[int]:
    place = data.find(mark)
    while place >= 0:
        yield place
        place = data.find(mark, place + 1)


def _changed(data: bytes, marks: Collection[bytes], change: Change) -> Iterator[tuple[int, bytes]]:
    for offset, record in _records(data, marks):
        new = change(record)
        if new is not None:
            if len(new) != len(record):
                raise ValueError(f"a record of {len(record)} bytes cannot be replaced by one of {len(new)}")
            yield offset, new


def _journal(path: Path, frames: list[tuple[int, bytes]]) -> None:
    """Its records are an offset and the record that is to stand there, each."""
    draft = path.with_suffix(".new")
    with open(draft, "wb") as file:
        file.write(framed([offset.to_bytes(_OFFSET, "little") + record for offset, record in frames]))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    sync_directory(path.parent)


def _apply(directory: Path, segment: int) -> None:
    path = journal_of(directory, segment)
    try:
        data, at = path.read_bytes(), 0
    except FileNotFoundError:
        return  # another was faster
    file = os.open(segment_path(directory, segment), os.O_WRONLY)
    written = os.fstat(file)
    try:
        while True:
            entries, at = split(data, at, 10_000)
            if not entries:
                break
            for entry in entries:
                frame = framed([entry[_OFFSET:]])
                os.pwrite(file, frame, int.from_bytes(entry[:_OFFSET], "little"))
        if place_of(read_mark(directory))[0] != segment:
            os.utime(file, ns=(written.st_atime_ns, written.st_mtime_ns))  # retention goes by when records came
        os.fdatasync(file)
    finally:
        os.close(file)
    path.unlink(missing_ok=True)
    sync_directory(directory)
