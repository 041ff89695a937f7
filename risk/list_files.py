"""How lists lie on the disk: an immutable base, the changes since, and a manifest that says which base counts.

In the lists' directory are

- ``manifest.json``: version of the base, the number of the last change in it, and its shelves. Replacing it is the one
  step that brings a new base into force;
- of each shelf (one list of one institution, or of all) ``*.keys``, a `cython_ext.key_table.KeyTable` whose payload is
  the place of an entry's terms; ``*.terms``, what these are; ``*.ranges``, ranges of addresses with their terms;
- ``changes-N.jsonl``: every change ever made, one JSON document a line; N is the number of the first. Those behind the
  base are read into memory. Nothing of these files is ever altered: they are the audit trail.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from domain.errors import Unavailable
from domain.naming import name_id

ListName = Literal["black", "grey", "white"]
LISTS: tuple[ListName, ...] = get_args(ListName)
MANIFEST = "manifest.json"
MOST_MADE = 65_536
"""Different terms of a list that are kept as objects."""


class Terms(NamedTuple):
    """Why, from where and until when somebody is on a list, and by which change."""

    reason: str
    source: str
    expires_s: int
    """Seconds since 1970; 0: never."""
    change: int

    def live(self, now_s: int) -> bool:
        return not self.expires_s or now_s < self.expires_s


class Edit(Struct, frozen=True, array_like=True):
    """One entry of a change: the id as ``key:…`` or ``ip:RANGE``; the terms of what is added."""

    id: str
    reason: str = ""
    source: str = ""
    expires_s: int = 0


Action = Literal["add", "remove", "import", "compact"]


class Change(Struct, frozen=True, omit_defaults=True):
    """One line of the audit trail: who did what, and when."""

    change: int
    at_s: int
    who: str
    action: Action
    list: str = ""
    institution: str = ""
    """Empty: everybody's."""
    edits: tuple[Edit, ...] = ()
    mode: str = ""
    """Of an import: ``add``, ``replace`` or ``remove``."""
    file: str = ""
    sha256: str = ""
    """Of the file."""
    reason: str = ""
    source: str = ""
    expires_s: int = 0
    rows: int = 0
    bad: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    expired: int = 0
    """Entries that were dropped, since their time had come."""
    entries: int = 0
    """On this list afterwards; of ``compact`` on all."""


class Shelf(Struct, frozen=True):
    """One list of one institution in the base: names of its files."""

    list: ListName
    institution: str
    keys: int
    """Entries that are no ranges."""
    ranges: int
    name: str

    @property
    def id(self) -> "tuple[ListName, int]":
        return self.list, name_id(self.institution)


class Manifest(Struct, frozen=True):
    """Which base counts."""

    version: int = 0
    change: int = 0
    shelves: tuple[Shelf, ...] = ()
    record: Change | None = None
    """The change that made this base. It is in the trail too, or will be as soon as somebody writes to it."""


class TermsFile(Struct, frozen=True, array_like=True):
    """The terms of a shelf in columns of uint32; reasons and sources are places in ``texts``."""

    texts: tuple[str, ...] = ()
    reasons: bytes = b""
    sources: bytes = b""
    expires_s: bytes = b""
    changes: bytes = b""


class TermsTable:
    """All different terms of a shelf, by place."""

    def __init__(self, file: TermsFile) -> None:
        self.texts = file.texts
        self.reasons, self.sources = np.frombuffer(file.reasons, np.uint32), np.frombuffer(file.sources, np.uint32)
        self.expires_s, self.changes = np.frombuffer(file.expires_s, np.uint32), np.frombuffer(file.changes, np.uint32)
        self._made: dict[int, Terms] = {}

    def __len__(self) -> int:
        return len(self.reasons)

    def __getitem__(self, place: int) -> Terms:
        if (made := self._made.get(place)) is not None:
            return made
        reason, source = self.texts[self.reasons[place]], self.texts[self.sources[place]]
        made = Terms(reason, source, int(self.expires_s[place]), int(self.changes[place]))
        if len(self._made) < MOST_MADE:
            self._made[place] = made
        return made

    def live(self, now_s: int) -> NDArray[np.bool_]:
        """Of each of the terms whether they hold still."""
        hold: NDArray[np.bool_] = (self.expires_s == 0) | (self.expires_s > now_s)
        return hold


def packed_terms(terms: Sequence[Terms]) -> TermsFile:
    """Terms as a file has them."""
    texts: dict[str, int] = {}
    for one in terms:
        texts.setdefault(one.reason, len(texts))
        texts.setdefault(one.source, len(texts))
    columns = (
        [texts[one.reason] for one in terms],
        [texts[one.source] for one in terms],
        [one.expires_s for one in terms],
        [one.change for one in terms],
    )
    return TermsFile(tuple(texts), *(np.array(column, np.uint32).tobytes() for column in columns))


RangeRow = tuple[bytes, int, Terms]
"""The network's 4 or 16 bytes, its length, terms."""


def read_manifest(directory: Path) -> Manifest:
    """The manifest in force; an empty one if there are no lists yet. Raises `Unavailable` if it is damaged."""
    path = directory / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return Manifest()
    except msgspec.MsgspecError as error:
        raise Unavailable(f"{path}: {error}") from None


def segment_path(directory: Path, first: int) -> Path:
    """The file of the changes from number ``first`` on."""
    return directory / f"changes-{first:020d}.jsonl"


def segments(directory: Path) -> list[Path]:
    """All files of changes, the oldest first."""
    return sorted(directory.glob("changes-*.jsonl"))


_decode = msgspec.json.Decoder(Change).decode


def read_changes(path: Path, offset: int = 0) -> Iterator[tuple[Change, int]]:
    """The changes of a file behind ``offset``, each with the offset behind it. A line that has no end yet is passed
    over. Raises `Unavailable` for one that cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                try:
                    change = _decode(line)
                except msgspec.MsgspecError as error:
                    raise Unavailable(f"{path}, at byte {offset}: {error}") from None
                offset += len(line)
                yield change, offset
    except FileNotFoundError:
        return


def all_changes(directory: Path) -> Iterator[Change]:
    """The audit trail, the oldest change first."""
    return changes_after(directory, 0)


def changes_after(directory: Path, after: int) -> Iterator[Change]:
    """The changes behind a number, the oldest first."""
    record, last = read_manifest(directory).record, 0
    paths = segments(directory)
    begun = max((place for place, path in enumerate(paths) if path <= segment_path(directory, after + 1)), default=0)
    for path in paths[begun:]:
        for change, _ in read_changes(path):
            if record is not None and last < record.change < change.change and record.change > after:
                yield record  # its process died before it wrote it down
            last = change.change
            if last > after:
                yield change
    if record is not None and record.change > max(last, after):
        yield record
