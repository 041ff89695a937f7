"""What a state of the small world of `lease_world` consists of: values, with all times relative to `NOW`."""

from operator import attrgetter
from typing import NamedTuple

from domain.clock import SECOND
from pacing.lease import Lease, Part
from pacing.protocol import Grants, Heartbeat, LeaseUse

TICK = 30 * SECOND
NOW = 1_000 * TICK
EXPIRY = TICK
OLD = NOW - 2 * TICK
"""Nothing tells times before this apart: a lease is over after two ticks, grace and expiry take one each."""


class Row(NamedTuple):
    """A `pacing.lease.Lease`; of its parts the three figures in the store, and the two that a restart forgets."""

    id: int
    worker: int
    line_item: int
    opened_ns: int
    end_ns: int
    closed_ns: int | None
    money: tuple[int | None, ...]
    bids: tuple[int | None, ...]

    @property
    def granted(self) -> int:
        return self.money[0] or 0


class Held(NamedTuple):
    """A worker's lease; its time counts from ``asked_ns``. Every bid costs 1."""

    lease: int
    granted: int
    granted_bids: int | None
    reserved: int
    asked_ns: int


class Worker(NamedTuple):
    """``request`` is the one that it awaits the answer of, until ``answer`` is on its way back."""

    id: int
    held: tuple[Held, ...] = ()
    returned: tuple[LeaseUse, ...] = ()
    request: Heartbeat | None = None
    asked_ns: int = NOW
    answer: Grants | None = None
    heard: bool = False
    """Control has heard the request."""


class Bid(NamedTuple):
    """Not lost, and not booked. A ``billed`` one was billed in time; if ``written``, control can read it in the log."""

    lease: int
    at_ns: int
    billed: bool = False
    written: bool = False


class Left(NamedTuple):
    """How much more of each kind may happen. (Any number of messages may be lost.)"""

    beats: int = 3
    bids: int = 2
    deaths: int = 0
    """Workers that are killed, stop, or go on under a new number."""
    restarts: int = 0
    """Of control."""
    strays: int = 0
    """Requests that reach control twice, or when their sender has given them up."""
    pauses: int = 0


class State(NamedTuple):
    left: Left
    workers: tuple[Worker, ...]
    registered: int
    strays: tuple[Heartbeat, ...] = ()
    bids: tuple[Bid, ...] = ()
    billed: int = 0
    """What the exchange will invoice: the world's own count."""
    leases: tuple[Row, ...] = ()
    next_id: int = 1
    spent: int = 0
    paused: bool = False


FIELDS = attrgetter("granted", "released", "reserved", "used", "share")


def row_of(lease: Lease) -> Row:
    """Without what nobody asks for any more: figures of an open lease of a closed one, the end of a returned one."""
    money, bids = FIELDS(lease.money), FIELDS(lease.bids)
    opened_ns, end_ns = lease.opened_ns, lease.end_ns
    if lease.returned:
        end_ns = OLD
    if lease.closed_ns is not None:
        opened_ns, money, bids = OLD, (*money[:3], 0, 0), (*bids[:3], 0, 0)
    if lease.bids.granted is None:  # then bids are not counted
        bids = (None,)
    return Row(lease.id, lease.worker, lease.line_item, opened_ns, end_ns, lease.closed_ns, money, bids)


def lease_of(row: Row) -> Lease:
    """The lease that `row_of` made it of."""
    return Lease(*row[:6], money=Part(*row.money), bids=Part(*row.bids))


def forgetful(row: Row) -> Row:
    """What of it is in the store."""
    return row._replace(money=row.money[:3], bids=row.bids[:3])


def become(s: State, place: int, worker: Worker) -> State:
    return s._replace(workers=(*s.workers[:place], worker, *s.workers[place + 1 :]))


def fresh(s: State, place: int) -> State:
    """Another process, or the same under a new number, takes a worker's place."""
    return become(s, place, Worker(s.registered + 1))._replace(registered=s.registered + 1)


def less(s: State, **spent: int) -> State:
    left = {name: getattr(s.left, name) - count for name, count in spent.items()}
    return s._replace(left=s.left._replace(**left))
