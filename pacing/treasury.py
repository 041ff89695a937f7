"""The treasury: leases, ledger and money logs of one control process, kept in step with its database.

Not for several threads: control calls it from one. Memory is a copy of the database. Every change is made in memory and
in one transaction; if the transaction fails, memory is read anew before the next use.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import Connection, insert, select

from domain.campaign import Snapshot
from domain.clock import Clock
from domain.events import Event
from eventlog.remote import Piece, Wanted
from pacing import counters, funds, goal_store, lease_store, notices, supply_store
from pacing.accounts import Accounts
from pacing.beliefs import Beliefs
from pacing.conductor import SLACK, Conductor
from pacing.corrections import settle_estimates
from pacing.delivery import delivery
from pacing.leases import Leases
from pacing.ledger import book
from pacing.notices import Terms
from pacing.protocol import LEASE_S, Delivery, Grants, Heartbeat, Register
from pacing.results import Results
from pacing.settler import MoneyLogs, save_checkpoint
from pacing.standing import Standing, standing
from pacing.tables import workers

log = logging.getLogger(__name__)

Begin = Callable[[], AbstractContextManager[Connection]]


class Treasury:
    """``begin`` opens a writing transaction; ``data`` is the directory below which this host's money logs are, and
    ``trackers`` are the URLs of trackers elsewhere.
    """

    def __init__(
        self,
        begin: Begin,
        data: Path,
        clock: Clock,
        snapshot: Snapshot,
        lease_s: float = LEASE_S,
        trackers: Sequence[str] = (),
    ) -> None:
        self._begin, self._data, self._clock, self._snapshot = begin, data, clock, snapshot
        self._lease_s, self._trackers = lease_s, trackers
        self.listeners: list[Callable[[Connection, Sequence[Event]], None]] = []
        """Called with the events of each batch, in the transaction that books them."""
        self._stale = False
        self._settled_ns = 0
        self._conductor, self._beliefs = Conductor(clock.speed), Beliefs(clock.speed)
        self._results = Results()
        self._read_again()

    def publish(self, snapshot: Snapshot) -> None:
        """Budgets, flights and currencies are as in ``snapshot`` from here on."""
        self._snapshot, self._terms = snapshot, Terms(snapshot)
        self._accounts.agencies = _agencies(snapshot)
        self._leases.plan(snapshot)
        self._results.plan(snapshot)
        self._beliefs.plan(snapshot)
        with self._careful(), self._begin() as conn:
            self._fund(conn)
            supply_store.load(conn, self._conductor.plan(self._leases.purses))

    def notice_entries(self, conn: Connection) -> None:
        """Reads the store anew where somebody made entries in it by hand: what may be spent is another from then on."""
        if funds.version(conn) != self._entries:
            self._stale = True

    def register(self, worker: Register) -> int:
        """A new worker's incarnation number."""
        with self._begin() as conn:
            id_ = counters.take(conn, "workers")
            now = self._clock.now_ns()
            conn.execute(insert(workers).values(id=id_, host=worker.host[:255], pid=worker.pid, registered_ns=now))
        self._workers.add(id_)
        self._conductor.welcome(id_, now)
        log.info("worker %d is process %d on %s", id_, worker.pid, worker.host)
        return id_

    def heartbeat(self, beat: Heartbeat) -> Grants:
        """A worker's figures in, its leases out: on disk before the worker hears of them."""
        with self._changing() as conn:
            if beat.worker not in self._workers:
                return Grants(self._snapshot.version, forget=True)
            grants = self._leases.heartbeat(beat, self._clock.now_ns(), self._snapshot.version)
            lease_store.save(conn, self._leases)
        self._conductor.hear(beat.worker, beat.supplied, self._clock.now_ns())
        alive = max(1, len(self._leases.seen))
        orders, newest = self._conductor.orders(beat.paced), self._conductor.newest
        beliefs, believed = self._beliefs.orders(beat.believed), self._beliefs.newest
        return replace(grants, paces=orders, paced=newest, beliefs=beliefs, believed=believed, workers=alive)

    def steer(self) -> None:
        """To be called often: looks how spend keeps to its plans, and orders workers to bid more or less."""
        with self._careful():
            now = self._clock.now_ns()
            unsaved = self._conductor.look(now)
            goals = self._conductor.aim(now, self._results)
            self._beliefs.look(now, self._results)
        if unsaved or goals:
            with self._changing() as conn:
                supply_store.save(conn, unsaved, now)
                goal_store.save(conn, self._conductor.aims.pacers, goals, now)

    def settle(self, limit: int) -> int:
        """Books the next records of the money logs; returns how many there were, 0 when the ledger is up to date."""
        now = self._clock.now_ns()
        with self._careful():
            name, position, events = self._logs.read(limit)
        if not events:
            self._settled_ns = max(self._settled_ns, self._logs.complete_ns(now))
            return 0
        with self._changing() as conn:
            outcome = notices.weigh(conn, events, self._terms, self._leases.leases.__contains__)
            booked = book(conn, self._accounts, outcome.bills, now)
            told = outcome.told_since(booked)
            booked += settle_estimates(conn, self._accounts, told, self._terms.zone, now)
            lease_store.spend(conn, booked)
            for bill in booked:
                s = bill.settlement
                self._leases.purses.spend(s.line_item, s.campaign, s.received_ns, s.cost, int(s.number == 0))
            for lease, amount in outcome.releases:
                self._leases.release(lease, amount)
            lease_store.save(conn, self._leases)
            self._results.take(conn, events)
            for listen in self.listeners:
                listen(conn, events)
            save_checkpoint(conn, name, position)
        self._logs.booked(name, position)
        return len(events)

    def wanted(self, tracker: str) -> Wanted | None:
        """What is to be fetched of the log of a tracker elsewhere; None: nothing now."""
        with self._careful():
            return self._logs.wanted(tracker)

    def deliver(self, tracker: str, piece: Piece, asked_ns: int) -> None:
        """A piece of it, as it was asked for at ``asked_ns`` (business time)."""
        with self._careful():
            self._logs.deliver(tracker, piece, asked_ns)

    def expire(self) -> None:
        """To be called now and then: takes back what nobody will spend any more."""
        with self._changing() as conn:
            now = self._clock.now_ns()
            self._leases.expire(now, self._settled_ns)
            self._conductor.forget(now)
            lease_store.save(conn, self._leases)
            lease_store.forget_quarters(conn, now)

    def behind(self) -> int:
        """Bytes of money log that are not booked yet."""
        with self._careful():
            return self._logs.behind()

    @property
    def settled_ns(self) -> int:
        """All notices that came before then are booked (business time)."""
        return self._settled_ns

    def standing(self) -> Standing:
        """Where leases and budgets stand, for whoever watches."""
        with self._careful():
            return standing(self._leases, self._clock.now_ns(), self._logs.behind())

    def delivery(self) -> list[Delivery]:
        """Spend against plan of every live line item."""
        with self._careful():
            return delivery(self._leases, self._clock.now_ns())

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        with self._careful(), self._begin() as conn:
            yield conn

    @contextmanager
    def _careful(self) -> Iterator[None]:
        """What fails in here may have left memory ahead of the database."""
        if self._stale:
            self._read_again()
        try:
            yield
        except BaseException:
            self._stale = True
            raise

    def _read_again(self) -> None:
        self._leases = Leases(speed=self._clock.speed, lease_s=self._lease_s)
        self._terms, self._accounts = Terms(self._snapshot), Accounts(_agencies(self._snapshot))
        self._leases.slack, self._leases.shapes = SLACK, self._conductor.shapes
        self._leases.plan(self._snapshot)
        self._results.plan(self._snapshot)
        self._beliefs.plan(self._snapshot)
        with self._begin() as conn:
            lease_store.load(conn, self._leases)
            self._results.load(conn)
            self._conductor.aims.restore(goal_store.load(conn))
            self._fund(conn)
            self._logs = MoneyLogs.from_checkpoints(conn, self._data, self._trackers)
            self._workers = set(conn.execute(select(workers.c.id)).scalars())
            supply_store.load(conn, self._conductor.plan(self._leases.purses))
        self._stale = False

    def _fund(self, conn: Connection) -> None:
        """Accounts that pay beforehand, or have a limited credit, may spend what entries by hand leave them."""
        self._entries = funds.version(conn)
        self._leases.purses.fund(self._snapshot, funds.paid_in(conn))


def _agencies(snapshot: Snapshot) -> dict[int, int]:
    return {advertiser.id: advertiser.agency for advertiser in snapshot.advertisers}
