"""The databases that a control store may be in, opened so that both mean the same.

SQLite (WAL) and PostgreSQL: one writer at a time, which sees all that was committed before it began; readers have one
consistent view and wait for nobody; what was committed survives a power cut.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from domain.settings import SettingsError

BUSY_S = 20
"""How long a writer waits for another one before it gives up with an error."""

MODE = "outbid_mode"
"""The execution option that says what a connection's transactions are for: READ, WRITE or REBUILD."""
READ, WRITE, REBUILD = "read", "write", "rebuild"

WRITER = 0x6F75_7462_6964_0001
"""PostgreSQL's advisory lock that a writing transaction holds; each database has its own."""

LIVELY = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""A server whose host is gone is noticed in seconds, not when the kernel gives up. The URL may say otherwise."""

SESSION = f"""
SELECT set_config('lock_timeout', '{BUSY_S}s', false),
       set_config('idle_in_transaction_session_timeout', '60s', false), -- a writer that stands still lets others in
       set_config('tcp_keepalives_idle', '5', false), -- and so does one whose host is gone
       set_config('tcp_keepalives_interval', '2', false),
       set_config('tcp_keepalives_count', '3', false),
       CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END
"""


class Unreachable(SettingsError):
    """The control store's database cannot be opened; the text says which, and why."""

    def __init__(self, url: URL, error: DBAPIError) -> None:
        why = " ".join(str(error.orig).split())
        if url.password:
            why = why.replace(url.password, "***")
        super().__init__(f"[control] database_url: {shown(url)} cannot be opened: {why}")


def shown(url: URL) -> str:
    """The URL for a person to read, without what is secret: a password may stand in the query, too."""
    return url.set(query={}).render_as_string(hide_password=True)


def parse(text: str) -> URL:
    """The setting's URL with its driver. Raises SettingsError, without the text: a password may be in it."""
    expected = (
        "expected sqlite:////path/of/a/file or postgresql://user:password@host:5432/database, "
        "with :, /, ? and @ within a password written as %3A, %2F, %3F and %40"
    )
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError(f"[control] database_url is no database URL; {expected}") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise SettingsError(f"[control] database_url: {url.drivername!r} is no database for it; {expected}")
    return url.set(drivername=driver)


def open_engine(url: URL) -> Engine:
    """Connections to a parsed URL. Nothing is connected yet."""
    return _OPEN[url.drivername](url)


def _sqlite(url: URL) -> Engine:
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
    def begin(conn: Any) -> None:
        mode = conn.get_execution_options().get(MODE)
        if mode == REBUILD:
            conn.exec_driver_sql("PRAGMA foreign_keys=OFF")  # inside of a transaction it would do nothing
        conn.exec_driver_sql("BEGIN IMMEDIATE" if mode in (WRITE, REBUILD) else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    lively = {name: value for name, value in LIVELY.items() if name not in url.query}
    engine = create_engine(
        url,
        # no prepared statements: a plan that was made while a table was empty is bad soon after
        connect_args={"prepare_threshold": None, **lively},
        pool_pre_ping=True,  # a connection that did not survive a restart of the server is replaced before it is used
        isolation_level="READ COMMITTED",
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(SESSION)
        connection.commit()

    @event.listens_for(engine, "begin")
    def begin(conn: Any) -> None:
        mode = conn.get_execution_options().get(MODE)
        if mode in (WRITE, REBUILD):
            # READ COMMITTED: what is read after this wait was committed before it ended. A repeatable view would show
            # all as it was before the wait.
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER})")
        elif mode == READ:
            conn.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    return engine


_DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_OPEN: dict[str, Callable[[URL], Engine]] = {"sqlite": _sqlite, "postgresql+psycopg": _postgresql}
