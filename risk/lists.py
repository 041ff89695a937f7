"""Who is on which list: black, grey and white lists of everybody and of each institution, for any kind of id.

Look-ups are exact: keys are compared whole, 64 bits (two different ids have the same key once in 2 ** 64). The base is
mapped into memory and immutable; changes made since it was written are in memory and count before it. `Lists.reload`
takes in what other processes changed.

Which list counts, of several, is said by `standing`, and by docs/risk-lists.md to users.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from msgspec import Struct

from cython_ext.key_table import find_all
from domain.errors import Unavailable
from domain.file_stamp import stamp_of
from risk.list_files import LISTS, MANIFEST, ListName, Manifest, Terms, read_manifest
from risk.list_lines import key_of
from risk.list_state import Entries, OpenShelf, ShelfId, State
from risk.range_index import RangeIndex
from targeting.addresses import IpRange, address, read_range

SANCTION = "sanction"
"""A reason that is this, or begins with this and a colon, says that the law forbids the business."""


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
    if not hits:
        return None
    if any(hit.sanction for hit in hits):
        return "black"
    own = _worst(hit.list for hit in hits if hit.institution)
    return own if own == "white" else _worst(hit.list for hit in hits)


def _worst(lists: Iterator[ListName]) -> ListName | None:
    found = set(lists)
    return next((name for name in ("black", "grey", "white") if name in found), None)


class Lists:
    """The lists of a directory, as they were at the last `reload`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._reloading = threading.Lock()
        self._stamp = stamp_of(directory / MANIFEST)
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
        """How many edits there were since the base was written."""
        return self._state.edits

    def reload(self) -> bool:
        """Takes in what was changed since; whether anything was. It costs a look at two files if nothing was."""
        with self._reloading:
            stamp = stamp_of(self.directory / MANIFEST)
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
        at, ip_key = _place(ip, len(state.ranges) > 0) if ip else (None, 0)
        if ip_key and ip_key not in keys:
            keys = [*keys, ip_key]
        hits: list[Hit] = []
        changed = state.changed
        tables, shelves = state.scopes.get(institution) or state.scope(institution)
        for table, place, row in find_all(tables, keys):
            shelf, key = shelves[table], keys[place]
            if changed and (entries := changed.get(key)) is not None and shelf.id in entries:
                continue
            reason, source, until, change = shelf.only or shelf.at(row)
            if not until or now_s < until:
                hits.append(Hit(shelf.id[0], shelf.id[1], reason, source, until, key, change))
        if changed:
            for key in keys:
                if (entries := changed.get(key)) is not None:
                    hits += [_hit(*one, key) for one in _live(entries, institution, now_s)]
        if at is not None:
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

    def lengths(self) -> dict[str, int]:
        """Entries of the base by list, everybody's and institutions' together."""
        counts: dict[str, int] = dict.fromkeys(LISTS, 0)
        for shelf in self._state.manifest.shelves:
            counts[shelf.list] += shelf.keys + shelf.ranges
        return counts

    def opened(self) -> list[OpenShelf]:
        """The shelves of the base."""
        return self._state.shelves

    def changed(self) -> dict[int, Entries]:
        """Keys that were changed since the base was written."""
        return self._state.changed

    def ranges(self) -> RangeIndex[Entries]:
        """All ranges, those of the base and changed ones."""
        return self._state.ranges

    def ranges_of(self, shelf: ShelfId) -> dict[IpRange, Terms]:
        """The ranges on one list, whether they hold still or not."""
        found = ((range_, entries.get(shelf)) for range_, entries in self._state.ranges.items())
        return {range_: terms for range_, terms in found if terms is not None}


def _opened(directory: Path) -> State:
    for _ in range(100):
        manifest = read_manifest(directory)
        try:
            state = State(directory, manifest)
            state.catch_up()
            return state
        except FileNotFoundError as error:  # a newer base came in between, and these files are gone
            missing = error
            if read_manifest(directory) == manifest:
                break
    raise Unavailable(f"{missing.filename}: the manifest names this file, and it is not there")


def _place(ip: str, ranges: bool) -> tuple[IpRange | None, int]:
    """What an address or a range is in ranges, if there are ``ranges``, and its key if it is one address."""
    if key := key_of(b"ip:" + ip.encode(errors="replace")):  # IPv4, as most are
        return (address(ip) if ranges else None), key
    try:
        found = address(ip) or read_range(ip)
    except ValueError:
        return None, 0
    return found, found.key if found.single else 0


def _live(entries: Entries, institution: int, now_s: int) -> Iterator[tuple[ShelfId, Terms]]:
    for shelf, terms in entries.items():
        if terms is not None and shelf[1] in (0, institution) and terms.live(now_s):
            yield shelf, terms


def _range_hits(state: State, at: IpRange, scope: int, now_s: int) -> list[Hit]:
    for range_, entries in state.ranges.around(at):
        found = [(shelf, terms) for shelf, terms in entries.items() if shelf[1] == scope and terms is not None]
        if hits := [_hit(shelf, terms, range_.key, range_.text) for shelf, terms in found if terms.live(now_s)]:
            return hits
    return []


def _hit(shelf: ShelfId, terms: Terms, key: int, range_: str = "") -> Hit:
    return Hit(shelf[0], shelf[1], terms.reason, terms.source, terms.expires_s, key, terms.change, range_)
