"""Reading the money logs into the ledger, from a checkpoint that is committed together with what was booked.

Logs of this host are read as they lie; those of trackers on other hosts come in pieces that control fetches.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from domain.events import Event, decode
from eventlog.consumers import LEDGER, passed
from eventlog.reader import LogReader
from eventlog.remote import ASK_NAME, Piece, Wanted
from pacing.tables import checkpoints

MOST_WAITING = 2
"""Pieces of a log that wait to be booked at most."""


@dataclass
class RemoteLog:
    """The log of a tracker elsewhere, as far as it was fetched."""

    name: str = ""
    position: int = ASK_NAME
    """Up to where it was fetched."""
    pieces: deque[Piece] = field(default_factory=deque)
    behind: int = 1
    """Bytes that were not fetched, as last told."""
    complete_ns: int = 0
    """All that came before then was fetched."""


class MoneyLogs:
    """All money logs: those below a data directory, new ones of which are found as they appear, and those of the
    trackers elsewhere that are named by their URLs.
    """

    def __init__(self, data: Path, positions: dict[str, int], elsewhere: Iterable[str] = ()) -> None:
        self._root, self._positions = data / "log" / "money", positions
        self._readers: dict[str, LogReader] = {}
        self._remote = {url: RemoteLog() for url in elsewhere}

    @classmethod
    def from_checkpoints(cls, conn: Connection, data: Path, elsewhere: Iterable[str] = ()) -> "MoneyLogs":
        """At the positions up to which the ledger has booked."""
        rows = conn.execute(select(checkpoints.c.log, checkpoints.c.position))
        return cls(data, {log: position for log, position in rows}, elsewhere)

    def read(self, limit: int) -> tuple[str, int, list[Event]]:
        """(log, position after, events) of the first log that has any; an empty list if none has."""
        for name, reader in self._found().items():
            records, position = reader.read(limit)
            if records:
                return name, position, [decode(record) for record in records]
        for log in self._remote.values():
            if log.pieces:
                piece = log.pieces.popleft()
                return log.name, piece.end, [decode(record) for record in piece.records]
        return "", 0, []

    def behind(self) -> int:
        """Bytes that were not read yet; of a log elsewhere that nothing is known of, at least 1."""
        here = sum(reader.behind() for reader in self._found().values())
        waiting = sum(len(record) for log in self._remote.values() for piece in log.pieces for record in piece.records)
        return here + waiting + sum(log.behind for log in self._remote.values())

    def booked(self, name: str, position: int) -> None:
        """What `read` gave up to there is booked and committed."""
        self._positions[name] = position
        if reader := self._readers.get(name):
            passed(reader.directory, LEDGER, position)

    def complete_ns(self, now_ns: int) -> int:
        """All notices that came before then have been read, if there is nothing to `read` now."""
        return min((log.complete_ns for log in self._remote.values()), default=now_ns)

    def wanted(self, url: str) -> Wanted | None:
        """What is to be fetched of a log elsewhere; None while enough of it waits to be booked."""
        log = self._remote[url]
        if len(log.pieces) >= MOST_WAITING:
            return None
        return Wanted(log.position, log.name, self._positions.get(log.name, 0))

    def deliver(self, url: str, piece: Piece, asked_ns: int) -> None:
        """Takes what was fetched. A piece that does not go on where the last one ended is of no use any more."""
        log = self._remote[url]
        if log.name != piece.log:  # the first time; or the tracker has begun anew, with another log
            log.name, log.position = piece.log, self._positions.get(piece.log, 0)
            log.pieces.clear()
            log.behind, log.complete_ns = 1, 0
        elif piece.start == log.position:
            log.position, log.behind = piece.end, piece.behind
            if piece.records:
                log.pieces.append(piece)
            if piece.behind == 0:
                log.complete_ns = asked_ns

    def _found(self) -> dict[str, LogReader]:
        if self._root.is_dir():
            for path in sorted(self._root.iterdir()):
                name = f"money/{path.name}"
                if path.is_dir() and name not in self._readers:
                    self._readers[name] = LogReader(path, self._positions.get(name, 0))
        return self._readers


def save_checkpoint(conn: Connection, log: str, position: int) -> None:
    """Everything of ``log`` before ``position`` is booked in this transaction, or was before."""
    moved = update(checkpoints).where(checkpoints.c.log == log).values(position=position)
    if conn.execute(moved).rowcount == 0:
        conn.execute(insert(checkpoints).values(log=log, position=position))
