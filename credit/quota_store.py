"""What has been given out of every quota, in a file that all workers of a host share.

Workers take out of a quota in small leases: what is given to one is counted as used, durably, before it may use it, and
what it did not use it gives back. So whatever dies when, no more than the quota is ever used; a worker that is killed
takes at most its leases with it.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PATIENCE_S = 10.0
"""So long one worker waits for another's transaction."""


class Ask(NamedTuple):
    """A worker's wish."""

    quota: str
    """Its name, ``offers day northbank/flex``."""
    period: str
    """Of its calendar, ``2026-11-26``."""
    most: int
    """The quota: offers, or nanos."""
    wanted: int


class Given(NamedTuple):
    """What came of it."""

    given: int
    left: int
    """That nobody has."""


class QuotaStore:
    """The file. Any thread may use it, one at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS given (quota TEXT NOT NULL, period TEXT NOT NULL, units INTEGER NOT NULL, "
            "PRIMARY KEY (quota, period)) WITHOUT ROWID"
        )

    def take(self, asks: Sequence[Ask]) -> list[Given]:
        """Gives each ask as much as is left of it, durably. All or, when it raises `sqlite3.Error`, nothing."""
        with self._lock, self._transaction() as connection:
            found = []
            for ask in asks:
                key = (ask.quota, ask.period)
                row = connection.execute("SELECT units FROM given WHERE quota = ? AND period = ?", key).fetchone()
                used = row[0] if row else 0
                given = max(0, min(ask.wanted, ask.most - used))
                if given:
                    connection.execute(
                        "INSERT INTO given VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET units = units + excluded.units",
                        (*key, given),
                    )
                found.append(Given(given, max(0, ask.most - used - given)))
            return found

    def give_back(self, unused: Sequence[tuple[str, str, int]]) -> None:
        """Quota, period and how much of it the worker will not use. It must have forgotten them before it calls."""
        with self._lock, self._transaction() as connection:
            for quota, period, units in unused:
                connection.execute(
                    "UPDATE given SET units = units - ? WHERE quota = ? AND period = ?", (units, quota, period)
                )

    def used(self) -> dict[tuple[str, str], int]:
        """By quota and period: used, or in a worker's hands."""
        with self._lock:
            return _used(self._connection)

    def prune(self, before: str) -> None:
        """Forgets what was given out of periods that began before a day, ``2026-08-18``."""
        with self._lock, self._transaction() as connection:
            connection.execute("DELETE FROM given WHERE period <> 'total' AND period < ?", (before,))

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One that takes the write lock at once, so that what it reads stays true until it ends."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite ends some itself, as on a full disk
                self._connection.execute("ROLLBACK")
            raise


def used_in(path: Path) -> dict[tuple[str, str], int]:
    """As `QuotaStore.used`, of a file that is not written to; of none, nothing. Raises `sqlite3.Error`."""
    if not path.exists():
        return {}
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", timeout=PATIENCE_S, uri=True)
    try:
        return _used(connection)
    finally:
        connection.close()


def _used(connection: sqlite3.Connection) -> dict[tuple[str, str], int]:
    rows = connection.execute("SELECT quota, period, units FROM given").fetchall()
    return {(quota, period): units for quota, period, units in rows}
