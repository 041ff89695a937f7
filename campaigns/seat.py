"""One control a store: whoever has its seat publishes, grants and settles; others wait for it.

Two guards. A lock says at once that the seat is taken, and is free as soon as its holder is gone. A lock of PostgreSQL
ends with its connection, though, and its holder may be alive: so the seat also has a *term*, a number that rises
whenever it is taken, and each writing transaction of control first makes sure that its own term is still the last.
"""

from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from campaigns.store import Store
from domain.file_lock import FileLock
from pacing import counters

SEAT = 0x6F75_7462_6964_0002
"""PostgreSQL's advisory lock; each database has its own."""

TERM = "control terms"
"""The counter of terms."""


class Unseated(Exception):
    """Another control has taken the seat: this one must not write any more."""


class Seat:
    """Control's seat at one store; ``take`` it, then migrate, then ``sit_down``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        database = store.engine.url.database
        self._lock: _Lock
        if store.engine.dialect.name == "sqlite":
            self._lock = FileLock(Path(f"{database}.control")) if database else _NoLock()
        else:
            self._lock = _SessionLock(store)

    def take(self) -> bool:
        """Takes the seat if it is free; False while another process has it. Raises `Unreachable`."""
        return self._lock.take()

    def sit_down(self) -> int:
        """From here on the store refuses to write once another has the seat. Returns the term."""
        with self._store.write() as conn:
            term = counters.take(conn, TERM)

        def still_ours(conn: Connection) -> None:
            last = counters.last(conn, TERM)
            if last != term:
                raise Unseated(f"another control has taken over: it is its term {last}, and this one's was {term}")

        self._store.may_write = still_ours
        return term

    def keep(self) -> None:
        """To be called now and then: takes the lock again where a lost connection dropped it. Raises `Unseated`."""
        if not self._lock.take():
            with self._store.write():
                pass  # if another has the lock but not sat down yet, the next call will tell

    def leave(self) -> None:
        """The next one may have it."""
        self._lock.release()


class _Lock(Protocol):
    def take(self) -> bool:
        """Makes sure that the lock is held; False if another holds it."""

    def release(self) -> None: ...


class _SessionLock:
    """PostgreSQL drops it with its connection, which is used for nothing else."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._session: Connection | None = None
        self._held = False

    def take(self) -> bool:
        try:
            if self._session is None:
                self._session = self._store.connect({"isolation_level": "AUTOCOMMIT"})
                self._session.detach()  # closing it ends the session, and the lock with it
            if self._held:
                self._session.execute(select(1))
            else:
                self._held = bool(self._session.execute(select(func.pg_try_advisory_lock(SEAT))).scalar_one())
            return self._held
        except DBAPIError:
            self.release()
            raise

    def release(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session, self._held = None, False


class _NoLock:
    """A database in memory is seen by this process alone."""

    def take(self) -> bool:
        return True

    def release(self) -> None:
        """Nothing is held."""
