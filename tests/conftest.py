"""What holds for every test: settings of the machine stay out, and a skip in CI is a failure. And control stores, of
both kinds of database."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection, Row, Table

import campaigns.tables  # noqa: F401  (defines its tables on the metadata)
from campaigns.store import Store
from pacing.tables import metadata
from tests.control_stores import new_control_store
from tests.postgres_server import NotInstalled, PostgresServer

NewStoreUrl = Callable[[], str]

# How fast an example ran says something about the machine, not about Outbid.
settings.register_profile("outbid", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("outbid")

for _name in [name for name in os.environ if name.startswith("OUTBID_")]:
    del os.environ[_name]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]"):  # type: ignore[no-untyped-def]
    """A test is skipped for want of a server. In CI they must be there, so there it fails and names what is missing."""
    report: pytest.TestReport = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {call.excinfo.value if call.excinfo else item.name}"
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
    except NotInstalled as missing:
        pytest.skip(str(missing))
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """Name of a database with our tables in it, to be copied."""
    name = postgres.new_database()
    store = Store(postgres.url(name))
    store.migrate()
    store.close()
    return name


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def new_store_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewStoreUrl]:
    """Makes a control store whenever it is called, as the migrations leave it, and returns its URL."""

    def sqlite() -> str:
        path = tmp_path_factory.mktemp("store") / "control.sqlite"
        new_control_store(path).close()
        return f"sqlite:///{path}"

    if request.param == "sqlite":
        yield sqlite
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("postgres_template")
    made: list[str] = []

    def postgresql() -> str:
        made.append(server.new_database(template))
        return server.url(made[-1])

    yield postgresql
    for name in made:
        server.drop_database(name)


@pytest.fixture(scope="module")
def module_store(new_store_url: NewStoreUrl) -> Iterator[tuple[Store, dict[Table, list[Row[Any]]]]]:
    """One store for all tests of a module, and its rows when it was new."""
    store = Store(new_store_url())
    with store.read() as conn:
        rows = {table: list(conn.execute(table.select())) for table in metadata.sorted_tables}
    yield store, rows
    store.close()


@contextmanager
def changes_allowed(conn: Connection) -> Iterator[None]:
    """Without the triggers that keep the books from being changed."""
    if conn.dialect.name == "sqlite":
        triggers = conn.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        off, on = [f"DROP TRIGGER {name}" for name, _ in triggers], [sql for _, sql in triggers]
    else:
        asked = "SELECT DISTINCT event_object_table FROM information_schema.triggers"
        guarded = conn.exec_driver_sql(asked).scalars().all()
        off, on = ([f"ALTER TABLE {name} {word} TRIGGER USER" for name in guarded] for word in ("DISABLE", "ENABLE"))
    for statement in off:
        conn.exec_driver_sql(statement)
    yield
    for statement in on:
        conn.exec_driver_sql(statement)


@pytest.fixture
def store(module_store: tuple[Store, dict[Table, list[Row[Any]]]]) -> Store:
    """An empty control store, once in SQLite and once in PostgreSQL."""
    store, as_new = module_store
    with store.write() as conn, changes_allowed(conn):
        for table in reversed(metadata.sorted_tables):
            conn.execute(table.delete())
        for table, rows in as_new.items():
            if rows:
                conn.execute(table.insert(), [row._asdict() for row in rows])
    return store
