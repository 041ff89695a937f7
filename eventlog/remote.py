"""A log that is read from another host: what is asked, and what is answered."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import NamedTuple

import msgspec

from eventlog.reader import LogReader
from eventlog.segments import sync_directory

ASK_NAME = -1
"""Instead of a position: which log is it?"""


class Wanted(NamedTuple):
    """What is asked: records from ``position`` on. With it the reader says up to where it has booked the log of this
    name, which is what its keeper may know it to have passed.
    """

    position: int
    log: str
    booked: int


class Piece(msgspec.Struct, frozen=True):
    """Records of the log ``log`` between two positions, and how many bytes come after."""

    log: str
    start: int
    end: int
    records: list[bytes]
    behind: int


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Piece).decode


def read_piece(name: str, directory: Path, start: int, limit: int) -> Piece:
    """At most ``limit`` records from ``start`` on; none where the name is all that is asked."""
    if start == ASK_NAME:
        return Piece(name, start, start, [], 0)
    reader = LogReader(directory, start)
    records, end = reader.read(limit)
    return Piece(name, start, end if records else start, records, reader.behind())


def origin(data: Path) -> str:
    """A name of this data directory, made once: the logs of another host, or of a directory begun anew, are others."""
    path = data / "origin"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        draft = data / f".origin.{secrets.token_hex(4)}"
        with open(draft, "w") as file:
            file.write(secrets.token_hex(8))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process made it meanwhile, and may have used it
            os.link(draft, path)
        draft.unlink()
        sync_directory(data)
    return path.read_text()
