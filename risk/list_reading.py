"""A list's file: one id a line, behind it, after commas, its own reason, source and expiry if it has them.

Long lists are read in blocks by compiled code (`risk.list_lines`), which knows the forms that they have; other lines
are read one by one. Every bad line is counted, and the first hundred are told by number.
"""

import gzip
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import file_digest
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused
from risk.list_lines import read_lines
from risk.list_state import as_range
from risk.list_terms import read_terms
from targeting.addresses import IpRange
from targeting.identity_keys import KINDS, parse_person, shown

MAX_PROBLEMS = 100
MAX_LINE = 65_536
BLOCK = 8 << 20
"""Bytes read at once."""
HEADER = b"id"
"""The first field of a first line that names the columns."""

Progress = Callable[[float, float], None]
"""Called now and then with the share of the file that was read, and the share that was written."""
Told = tuple[str, str, int]
"""Reason, source, expiry."""


class Defaults(NamedTuple):
    """The terms of lines that say none."""

    reason: str
    source: str
    expires_s: int


@dataclass
class ListFile:
    """What a file says."""

    keys: NDArray[np.uint64]
    """In the order of the lines; a key may be there more than once, and the last counts."""
    places: NDArray[np.int32]
    """Of each key the place of its terms."""
    terms: list[Told]
    ranges: dict[IpRange, Told]
    rows: int = 0
    """Lines with an id, or that should have one."""
    bad: int = 0
    expired: int = 0
    """Rows whose time was past."""
    sha256: str = ""
    problems: tuple[Problem, ...] = ()
    """The first of the bad lines."""


GOOD, PAST, WRONG = 0, 1, 2
"""What can be with the terms of a line."""


class _Reading:
    """A file that is being read."""

    def __init__(self, path: Path, kind: str, defaults: Defaults, now_s: int, most_bad: int) -> None:
        self.path, self.defaults, self.now_s, self.most_bad = path, defaults, now_s, most_bad
        self._prefix = f"{kind}:".encode() if kind else b""
        self._terms: dict[Told, int] = {(defaults.reason, defaults.source, defaults.expires_s): 0}
        self._keys: list[NDArray[np.uint64]] = []
        self._places: list[NDArray[np.int32]] = []
        self._ranges: dict[IpRange, int] = {}
        self._problems: list[tuple[int, Problem]] = []
        self._rows = self.bad = self._expired = 0

    def take(self, data: bytes, first: int) -> None:
        """Reads whole lines; ``first`` is the number of the first of them."""
        most = data.count(b"\n") + 1
        keys, local, lines = np.empty(most, np.uint64), np.empty(most, np.int32), np.empty(most, np.int64)
        seen: dict[bytes, int] = {}
        odd: list[tuple[int, bytes]] = []
        _, rows = read_lines(data, self._prefix, first, keys, local, lines, seen, odd)
        keys, local, lines = keys[:rows], local[:rows], lines[:rows]
        self._rows += rows
        places, state, why = self._read_terms(seen)
        states = state[local]
        for place, text in odd:
            if states[place] == GOOD:
                keys[place] = self._odd(int(lines[place]), text, places[local[place]])
        if state.any():
            wrong = np.flatnonzero(states == WRONG)
            self.bad += len(wrong)
            self._expired += int((states == PAST).sum())
            for place in wrong[:MAX_PROBLEMS].tolist():
                self._note(int(lines[place]), *why[int(local[place])])
            keys[states != GOOD] = 0
        there = keys != 0
        if len(self._terms) == 1:
            self._places.append(np.broadcast_to(np.int32(0), int(there.sum())))  # takes no memory
        else:
            self._places.append(np.array(places, np.int32)[local[there]])
        self._keys.append(keys if there.all() else keys[there])
        if self.bad > self.most_bad and len(self._problems) >= MAX_PROBLEMS:
            raise Refused(self._sorted())

    def too_long(self, number: int) -> None:
        self._rows += 1
        self.bad += 1
        self._note(number, b"", f"a line has at most {MAX_LINE} bytes")

    def done(self, sha256: str) -> ListFile:
        """Everything that was read. Raises `Refused` if too much of it is bad."""
        if self.bad > self.most_bad:
            raise Refused(self._sorted())
        keys = np.concatenate(self._keys) if self._keys else np.empty(0, np.uint64)
        self._keys.clear()
        one = len(self._terms) == 1 or not self._places
        places = np.broadcast_to(np.int32(0), len(keys)) if one else np.concatenate(self._places)
        terms = list(self._terms)
        ranges = {range_: terms[place] for range_, place in self._ranges.items()}
        return ListFile(keys, places, terms, ranges, self._rows, self.bad, self._expired, sha256, self._sorted())

    def _read_terms(self, seen: dict[bytes, int]) -> tuple[list[int], NDArray[np.uint8], dict[int, tuple[bytes, str]]]:
        """Of each text behind ids, and last of none: the place of what it says, how that is, and why."""
        places, state, why = [0] * (len(seen) + 1), np.zeros(len(seen) + 1, np.uint8), dict[int, tuple[bytes, str]]()
        for written, at in seen.items():
            try:
                told = read_terms(written.decode(), *self.defaults, self.now_s)
            except ValueError as error:
                state[at], why[at] = WRONG, (written, str(error))
                continue
            if 0 < told[2] <= self.now_s:
                state[at] = PAST
            else:
                places[at] = self._terms.setdefault(told, len(self._terms))
        return places, state, why

    def _odd(self, number: int, text: bytes, place: int) -> int:
        try:
            written = text.decode()
            if (range_ := as_range(written)) is None:
                return parse_person(written)
        except ValueError as error:
            self.bad += 1
            self._note(number, text, str(error))
            return 0
        self._ranges[range_] = place
        return 0

    def _note(self, number: int, text: bytes, why: str) -> None:
        if len(self._problems) < 2 * MAX_PROBLEMS:
            value = shown(text.decode(errors="replace"))
            self._problems.append((number, Problem(f"{self.path}, line {number}", value, why)))

    def _sorted(self) -> tuple[Problem, ...]:
        return tuple(problem for _, problem in sorted(self._problems, key=itemgetter(0))[:MAX_PROBLEMS])


def read_list(
    path: Path,
    defaults: Defaults,
    now_s: int,
    *,
    kind: str = "",
    most_bad: int = 0,
    progress: Progress = lambda read, written: None,
) -> ListFile:
    """Reads a whole file (``.gz``: a packed one). ``kind``: the file has bare values of this kind. Raises `Refused` if
    it cannot be read, or has more bad lines than ``most_bad``; then it says what is wrong with the first hundred.
    """
    if kind and kind.partition(":")[0] not in KINDS:
        raise Refused([Problem("kind", kind, f"it is one of {', '.join(sorted(KINDS))}")])
    reading = _Reading(path, kind, defaults, now_s, most_bad)
    try:
        digest = _digest(path)
        for data, first, share in _blocks(path, reading):
            reading.take(data, first)
            progress(share, 0.0)
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Refused([Problem(str(path), why, "it must be a file that can be read")]) from None
    return reading.done(digest)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _blocks(path: Path, reading: _Reading) -> Iterator[tuple[bytes, int, float]]:
    """Whole lines, the number of the first, and the share of the file that was read with them."""
    size = max(1, path.stat().st_size)
    with path.open("rb", buffering=0) as raw:
        file = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if path.name.lower().endswith(".gz") else raw
        rest, line, begun, passing = b"", 1, False, False
        while True:
            block = file.read(BLOCK)
            data = rest + (block or b"")
            if passing:  # the rest of a line that is too long
                end = data.find(b"\n") + 1
                if not end and block:
                    rest = b""
                    continue
                data, passing, line = data[end:] if end else b"", False, line + 1
            if not begun and (data.find(b"\n") >= 0 or not block or len(data) > MAX_LINE):
                begun = True
                data = data.removeprefix(b"\xef\xbb\xbf")
                names, _, behind = data.partition(b"\n")
                if names.partition(b",")[0].strip().lower() == HEADER:
                    data, line = behind, 2
            end = data.rfind(b"\n") + 1 if block else len(data)
            if end:
                yield data[:end], line, min(1.0, raw.tell() / size)
                line += data.count(b"\n", 0, end)
            rest = data[end:]
            if not block:
                return
            if len(rest) > MAX_LINE:
                reading.too_long(line)
                rest, passing = b"", True


assert sys.byteorder == "little", "tables and terms are little-endian columns"
