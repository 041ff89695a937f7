"""Both databases mean the same: who waits, who sees what, what survives. What is wrong is said without the password."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from campaigns.databases import Unreachable
from campaigns.store import Store
from campaigns.tables import revision
from domain.settings import SettingsError
from pacing import counters
from tests.postgres_server import SHOWN_PASSWORD, PostgresServer


@pytest.fixture
def other(store: Store) -> Iterator[Store]:
    """The same store, as another process has it."""
    made = Store(store.url)
    yield made
    made.close()


def version(store: Store) -> int:
    with store.read() as conn:
        return int(conn.execute(select(revision.c.version)).scalar_one())


def test_a_writer_waits_for_the_other_one_and_then_sees_what_it_did(store: Store, other: Store) -> None:
    taken: list[int] = []

    def take() -> None:
        with other.write() as conn:
            taken.append(counters.take(conn, "things"))

    with store.write() as conn:
        thread = threading.Thread(target=take)
        thread.start()
        thread.join(0.2)  # time enough to begin before this one ends
        assert counters.take(conn, "things", 10) == 1
        assert taken == []
    thread.join()
    assert taken == [11]


def test_writers_that_all_come_at_once_all_get_their_turn(store: Store) -> None:
    taken: list[int] = []

    def take() -> None:
        mine = Store(store.url)
        for _ in range(20):
            with mine.write() as conn:
                taken.append(counters.take(conn, "things"))
        mine.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == list(range(1, 81))


def test_a_reader_keeps_its_view_and_waits_for_nobody(store: Store, other: Store) -> None:
    with store.read() as reading:
        asked = select(revision.c.version)
        assert reading.execute(asked).scalar_one() == 0
        with other.write() as conn:
            conn.execute(update(revision).values(version=7))
            assert reading.execute(asked).scalar_one() == 0
        assert reading.execute(asked).scalar_one() == 0
    assert version(store) == 7


def test_what_failed_in_the_middle_never_was(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as conn:
        conn.execute(update(revision).values(version=7))
        raise ZeroDivisionError
    assert version(store) == 0


def test_sqlite_keeps_what_was_committed_and_checks_references(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'control.sqlite'}")
    with store.read() as conn:
        pragmas = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    store.close()


@pytest.mark.parametrize(("configured", "used"), [("off", "on"), ("local", "local"), ("remote_apply", "remote_apply")])
def test_postgresql_keeps_what_was_committed_whatever_its_administrator_prefers(
    postgres: PostgresServer, configured: str, used: str
) -> None:
    name = postgres.new_database()
    with postgres.connect("postgres") as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = {configured}".encode())
    store = Store(postgres.url(name))
    with store.write() as conn:
        assert conn.execute(text("SHOW synchronous_commit")).scalar_one() == used
    store.close()
    postgres.drop_database(name)


def test_connections_that_the_server_has_closed_are_replaced(postgres: PostgresServer, postgres_template: str) -> None:
    name = postgres.new_database(postgres_template)
    store = Store(postgres.url(name))
    assert version(store) == 0
    with postgres.connect("postgres") as connection:
        ended = connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        assert ended.fetchall() == [(True,)]
    assert version(store) == 0
    store.close()
    postgres.drop_database(name)


def test_a_writer_that_stands_still_in_its_transaction_does_not_keep_the_others_out_for_ever(
    postgres: PostgresServer, postgres_template: str
) -> None:
    name = postgres.new_database(postgres_template)
    still, other = Store(postgres.url(name)), Store(postgres.url(name))
    with pytest.raises(DBAPIError), still.write() as stuck:
        stuck.execute(update(revision).values(version=7))
        stuck.execute(text("SET idle_in_transaction_session_timeout = '50ms'"))  # not the minute that it is else
        with other.write() as conn:
            conn.execute(update(revision).values(version=revision.c.version + 1))
        stuck.execute(select(1))
    assert version(other) == 1
    for store in (still, other):
        store.close()
    postgres.drop_database(name)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_plain_url_is_enough(postgres: PostgresServer, postgres_template: str, scheme: str) -> None:
    store = Store(postgres.url(postgres_template).replace("postgresql", scheme, 1))
    assert version(store) == 0
    store.close()


SECRET = "Tr0ub4dor"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"mysql://outbid:{SECRET}@db/outbid", "'mysql' is no database for it"),
        (f"postgresql+asyncpg://outbid:{SECRET}@db/outbid", "'postgresql+asyncpg' is no database for it"),
        (f"postgresql://outbid:{SECRET}/x@db:port/outbid", "is no database URL"),
        (f"{SECRET}", "is no database URL"),
        ("", "is no database URL"),
    ],
)
def test_a_url_that_cannot_be_is_refused(url: str, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Store(url)
    assert "[control] database_url" in str(refused.value)
    assert says in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for url, shown in (
        (f"postgresql://outbid:{SECRET}@127.0.0.1:{port}/o", f"postgresql+psycopg://outbid:***@127.0.0.1:{port}/o"),
        (f"postgresql://127.0.0.1:{port}/o?password={SECRET}", f"postgresql+psycopg://127.0.0.1:{port}/o "),
        ("postgresql://127.0.0.1/o?colour=red", "postgresql+psycopg://127.0.0.1/o "),
        (f"sqlite:///{tmp_path}/none/x.sqlite", f"{tmp_path}/none/x.sqlite"),
    ):
        store = Store(url)
        with pytest.raises(Unreachable) as refused, store.read():
            pass
        said = str(refused.value)
        assert said.startswith("[control] database_url: ")
        assert shown in said
        assert SECRET not in said
        store.close()


def test_a_wrong_password_is_said_and_not_shown(postgres: PostgresServer) -> None:
    store = Store(postgres.url("postgres").replace(SHOWN_PASSWORD, SECRET))
    with (
        pytest.raises(Unreachable, match=r"outbid:\*\*\*@127.*password authentication failed") as refused,
        store.read(),
    ):
        pass
    assert SECRET not in str(refused.value)
    store.close()


def test_two_processes_may_bring_a_new_database_up_to_date_at_once(postgres: PostgresServer) -> None:
    name = postgres.new_database()
    failed: list[BaseException] = []

    def migrate(done: Callable[[], None]) -> None:
        store = Store(postgres.url(name))
        try:
            store.migrate()
        except BaseException as error:
            failed.append(error)
        store.close()
        done()

    barrier = threading.Barrier(3)
    for _ in range(2):
        threading.Thread(target=migrate, args=(barrier.wait,)).start()
    barrier.wait()
    assert failed == []
    postgres.drop_database(name)
