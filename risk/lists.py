"""Who is on which list: black, grey and white lists of everybody and of each institution, for any kind of id.

Look-ups are exact: keys are compared whole, 64 bits (two different ids have the same key once in 2 ** 64). The base is
mapped into memory and immutable; changes made since it was written are in memory and count before it. `Lists.reload`
takes in what other processes changed.

Which list counts, of several, is said by `standing`, and by docs/risk-lists.md to users.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from cython_ext.key_table import KeyTable, find_all
from domain.errors import Unavailable
from domain.naming import name_id
from risk.list_files import (
    MANIFEST,
    Change,
    ListName,
    Manifest,
    RangeRow,
    Shelf,
    Terms,
    TermsFile,
    TermsTable,
    read_changes,
    read_manifest,
    segment_path,
)
from risk.range_index import RangeIndex
from targeting.addresses import IpRange, address, read_range
from targeting.identity_keys import parse_person

SANCTION = "sanction"
"""A reason that is this, or begins with this and a colon, says that the law forbids the business."""
ShelfId = tuple[ListName, int]
Entries = dict[ShelfId, Terms | None]
"""Of one key or range its terms on each list; None: it was taken out since the base was written."""


class Hit(Struct, frozen=True):
    """One entry that somebody's key or address has on a list."""

    list: ListName
    institution: int
    """Id of its name; 0: everybody's list."""
    reason: str
    source: str
    expires_s: int
    """0: never."""
    key: int
    """The key that is listed; of an address within a range, the range's."""
    change: int = 0
    """By which change of the audit trail."""
    range: str = ""
    """Of an address: the most specific range that is listed."""

    @property
    def sanction(self) -> bool:
        return self.list == "black" and (self.reason == SANCTION or self.reason.startswith(f"{SANCTION}:"))


def standing(hits: Sequence[Hit]) -> ListName | None:
    """What somebody with these hits counts as; None: as anybody.

    A sanction is black, whoever thinks otherwise. Else the institution's own white list wins over all lists of
    everybody, unless the institution has the same person on another list of its own. Else black wins over grey, and
    grey over white.
    """
    if any(hit.sanction for hit in hits):
        return "black"
    own = _worst(hit.list for hit in hits if hit.institution)
    return own if own == "white" else _worst(hit.list for hit in hits)


def _worst(lists: Iterator[ListName]) -> ListName | None:
    found = set(lists)
    return next((name for name in ("black", "grey", "white") if name in found), None)


class OpenShelf:
    """A shelf of the base, mapped."""

    def __init__(self, directory: Path, shelf: Shelf) -> None:
        self.shelf, self.id = shelf, shelf.id
        stem = directory / shelf.name
        try:
            self.table = KeyTable(f"{stem}.keys")
            self.terms = TermsTable(msgspec.msgpack.decode(Path(f"{stem}.terms").read_bytes(), type=TermsFile))
            self.ranges: list[RangeRow] = (
                msgspec.msgpack.decode(Path(f"{stem}.ranges").read_bytes(), type=list[RangeRow]) if shelf.ranges else []
            )
        except (ValueError, msgspec.MsgspecError) as error:
            raise Unavailable(str(error) if str(stem) in str(error) else f"{stem}: {error}") from None

    def at(self, row: int) -> Terms:
        return self.terms[int.from_bytes(self.table.at(row), "little")]


class _State:
    """A base, and what was changed since."""

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        self.manifest, self.change = manifest, manifest.change
        self.shelves = [OpenShelf(directory, shelf) for shelf in manifest.shelves]
        self.by_id = {shelf.id: shelf for shelf in self.shelves}
        self.institutions = {name_id(shelf.institution): shelf.institution for shelf in manifest.shelves}
        self.changed: dict[int, Entries] = {}
        self.ranges: RangeIndex[Entries] = RangeIndex()
        self.segment, self.offset = segment_path(directory, manifest.change + 1), 0
        self._scopes: dict[int, tuple[tuple[KeyTable, ...], tuple[OpenShelf, ...]]] = {}
        for shelf in self.shelves:
            for packed, length, terms in shelf.ranges:
                version = 4 if len(packed) == 4 else 6
                self._put_range(IpRange(version, int.from_bytes(packed), length), shelf.id, terms)

    def scope(self, institution: int) -> tuple[tuple[KeyTable, ...], tuple[OpenShelf, ...]]:
        """Tables of everybody and of an institution, with their shelves."""
        if (found := self._scopes.get(institution)) is None:
            shelves = tuple(one for one in self.shelves if one.id[1] in (0, institution) and one.shelf.keys)
            found = tuple(shelf.table for shelf in shelves), shelves
            if institution in self.institutions or not institution:
                self._scopes[institution] = found
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
                    self.changed.setdefault(parse_person(edit.id), {})[shelf] = entry
        self.change = change.change

    def _put_range(self, range_: IpRange, shelf: ShelfId, entry: Terms | None) -> None:
        if (entries := self.ranges.get(range_)) is None:
            self.ranges.put(range_, {shelf: entry})
        else:
            entries[shelf] = entry


def as_range(written: str) -> IpRange | None:
    """A written range of more than one address; None: the id is of another kind."""
    if not written.startswith("ip:") or "/" not in written:
        return None
    found = read_range(written[3:])
    return None if found.single else found


class Lists:
    """The lists of a directory, as they were at the last `reload`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._stamp = _stamp(directory)
        self._state = _opened(directory)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The lists in a directory; there are none yet where there is no directory. Raises `Unavailable` for damaged
        files.
        """
        return cls(directory)

    @property
    def version(self) -> int:
        """Number of the last change that is known here."""
        return self._state.change

    @property
    def manifest(self) -> Manifest:
        return self._state.manifest

    @property
    def pending(self) -> int:
        """Entries that were changed since the base was written."""
        return len(self._state.changed)

    def reload(self) -> bool:
        """Takes in what was changed since; whether anything was. It costs a look at two files if nothing was."""
        stamp = _stamp(self.directory)
        if stamp != self._stamp:
            self._state = _opened(self.directory)
            self._stamp = stamp
            return True
        return self._state.catch_up()

    def look(self, keys: Sequence[int], ip: str | None, institution: int, now_s: int) -> list[Hit]:
        """All entries that hold of somebody with these keys, at this address, on the lists of everybody and of an
        institution (its id; 0: those of everybody only).

        Of an address on each of the two only the most specific range counts that is listed, the address itself before
        any: within a black range, a white one is an exception, and the other way round. ``ip`` may be a range too.
        """
        state = self._state
        at = (address(ip) or _range_or_none(ip)) if ip else None
        ip_key = 0
        if at is not None and at.single:
            ip_key = at.key
            if ip_key not in keys:
                keys = [*keys, ip_key]
        hits: list[Hit] = []
        changed = state.changed
        tables, shelves = state.scope(institution)
        for table, place, row in find_all(tables, keys):
            shelf, key = shelves[table], keys[place]
            if changed and (entries := changed.get(key)) is not None and shelf.id in entries:
                continue
            terms = shelf.at(row)
            if terms.live(now_s):
                hits.append(_hit(shelf.id, terms, key))
        if changed:
            for key in keys:
                if (entries := changed.get(key)) is not None:
                    hits += [_hit(*one, key) for one in _live(entries, institution, now_s)]
        if at is not None and len(state.ranges):
            for scope in {0, institution}:
                if not any(hit.key == ip_key and hit.institution == scope for hit in hits):
                    hits += _range_hits(state, at, scope, now_s)
        return hits

    def entry(self, shelf: ShelfId, id_: int | IpRange) -> Terms | None:
        """The terms of a key or a range on one list, whether they hold still or not; None: it is not there."""
        state = self._state
        if isinstance(id_, IpRange):
            return (state.ranges.get(id_) or {}).get(shelf)
        if (entries := state.changed.get(id_)) is not None and shelf in entries:
            return entries[shelf]
        found = state.by_id.get(shelf)
        row = found.table.find(id_) if found is not None else -1
        return found.at(row) if found is not None and row >= 0 else None

    def institution_names(self) -> dict[int, str]:
        """Names of the institutions that have lists, by id; the empty one is everybody's."""
        return dict(self._state.institutions)

    def opened(self) -> list[OpenShelf]:
        """The shelves of the base."""
        return self._state.shelves

    def changed(self) -> dict[int, Entries]:
        """Keys that were changed since the base was written."""
        return self._state.changed

    def ranges(self) -> RangeIndex[Entries]:
        """All ranges, those of the base and changed ones."""
        return self._state.ranges


def _opened(directory: Path) -> _State:
    for _ in range(100):
        manifest = read_manifest(directory)
        try:
            state = _State(directory, manifest)
            state.catch_up()
            return state
        except FileNotFoundError as error:  # a newer base came in between, and these files are gone
            missing = error
            if read_manifest(directory) == manifest:
                break
    raise Unavailable(f"{missing.filename}: the manifest names this file, and it is not there")


def _stamp(directory: Path) -> tuple[int, int, int]:
    try:
        found = (directory / MANIFEST).stat()
    except FileNotFoundError:
        return 0, 0, 0
    return found.st_ino, found.st_mtime_ns, found.st_size


def _range_or_none(text: str) -> IpRange | None:
    try:
        return read_range(text)
    except ValueError:
        return None


def _live(entries: Entries, institution: int, now_s: int) -> Iterator[tuple[ShelfId, Terms]]:
    for shelf, terms in entries.items():
        if terms is not None and shelf[1] in (0, institution) and terms.live(now_s):
            yield shelf, terms


def _range_hits(state: _State, at: IpRange, scope: int, now_s: int) -> list[Hit]:
    for range_, entries in state.ranges.around(at):
        found = [(shelf, terms) for shelf, terms in entries.items() if shelf[1] == scope and terms is not None]
        if hits := [_hit(shelf, terms, range_.key, range_.text) for shelf, terms in found if terms.live(now_s)]:
            return hits
    return []


def _hit(shelf: ShelfId, terms: Terms, key: int, range_: str = "") -> Hit:
    return Hit(shelf[0], shelf[1], terms.reason, terms.source, terms.expires_s, key, terms.change, range_)
