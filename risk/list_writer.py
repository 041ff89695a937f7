"""Changing lists: edits, imports, a new base. One process of a host does so at a time; readers never wait.

An edit is in force when its line of the audit trail is on the disk, an import when its manifest has replaced the one
before. Whatever is killed in between leaves the lists as they were; the next writer clears away what is left behind.
"""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from domain.clock import SECOND, Clock
from domain.errors import Unavailable
from domain.file_lock import FileLock
from domain.naming import name_id
from domain.whole_file import sync_folder, write_whole
from risk.list_files import (
    MANIFEST,
    Change,
    Edit,
    ListName,
    Manifest,
    Shelf,
    Terms,
    read_changes,
    read_manifest,
    segment_path,
    segments,
)
from risk.list_folding import GONE, Updates, edited, fold, latest
from risk.list_reading import ListFile
from risk.list_state import ShelfId, as_range
from risk.lists import Lists
from targeting.addresses import IpRange
from targeting.identity_keys import parse_person

MOST_PENDING = 100_000
"""Edited entries in memory; with more a new base is due."""
WAIT_S = 120.0
"""How long a writer waits for another."""
Mode = Literal["add", "replace", "remove"]
Status = Literal["added", "changed", "unchanged", "removed", "absent"]


@dataclass(frozen=True)
class Import:
    """What is to be done with a file that was read."""

    list: ListName
    institution: str
    mode: Mode
    who: str
    path: str
    reason: str = ""
    source: str = ""
    expires_s: int = 0


class ListWriter:
    """Changes the lists of a directory. Its methods block, for as long as another writer works."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.directory, self._clock = directory, clock
        self._mutex = threading.Lock()
        self._lists: Lists | None = None
        self._recorded = 0
        """The last base of which the trail was seen to tell."""

    def edit(
        self, action: Literal["add", "remove"], list_: ListName, institution: str, edits: Sequence[Edit], who: str
    ) -> list[Status]:
        """Adds entries to a list of an institution (empty: everybody's), or takes them out; says of each what it came
        to. Ids are written ``key:…`` or ``ip:RANGE``. All of them, or none, are in force when this returns.
        """
        with self._held() as lists:
            now_s = self._now_s()
            shelf: ShelfId = list_, name_id(institution)
            told: dict[int | IpRange, tuple[str, str, int] | None] = {}
            statuses: list[Status] = []
            changing: list[Edit] = []
            for edit in edits:
                id_ = as_range(edit.id) or parse_person(edit.id)
                if id_ not in told:
                    found = lists.entry(shelf, id_)
                    told[id_] = found[:3] if found is not None and found.live(now_s) else None
                status = _status(action, told[id_], edit)
                statuses.append(status)
                if status in ("added", "changed", "removed"):
                    told[id_] = (edit.reason, edit.source, edit.expires_s) if action == "add" else None
                    changing.append(edit)
            if changing:
                change = Change(
                    lists.version + 1, now_s, who, action, list_, institution, tuple(changing),
                    added=statuses.count("added"), changed=statuses.count("changed"), removed=statuses.count("removed"),
                )  # fmt: skip
                self._append(segment_path(self.directory, lists.manifest.change + 1), change)
                lists.reload()
            return statuses

    @property
    def due(self) -> bool:
        """Whether so much was edited that a new base should be written."""
        return self._lists is not None and self._lists.pending > MOST_PENDING

    def compact(self, who: str) -> Change:
        """Writes a new base with all edits in it, and without entries whose time has come."""
        with self._held() as lists:
            return self._compact(lists, who)

    def import_file(
        self, order: Import, file: ListFile, progress: Callable[[float], None] = lambda share: None
    ) -> Change:
        """Brings a file that was read into a list, in one step; returns what that came to. ``file.keys`` is sorted."""
        with self._held() as lists:
            if lists.pending:
                self._compact(lists, order.who)
            now_s, number = self._now_s(), lists.version + 1
            id_ = order.list, name_id(order.institution)
            old = next((one for one in lists.opened() if one.id == id_), None)
            ranges, counts = _ranges_after(lists, id_, order.mode, file, number, now_s)
            keys, places = latest(file.keys, file.places)
            if order.mode == "remove":
                places = np.broadcast_to(np.int32(GONE), len(keys))
            terms = () if order.mode == "remove" else tuple(Terms(*told, number) for told in file.terms)
            updates = Updates(keys, places, terms, ranges, order.mode == "replace")
            of = order.list, order.institution
            folded = fold(self.directory, _name(id_, number), of, old, updates, now_s, progress)
            shelf, added, changed, removed = folded.shelf, counts[0], counts[1], counts[2]
            shelves = [one for one in lists.manifest.shelves if one.id != id_]
            record = Change(
                number, now_s, order.who, "import", order.list, order.institution, mode=order.mode, file=order.path,
                sha256=file.sha256, reason=order.reason, source=order.source, expires_s=order.expires_s, rows=file.rows,
                bad=file.bad, added=folded.added + added, changed=folded.changed + changed,
                removed=folded.removed + removed, expired=folded.expired + file.expired,
                entries=shelf.keys + shelf.ranges,
            )  # fmt: skip
            self._publish(lists, [*shelves, *([shelf] if shelf.keys or shelf.ranges else [])], record)
            return record

    def _compact(self, lists: Lists, who: str) -> Change:
        now_s, number = self._now_s(), lists.version + 1
        edits, institutions, old = _edits_of(lists), lists.institution_names(), {one.id: one for one in lists.opened()}
        for _, entries in lists.ranges().items():
            for id_ in entries:
                edits.setdefault(id_, {})
        shelves, expired = list[Shelf](), 0
        for id_ in dict.fromkeys([*old, *edits]):
            base, told, ranges = old.get(id_), edits.get(id_, {}), lists.ranges_of(id_)
            live = {range_: terms for range_, terms in ranges.items() if terms.live(now_s)}
            if base is not None and not told and live == base.ranges and base.terms.live(now_s).all():
                shelves.append(base.shelf)
                continue
            of = id_[0], institutions[id_[1]]
            folded = fold(self.directory, _name(id_, number), of, base, edited(told, live, now_s), now_s)
            expired += folded.expired + len(ranges) - len(live)
            if folded.shelf.keys or folded.shelf.ranges:
                shelves.append(folded.shelf)
        total = sum(one.keys + one.ranges for one in shelves)
        record = Change(number, now_s, who, "compact", expired=expired, entries=total)
        self._publish(lists, shelves, record)
        return record

    def _publish(self, lists: Lists, shelves: Sequence[Shelf], record: Change) -> None:
        before = lists.manifest
        after = Manifest(before.version + 1, record.change, tuple(shelves), record)
        write_whole(self.directory / MANIFEST, msgspec.json.encode(after))
        self._append(segment_path(self.directory, before.change + 1), record)
        self._clear(after)
        lists.reload()

    @contextmanager
    def _held(self) -> Iterator[Lists]:
        """The lists as they are, and nobody else changes them. Raises `Unavailable` if somebody does for too long."""
        with self._mutex:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock, until = FileLock(self.directory / "lock"), time.monotonic() + WAIT_S
            while not lock.take():
                if time.monotonic() > until:
                    raise Unavailable(
                        f"{self.directory}: another process is changing the lists; try again when it is done"
                    )
                time.sleep(0.005)
            try:
                self._recover()
                if self._lists is None:
                    self._lists = Lists.open(self.directory)
                else:
                    self._lists.reload()
                yield self._lists
            finally:
                lock.release()

    def _recover(self) -> None:
        """Ends what a writer that died had begun."""
        manifest, paths = read_manifest(self.directory), segments(self.directory)
        for path in paths[-2:]:
            _cut(path)
        record = manifest.record
        if record is None or record.change == self._recorded:
            return
        before = [path for path in paths if path < segment_path(self.directory, record.change + 1)]
        last = 0
        for change, _ in read_changes(before[-1]) if before else ():
            last = change.change
        if last < record.change:
            self._append(before[-1] if before else segment_path(self.directory, 1), record)
        self._clear(manifest)
        self._recorded = record.change

    def _append(self, path: Path, change: Change) -> None:
        """Raises `Unavailable` if the disk does not take it; then it is not in force."""
        new = not path.exists()
        with path.open("ab", buffering=0) as file:
            begun = file.tell()
            line = msgspec.json.encode(change) + b"\n"
            try:
                if file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, "No space left on device")
                os.fsync(file.fileno())
            except OSError as error:
                file.truncate(begun)
                raise Unavailable(f"{path}: {error.strerror}") from None
        if new:
            sync_folder(self.directory)

    def _clear(self, manifest: Manifest) -> None:
        """Removes files of bases before, and of those that never came into force. Who has mapped one keeps it."""
        names = {shelf.name for shelf in manifest.shelves}
        for path in self.directory.iterdir():
            draft = path.name.startswith(".")
            if draft or (path.suffix in (".keys", ".terms", ".ranges") and path.stem not in names):
                path.unlink(missing_ok=True)

    def _now_s(self) -> int:
        return self._clock.now_ns() // SECOND


def _status(action: str, now: tuple[str, str, int] | None, edit: Edit) -> Status:
    if action == "remove":
        return "absent" if now is None else "removed"
    if now is None:
        return "added"
    return "unchanged" if now == (edit.reason, edit.source, edit.expires_s) else "changed"


def _name(id_: ShelfId, number: int) -> str:
    return f"{id_[0]}-{id_[1]:016x}-{number:010d}"


def _cut(path: Path) -> None:
    """Takes off a last line that was not written to its end, and so never in force."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if not size or file.seek(size - 1) < 0 or file.read(1) == b"\n":
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        os.fsync(file.fileno())


def _edits_of(lists: Lists) -> dict[ShelfId, dict[int, Terms | None]]:
    """Of each list the keys that were edited since its base was written."""
    found: dict[ShelfId, dict[int, Terms | None]] = {}
    for key, entries in lists.changed().items():
        for shelf, terms in entries.items():
            found.setdefault(shelf, {})[key] = terms
    return found


def _ranges_after(
    lists: Lists, id_: ShelfId, mode: Mode, file: ListFile, number: int, now_s: int
) -> tuple[dict[IpRange, Terms], tuple[int, int, int]]:
    """The ranges of a list when a file was brought into it, and how many of them are new, changed and gone."""
    before = {range_: terms for range_, terms in lists.ranges_of(id_).items() if terms.live(now_s)}
    named = {range_: Terms(*told, number) for range_, told in file.ranges.items()}
    if mode == "remove":
        after = {range_: terms for range_, terms in before.items() if range_ not in named}
    else:
        after = named if mode == "replace" else before | named
    added = sum(range_ not in before for range_ in after)
    changed = sum(range_ in before for range_ in named) if mode != "remove" else 0
    return after, (added, changed, len(before) + added - len(after))
