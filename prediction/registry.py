"""Which models there are, ``<data>/models/<target>/<version>/``, and which are in service: ``live.json`` beside them.

``live.json`` is replaced whole, by a rename, so that whoever reads it sees one state or the next. Bidders look at it
four times a second; nothing else has to be told of a change.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from domain.errors import Problem, Refused, Unavailable
from domain.file_lock import FileLock
from eventlog.segments import sync_directory
from prediction.artefact import MODEL, Damaged, Description, describe

DIRECTORY = "models"
POINTERS = "live.json"
NONE = 0
"""In place of a version: no model, but what is likely anyway."""
MOST_BEFORE = 20
"""Changes of a target that can be taken back."""
PATIENCE_S = 10.0


class Pointers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``live.json`` says, by target."""

    live: dict[str, int] = {}
    """Versions that bids are made by."""
    shadow: dict[str, int] = {}
    """Versions that are asked beside these, and decide nothing."""
    before: dict[str, tuple[int, ...]] = {}
    """Versions that were live, the last one last."""
    drawn: dict[str, int] = {}
    """Versions that were given out: none is used twice."""


class Registry:
    """The models of one data directory. Any number of processes read it; changes are made one at a time."""

    def __init__(self, data: Path) -> None:
        self.directory = data / DIRECTORY
        self.pointers_file = self.directory / POINTERS

    def path(self, target: str, version: int) -> Path:
        """Where a version is, or is to be written."""
        return self.directory / target / str(version)

    def targets(self) -> list[str]:
        """Those that there is any version of."""
        if not self.directory.is_dir():
            return []
        return sorted(entry.name for entry in self.directory.iterdir() if entry.is_dir() and self.versions(entry.name))

    def versions(self, target: str) -> list[int]:
        """Ascending; drafts that are still being written are none."""
        directory = self.directory / target
        if not directory.is_dir():
            return []
        found = (entry for entry in directory.iterdir() if entry.name.isdecimal() and (entry / MODEL).is_file())
        return sorted(int(entry.name) for entry in found)

    def describe(self, target: str, version: int) -> Description:
        """Raises Refused if there is no such version, Damaged."""
        return describe(self.require(target, version))

    def pointers(self) -> Pointers:
        """Raises Damaged if what is written there cannot be read."""
        try:
            return msgspec.json.decode(self.pointers_file.read_bytes(), type=Pointers)
        except FileNotFoundError:
            return Pointers()
        except msgspec.DecodeError as error:
            raise Damaged(f"{self.pointers_file}: {error}") from None

    def draw(self, target: str) -> int:
        """A version that no model of the target has had or will have."""
        drawn = 0

        def change(now: Pointers) -> Pointers:
            nonlocal drawn
            drawn = 1 + max([now.drawn.get(target, 0), *self.versions(target)])
            return msgspec.structs.replace(now, drawn=now.drawn | {target: drawn})

        self._change(change)
        return drawn

    def promote(self, target: str, version: int) -> int:
        """Puts a version in service; returns the one that was until now (`NONE`: there was none). Whether it is good
        enough `prediction.promotion` says. It is the shadow no longer, if it was. Raises Refused, Damaged.
        """
        self.require(target, version)
        until = NONE

        def change(now: Pointers) -> Pointers:
            nonlocal until
            until = now.live.get(target, NONE)
            if until == version:
                return now
            shadow = {name: of for name, of in now.shadow.items() if (name, of) != (target, version)}
            before = (*now.before.get(target, ()), until)[-MOST_BEFORE:]
            return msgspec.structs.replace(
                now, live=now.live | {target: version}, shadow=shadow, before=now.before | {target: before}
            )

        self._change(change)
        return until

    def rollback(self, target: str) -> int:
        """Puts in service what was before the last change, `NONE` if there was nothing; returns it. Versions that are
        gone from the disk are passed over. Raises Refused, Damaged.
        """
        back = NONE

        def change(now: Pointers) -> Pointers:
            nonlocal back
            before = list(now.before.get(target, ()))
            there = {NONE, *self.versions(target)}
            while before and before[-1] not in there:
                before.pop()
            if not before:
                raise Refused([Problem("target", target, "nothing was in service before what is now")])
            back = before.pop()
            live = {name: of for name, of in now.live.items() if name != target} | ({target: back} if back else {})
            return msgspec.structs.replace(now, live=live, before=now.before | {target: tuple(before)})

        self._change(change)
        return back

    def shadow(self, target: str, version: int) -> None:
        """Has a version asked beside the live one; `NONE`: none any more. Raises Refused, Damaged."""
        if version != NONE:
            self.require(target, version)

        def change(now: Pointers) -> Pointers:
            shadow = {name: of for name, of in now.shadow.items() if name != target}
            return msgspec.structs.replace(now, shadow=shadow | ({target: version} if version else {}))

        self._change(change)

    def require(self, target: str, version: int) -> Path:
        """Where a version is that there is. Raises Refused."""
        if target not in (targets := self.targets()):
            there = f"one of {', '.join(targets)} is" if targets else f"there are no models in {self.directory}"
            raise Refused([Problem("target", target, there)])
        if version not in (versions := self.versions(target)):
            raise Refused([Problem("version", version, f"{target} has {', '.join(map(str, versions))}")])
        return self.path(target, version)

    def _change(self, change: Callable[[Pointers], Pointers]) -> None:
        with self._locked():
            before = self.pointers()
            after = change(before)
            if after != before:
                self._write(after)

    def _write(self, pointers: Pointers) -> None:
        draft = self.pointers_file.with_name(f"{POINTERS}.new")
        with open(draft, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(pointers)))
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, self.pointers_file)
        sync_directory(self.directory)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One change at a time, of all processes of the host."""
        self.directory.mkdir(parents=True, exist_ok=True)
        lock, until = FileLock(self.directory / "lock"), time.monotonic() + PATIENCE_S
        while not lock.take():
            if time.monotonic() > until:
                raise Unavailable(f"{self.directory}: another process is changing what is in service")
            time.sleep(0.02)
        try:
            yield
        finally:
            lock.release()
