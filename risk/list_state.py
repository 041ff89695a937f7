"""The lists of a directory in memory: a mapped base, and the changes since it was written."""

from pathlib import Path

import msgspec

from cython_ext.key_table import KeyTable
from domain.errors import Unavailable
from domain.naming import name_id
from risk.list_files import (
    Change,
    ListName,
    Manifest,
    RangeRow,
    Shelf,
    Terms,
    TermsFile,
    TermsTable,
    read_changes,
    segment_path,
)
from risk.range_index import RangeIndex
from targeting.addresses import IpRange, read_range
from targeting.identity_keys import parse_person

ShelfId = tuple[ListName, int]
Entries = dict[ShelfId, Terms | None]
"""Of one key or range its terms on each list; None: it was taken out since the base was written."""


class OpenShelf:
    """A shelf of the base, mapped."""

    def __init__(self, directory: Path, shelf: Shelf) -> None:
        self.shelf, self.id = shelf, shelf.id
        stem = directory / shelf.name
        try:
            self.table = KeyTable(f"{stem}.keys")
            self.terms = TermsTable(msgspec.msgpack.decode(Path(f"{stem}.terms").read_bytes(), type=TermsFile))
            self.ranges = ranges_in(Path(f"{stem}.ranges").read_bytes()) if shelf.ranges else {}
        except (ValueError, msgspec.MsgspecError) as error:
            raise Unavailable(str(error) if str(stem) in str(error) else f"{stem}: {error}") from None

        self.only = self.terms[0] if len(self.terms) == 1 else None
        """The terms of all entries, if they have the same."""

    def at(self, row: int) -> Terms:
        return self.terms[int.from_bytes(self.table.at(row), "little") if self.table.width else 0]


def ranges_in(data: bytes) -> dict[IpRange, Terms]:
    rows = msgspec.msgpack.decode(data, type=list[RangeRow])
    return {IpRange(4 if len(raw) == 4 else 6, int.from_bytes(raw), length): terms for raw, length, terms in rows}


class State:
    """A base, and what was changed since. A thread may look while another takes in changes: what was told is never
    altered, another takes its place.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        self.manifest, self.change, self.edits = manifest, manifest.change, 0
        self.shelves = [OpenShelf(directory, shelf) for shelf in manifest.shelves]
        self.by_id = {shelf.id: shelf for shelf in self.shelves}
        self.institutions = {name_id(shelf.institution): shelf.institution for shelf in manifest.shelves}
        self.changed: dict[int, Entries] = {}
        self.ranges: RangeIndex[Entries] = RangeIndex()
        self.segment, self.offset = segment_path(directory, manifest.change + 1), 0
        self.scopes: dict[int, tuple[tuple[KeyTable, ...], tuple[OpenShelf, ...]]] = {}
        """What `scope` has made, by institution."""
        for shelf in self.shelves:
            for range_, terms in shelf.ranges.items():
                self._put_range(range_, shelf.id, terms)

    def scope(self, institution: int) -> tuple[tuple[KeyTable, ...], tuple[OpenShelf, ...]]:
        """Tables of everybody and of an institution, with their shelves."""
        shelves = tuple(one for one in self.shelves if one.id[1] in (0, institution) and one.shelf.keys)
        found = tuple(shelf.table for shelf in shelves), shelves
        if institution in self.institutions or not institution:
            self.scopes[institution] = found
        return found

    def catch_up(self) -> bool:
        """Takes in what was written behind the base since the last time."""
        before = self.offset
        for change, offset in read_changes(self.segment, self.offset):
            self.take(change)
            self.offset = offset
        return self.offset != before

    def take(self, change: Change) -> None:
        if change.action in ("add", "remove"):
            institution = name_id(change.institution)
            self.institutions[institution] = change.institution
            shelf: ShelfId = (change.list, institution)  # type: ignore[assignment]
            for edit in change.edits:
                terms = Terms(edit.reason, edit.source, edit.expires_s, change.change)
                entry = terms if change.action == "add" else None
                if (range_ := as_range(edit.id)) is not None:
                    self._put_range(range_, shelf, entry)
                else:
                    key = parse_person(edit.id)
                    self.changed[key] = {**self.changed.get(key, {}), shelf: entry}
            self.edits += len(change.edits)
        self.change = change.change

    def _put_range(self, range_: IpRange, shelf: ShelfId, entry: Terms | None) -> None:
        self.ranges.put(range_, {**(self.ranges.get(range_) or {}), shelf: entry})


def as_range(written: str) -> IpRange | None:
    """A written range of more than one address; None: the id is of another kind."""
    if not written.startswith("ip:") or "/" not in written:
        return None
    found = read_range(written[3:])
    return None if found.single else found
