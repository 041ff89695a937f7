"""What is shipped: the event logs of this host, and the ledger's bookings. Each is read again exactly as it was read
first.
"""

import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from domain.events import Event
from eventlog.consumers import REPORTER, passed
from eventlog.reader import LogReader
from pacing.protocol import Settlement, Settlements

_TIMEOUT_S = 10.0
_PAGE = 10_000
"""Bookings asked of control at once: it refuses much larger numbers."""
_events = msgspec.msgpack.Decoder(list[Event])
_event = msgspec.msgpack.Decoder(Event)
_settlements = msgspec.json.Decoder(Settlements)


class Source(Protocol):
    """An endless sequence of records with positions; what lies between two positions never changes."""

    name: str

    def read(self, start: int, limit: int, until: int | None = None) -> tuple[Sequence[Any], int, int]:
        """(records after ``start``, position after them, how many could not be decoded); nothing beyond ``until``."""
        ...

    def passed(self, position: int) -> None:
        """What comes before ``position`` is in the store for certain, and will not be read again."""
        ...

    def behind(self, position: int) -> int:
        """How much there is after ``position``: bytes of a log, bookings of a ledger; 0 when there is nothing."""
        ...


class LogSource:
    def __init__(self, name: str, directory: Path) -> None:
        self.name, self._directory = name, directory

    def read(self, start: int, limit: int, until: int | None = None) -> tuple[list[Event], int, int]:
        records, end = LogReader(self._directory, start).read(limit, until)
        events, undecoded = decode(records)
        return events, end if records else start, undecoded

    def passed(self, position: int) -> None:
        passed(self._directory, REPORTER, position)

    def behind(self, position: int) -> int:
        return LogReader(self._directory, position).behind()


def decode(records: list[bytes]) -> tuple[list[Event], int]:
    """Events of a batch in one call of the decoder, and how many records were none (each then decoded by itself)."""
    head = b"\xdd" + len(records).to_bytes(4, "big")  # msgpack: an array of as many
    try:
        return _events.decode(head + b"".join(records)), 0
    except msgspec.DecodeError:
        events = []
        for record in records:
            try:
                events.append(_event.decode(record))
            except msgspec.DecodeError:
                continue
        return events, len(records) - len(events)


class SettlementSource:
    """The ledger's bookings, from control. A position is the id of the last one."""

    def __init__(self, name: str, control_base: str) -> None:
        self.name, self._url = name, f"{control_base}/v1/settlements"

    def read(self, start: int, limit: int, until: int | None = None) -> tuple[list[Settlement], int, int]:
        rows = [row for row in self._get(start, min(limit, _PAGE)).rows if until is None or row.id <= until]
        return rows, rows[-1].id if rows else start, 0

    def passed(self, position: int) -> None:
        """The ledger keeps its bookings for ever."""

    def behind(self, position: int) -> int:
        answer = self._get(position, 1)
        return len(answer.rows) + answer.behind

    def _get(self, after: int, limit: int) -> Settlements:
        with urllib.request.urlopen(f"{self._url}?after={after}&limit={limit}", timeout=_TIMEOUT_S) as answer:
            return _settlements.decode(answer.read())


def logs(data: Path, origin: str) -> list[LogSource]:
    """The logs that there are now: a worker that starts later brings a new one."""
    found = sorted(mark.parent for mark in (data / "log").glob("*/*/published"))
    return [LogSource(f"{origin}/{path.parent.name}/{path.name}", path) for path in found]
