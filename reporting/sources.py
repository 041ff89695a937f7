"""What is shipped: the event logs of this host, and the ledger's bookings. Each is read again exactly as it was read
first.
"""

import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from domain.events import Event, Name
from eventlog.consumers import REPORTER, passed
from eventlog.reader import LogCorrupt, LogReader
from pacing.protocol import Settlement, Settlements
from reporting.rows import of_settlement

_TIMEOUT_S = 10.0
_PAGE = 10_000
"""Bookings asked of control at once: it refuses much larger numbers."""
_MOST_BYTES = 64 << 20
"""Of records read together, or little more: they are held in memory until the store has them."""
_LOOKED_AT = 20
"""Records among which one is looked for that says when it was."""
_event = msgspec.msgpack.Decoder(Event)
_settlements = msgspec.json.Decoder(Settlements)


@dataclass(frozen=True)
class Lag:
    """What a source has that the store lacks."""

    amount: int
    """Bytes of a log, bookings of a ledger."""
    seconds: float
    """How long the oldest of it has been there."""


class Source(Protocol):
    """An endless sequence of records with positions; what lies between two positions never changes."""

    name: str

    def read(self, start: int, limit: int, until: int | None = None) -> tuple[list[bytes], int]:
        """(records after ``start``, position after them); nothing beyond ``until``."""
        ...

    def position(self, start: int, place: int) -> int:
        """From where reading gives first what is ``place`` records after ``start``."""
        ...

    def passed(self, position: int) -> None:
        """What comes before ``position`` is in the store for certain, and will not be read again."""
        ...

    def behind(self, position: int) -> int:
        """How much there is after ``position``: bytes of a log, bookings of a ledger; 0 when there is nothing."""
        ...

    def lag(self, position: int, now_ns: int) -> Lag: ...


class LogSource:
    def __init__(self, name: str, directory: Path) -> None:
        self.name, self._directory = name, directory

    def read(self, start: int, limit: int, until: int | None = None) -> tuple[list[bytes], int]:
        reader, size, end = LogReader(self._directory, start), 0, start
        records: list[bytes] = []
        while len(records) < limit and size < _MOST_BYTES:
            try:
                more, after = reader.read(limit - len(records), until)
            except LogCorrupt:
                if not records:
                    raise
                break  # what comes before the damage is sound
            if not more:
                break
            records, size, end = records + more if records else more, size + sum(map(len, more)), after
        return records, end

    def position(self, start: int, place: int) -> int:
        reader = LogReader(self._directory, start)
        while place > 0:
            records, _ = reader.read(place)
            if not records:
                break
            place -= len(records)
        return reader.position

    def passed(self, position: int) -> None:
        passed(self._directory, REPORTER, position)

    def behind(self, position: int) -> int:
        return LogReader(self._directory, position).behind()

    def lag(self, position: int, now_ns: int) -> Lag:
        if not (amount := self.behind(position)):
            return Lag(0, 0.0)
        records, _ = LogReader(self._directory, position).read(_LOOKED_AT)
        times = (_time_ns(record) for record in records)
        oldest = next((time_ns for time_ns in times if time_ns), now_ns)
        return Lag(amount, max(0, now_ns - oldest) / 1e9)


def _time_ns(record: bytes) -> int:
    """When what a record tells was logged; 0 if it does not say."""
    try:
        event = _event.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0
    if isinstance(event, Name):
        return 0
    return int(getattr(event, "received_ns", 0) or getattr(event, "time_ns", 0))


class SettlementSource:
    """The ledger's bookings, from control. A position is the id of the last one."""

    def __init__(self, name: str, control_base: str) -> None:
        self.name, self._url = name, f"{control_base}/v1/settlements"

    def read(self, start: int, limit: int, until: int | None = None) -> tuple[list[bytes], int]:
        rows = self._rows(start, limit, until)
        return list(map(of_settlement, rows)), rows[-1].id if rows else start

    def position(self, start: int, place: int) -> int:
        rows = self._rows(start, max(1, place), None)
        return rows[place - 1].id if 0 < place <= len(rows) else start

    def passed(self, position: int) -> None:
        """The ledger keeps its bookings for ever."""

    def behind(self, position: int) -> int:
        answer = self._get(position, 1)
        return len(answer.rows) + answer.behind

    def lag(self, position: int, now_ns: int) -> Lag:
        answer = self._get(position, 1)
        oldest = answer.rows[0].received_ns if answer.rows else now_ns
        return Lag(len(answer.rows) + answer.behind, max(0, now_ns - oldest) / 1e9)

    def _rows(self, start: int, limit: int, until: int | None) -> list[Settlement]:
        rows = self._get(start, min(limit, _PAGE)).rows
        return [row for row in rows if until is None or row.id <= until]

    def _get(self, after: int, limit: int) -> Settlements:
        with urllib.request.urlopen(f"{self._url}?after={after}&limit={limit}", timeout=_TIMEOUT_S) as answer:
            return _settlements.decode(answer.read())


def logs(data: Path, origin: str) -> list[LogSource]:
    """The logs that there are now: a worker that starts later brings a new one."""
    found = sorted(mark.parent for mark in (data / "log").glob("*/*/published"))
    return [LogSource(f"{origin}/{path.parent.name}/{path.name}", path) for path in found]
