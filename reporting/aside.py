"""Records that the store cannot take: noted, counted and shown, so that one of them does not stop the rest.

Of each the place in its log is noted, and why. What it says stays in the log alone, for as long as that is kept:
whoever is forgotten there is in no copy here. Notes are lines of JSON in ``<data>/poison/<log>.jsonl``.

Beside them stand the names of inserts that were taken apart because the store refused a row of theirs: they are never
sent whole again, even if the store would take them by now, because pieces of them may be there.
"""

import os
import time
from pathlib import Path

import msgspec
from msgspec import Struct

KEPT = 1_000
"""Notes of a log; of more of them only the number is known, for as long as the process runs."""


class Note(Struct, frozen=True, omit_defaults=True):
    log: str
    noted_ns: int
    position: int = -1
    """From where reading gives the record first."""
    why: str = ""
    apart: str = ""
    """Instead of these: the name of an insert."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Note).decode


class Aside:
    """``directory`` need not exist; None keeps the notes in memory only."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._notes: dict[str, dict[int, Note]] = {}
        self._apart: dict[str, set[str]] = {}
        self.count = 0
        """Of records."""
        if directory is not None and directory.is_dir():
            for path in sorted(directory.rglob("*.jsonl")):
                for note in _read(path):
                    self._take(note)

    def put(self, log: str, position: int, why: str) -> bool:
        """Whether it is news."""
        of_log = self._notes.get(log, {})
        if position in of_log:
            return False
        if self.is_full(log):
            self.count += 1
            return True
        self._write(Note(log, time.time_ns(), position, why))
        return True

    def is_full(self, log: str) -> bool:
        """More of it are only counted: nobody needs to find out where they are."""
        return len(self._notes.get(log, ())) >= KEPT

    def has(self, log: str, position: int) -> bool:
        return position in self._notes.get(log, {})

    def take_apart(self, log: str, insert: str) -> None:
        """It is on disk when this returns."""
        if not self.is_apart(log, insert):
            self._write(Note(log, time.time_ns(), apart=insert))

    def is_apart(self, log: str, insert: str) -> bool:
        return insert in self._apart.get(log, ())

    def notes(self) -> list[Note]:
        """Of records, newest first."""
        found = [note for of_log in list(self._notes.values()) for note in list(of_log.values())]  # asked by any thread
        return sorted(found, key=lambda note: note.noted_ns, reverse=True)

    def _take(self, note: Note) -> None:
        if note.apart:
            self._apart.setdefault(note.log, set()).add(note.apart)
        else:
            self._notes.setdefault(note.log, {})[note.position] = note
            self.count += 1

    def _write(self, note: Note) -> None:
        if self._directory is not None:
            path = self._directory / f"{note.log.partition('/')[2] or note.log}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "ab") as file:  # what a crash cut short is ended
                file.write(b"\n" + _encode(note) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        self._take(note)  # only now: what could not be written is not known after a crash


def _read(path: Path) -> list[Note]:
    found = []
    for line in filter(None, path.read_bytes().splitlines()):
        try:
            found.append(_decode(line))
        except msgspec.DecodeError:  # the end of a line that a crash cut short
            continue
    return found
