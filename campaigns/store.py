"""The control plane's database: opening it, bringing it up to date, and one transaction at a time.

SQLite (WAL) in the embedded default. Several processes may have it open: control, and ``outbid campaigns import``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, update

from campaigns.tables import revision

BUSY_S = 20.0
"""How long a writer waits for another one before it gives up with an error."""


class Store:
    """An open database. ``migrate`` first: nothing else works on an older schema."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _open(url)

    def migrate(self, target: str = "head") -> None:
        """Brings the schema to ``target`` (a revision; ``head`` the newest, ``base`` nothing)."""
        config = Config()
        config.set_main_option("script_location", "campaigns:migrations")
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
        with self.engine.connect().execution_options(outbid_write=True) as conn, conn.begin():
            yield conn

    @contextmanager
    def _rebuilding(self) -> Iterator[Connection]:
        """One transaction that may drop tables which others refer to and make them anew, as SQLite has to for a change
        of columns; references are checked in its end.
        """
        sqlite = self.engine.dialect.name == "sqlite"
        with self.engine.connect().execution_options(outbid_write=True, outbid_rebuild=True) as conn:
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
        with self.engine.connect() as conn, conn.begin():
            yield conn

    def close(self) -> None:
        self.engine.dispose()


def _older(script: ScriptDirectory, than: str) -> set[str]:
    """The revisions that come before one, ``base`` included."""
    return {"base", *(revision.revision for revision in script.iterate_revisions(than, "base"))} - {than}


def touch(conn: Connection) -> int:
    """Says in this transaction that campaigns changed; returns the new version, which control publishes."""
    raised = update(revision).values(version=revision.c.version + 1).returning(revision.c.version)
    return int(conn.execute(raised).scalar_one())


def _open(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver would begin transactions late, and deferred; we say when below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # what was answered (a lease, a settlement) survives a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        asked = conn.get_execution_options()
        if asked.get("outbid_rebuild"):
            conn.exec_driver_sql("PRAGMA foreign_keys=OFF")  # inside of a transaction it would do nothing
        conn.exec_driver_sql("BEGIN IMMEDIATE" if asked.get("outbid_write") else "BEGIN")

    return engine
