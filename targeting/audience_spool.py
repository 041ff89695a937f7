"""The persons of a list, sorted without holding more than a small part of them in memory.

They are kept in 256 parts by the highest byte of their keys (hashes, so the parts are of one size), in memory while
they are few, in files beyond that. A part is sorted when it is asked for; part after part, that is the order of the
keys, in which LMDB is written fastest.
"""

import shutil
import tempfile
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Self

PARTS = 256
IN_MEMORY = 1 << 20
"""Keys held in memory; 8 MB."""


def part_of(person: int) -> int:
    """Of 256, by the highest byte of the key."""
    return person >> 56


class Spool:
    """Persons, each with the kind of id that it came by; ``folder`` is made when there are too many for memory, and
    removed in the end."""

    def __init__(self, folder: Path | None = None, in_memory: int = IN_MEMORY) -> None:
        self._folder, self._most = folder, in_memory
        self._made: Path | None = None
        self._parts: dict[tuple[int, int], array[int]] = {}
        self._files: set[tuple[int, int]] = set()
        self._held = 0
        self.kinds: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._parts.clear()
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)
            self._made = None

    def add(self, kind: str, persons: Iterable[int]) -> None:
        if kind not in self.kinds:
            self.kinds.append(kind)
        place, parts = self.kinds.index(kind), self._parts
        count = 0
        for person in persons:
            at = place, person >> 56
            held = parts.get(at)
            if held is None:
                held = parts[at] = array("Q")
            held.append(person)
            count += 1
        self._held += count
        if self._held >= self._most:
            self._spill()

    def part(self, part: int) -> dict[int, str]:
        """The persons of a part, ascending, each once, with the kind of id that came first."""
        found: dict[int, str] = {}
        for place, kind in enumerate(self.kinds):
            for person in self._read(place, part):
                found.setdefault(person, kind)
        return dict(sorted(found.items()))

    def __len__(self) -> int:
        """How many persons there are; each part is looked through."""
        return sum(
            len(set().union(*(self._read(place, part) for place in range(len(self.kinds))))) for part in range(PARTS)
        )

    def _read(self, place: int, part: int) -> "array[int]":
        found = array("Q")
        if (place, part) in self._files:
            found.frombytes(self._path(place, part).read_bytes())
        return found + self._parts.get((place, part), array("Q"))

    def _spill(self) -> None:
        if self._made is None:
            if self._folder is None:
                self._made = Path(tempfile.mkdtemp(prefix="outbid-list-"))
            else:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._made = self._folder
        for (place, part), persons in self._parts.items():
            with self._path(place, part).open("ab" if (place, part) in self._files else "wb") as file:
                persons.tofile(file)
            self._files.add((place, part))
        self._parts.clear()
        self._held = 0

    def _path(self, place: int, part: int) -> Path:
        assert self._made is not None
        return self._made / f"{place}-{part}"
