"""One control a store: the second waits, and one that was replaced without knowing it cannot write any more."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from campaigns.seat import SEAT, Seat, Unseated
from campaigns.store import Store
from campaigns.tables import revision
from tests.postgres_server import PostgresServer


class Process:
    """A control process, as far as its seat goes."""

    def __init__(self, url: str) -> None:
        self.store = Store(url)
        self.seat = Seat(self.store)

    def write(self) -> int:
        with self.store.write() as conn:
            conn.execute(update(revision).values(version=revision.c.version + 1))
            return int(conn.execute(select(revision.c.version)).scalar_one())

    def end(self) -> None:
        self.seat.leave()
        self.store.close()


def comes_free(waiting: Process) -> bool:
    """Tries as control does: PostgreSQL lets go of a lock when it notices that the connection is gone, not before."""
    end = time.monotonic() + 20
    while not waiting.seat.take():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def processes(store: Store) -> Iterator[tuple[Process, Process]]:
    pair = Process(store.url), Process(store.url)
    yield pair
    for process in pair:
        process.end()


def test_the_second_waits_until_the_first_is_gone(processes: tuple[Process, Process]) -> None:
    first, second = processes
    assert first.seat.take()
    assert first.seat.take()  # it has it
    assert not second.seat.take()
    term = first.seat.sit_down()
    assert not second.seat.take()
    first.seat.keep()
    assert first.write() == 1
    first.end()
    assert comes_free(second)
    assert second.seat.sit_down() == term + 1
    assert second.write() == 2


def test_others_write_beside_control(store: Store, processes: tuple[Process, Process]) -> None:
    first, importing = processes
    assert first.seat.take()
    first.seat.sit_down()
    assert importing.write() == 1
    assert first.write() == 2


def test_who_was_replaced_cannot_write_and_is_told(processes: tuple[Process, Process]) -> None:
    first, second = processes
    assert first.seat.take()
    term = first.seat.sit_down()
    first.seat.leave()  # as when a lost connection takes the lock with it, which its holder has not noticed
    assert second.seat.take()
    assert first.write() == 1  # nobody has sat down yet: what is written now, the second will see
    second.seat.sit_down()
    with pytest.raises(Unseated, match=f"its term {term + 1}, and this one's was {term}"):
        first.write()
    with pytest.raises(Unseated):
        first.seat.keep()
    assert second.write() == 2


def test_a_lost_connection_is_made_good_if_nobody_came_between(
    postgres: PostgresServer, postgres_template: str
) -> None:
    name = postgres.new_database(postgres_template)
    first, second = Process(postgres.url(name)), Process(postgres.url(name))
    assert first.seat.take()
    first.seat.sit_down()
    postgres.end_session_with_lock(name, SEAT)
    with pytest.raises(Exception, match="terminat"):
        first.seat.keep()
    first.seat.keep()
    assert not second.seat.take()
    assert first.write() == 1
    for process in (first, second):
        process.end()
    postgres.drop_database(name)
