"""Reading the money logs into the ledger, from a checkpoint that is committed together with what was booked."""

from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from domain.events import Event, decode
from eventlog.reader import LogReader
from pacing.tables import checkpoints


class MoneyLogs:
    """All money logs below a data directory; new ones are found as they appear."""

    def __init__(self, data: Path, positions: dict[str, int]) -> None:
        self._root, self._positions = data / "log" / "money", positions
        self._readers: dict[str, LogReader] = {}

    @classmethod
    def from_checkpoints(cls, conn: Connection, data: Path) -> "MoneyLogs":
        """At the positions up to which the ledger has booked."""
        rows = conn.execute(select(checkpoints.c.log, checkpoints.c.position))
        return cls(data, {log: position for log, position in rows})

    def read(self, limit: int) -> tuple[str, int, list[Event]]:
        """(log, position after, events) of the first log that has any; an empty list if none has."""
        for name, reader in self._found().items():
            records, position = reader.read(limit)
            if records:
                return name, position, [decode(record) for record in records]
        return "", 0, []

    def behind(self) -> int:
        """Bytes that were not read yet."""
        return sum(reader.behind() for reader in self._found().values())

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
