"""The control plane's database: opening it, bringing it up to date, and one transaction at a time.

SQLite in the embedded default, PostgreSQL in a fleet. Several processes may have it open: control, and
``outbid campaigns import``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, update
from sqlalchemy.exc import DBAPIError

from campaigns.databases import MODE, READ, REBUILD, WRITE, Unreachable, open_engine, parse
from campaigns.tables import revision


class Store:
    """An open database. ``migrate`` first: nothing else works on an older schema.

    Raises SettingsError where ``url`` is none of a database that can be used; `Unreachable` when it cannot be opened,
    in whatever is done with it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._database = parse(url)
        self.engine = open_engine(self._database)
        self.may_write: Callable[[Connection], None] | None = None
        """Called first in each writing transaction; raises when this process may not write any more."""

    def migrate(self, target: str = "head") -> None:
        """Brings the schema to ``target`` (a revision; ``head`` the newest, ``base`` nothing)."""
        config = migrations()
        with self._rebuilding() as conn:
            config.attributes["connection"] = conn
            script = ScriptDirectory.from_config(config)
            now = MigrationContext.configure(conn).get_current_revision() or "base"
            if now != "base" and target in _older(script, now):
                command.downgrade(config, target)
            else:
                command.upgrade(config, target)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that writes. It has the write lock from the start, so it never fails half-way for want."""
        with self.connect({MODE: WRITE}) as conn, conn.begin():
            if self.may_write is not None:
                self.may_write(conn)
            yield conn

    @contextmanager
    def _rebuilding(self) -> Iterator[Connection]:
        """One transaction that may drop tables which others refer to and make them anew, as SQLite has to for a change
        of columns; references are checked in its end.
        """
        sqlite = self.engine.dialect.name == "sqlite"
        with self.connect({MODE: REBUILD}) as conn:
            try:
                with conn.begin():
                    yield conn
                    if sqlite and (broken := conn.exec_driver_sql("PRAGMA foreign_key_check").first()):
                        raise RuntimeError(f"a migration left a row that refers to nothing: {tuple(broken)}")
            finally:
                conn.invalidate()  # it does not check references any more

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view."""
        with self.connect({MODE: READ}) as conn, conn.begin():
            yield conn

    def connect(self, options: dict[str, Any]) -> Connection:
        """A connection with execution options. Raises `Unreachable`."""
        try:
            return self.engine.connect().execution_options(**options)
        except DBAPIError as error:
            raise Unreachable(self._database, error) from error

    def close(self) -> None:
        self.engine.dispose()


def migrations() -> Config:
    """Where the revisions of the schema are."""
    config = Config()
    config.set_main_option("script_location", "campaigns:migrations")
    return config


def _older(script: ScriptDirectory, than: str) -> set[str]:
    """The revisions that come before one, ``base`` included."""
    return {"base", *(revision.revision for revision in script.iterate_revisions(than, "base"))} - {than}


def touch(conn: Connection) -> int:
    """Says in this transaction that campaigns changed; returns the new version, which control publishes."""
    raised = update(revision).values(version=revision.c.version + 1).returning(revision.c.version)
    return int(conn.execute(raised).scalar_one())
