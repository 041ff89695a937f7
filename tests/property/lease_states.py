"""What a state of the small world of `lease_world` consists of: values, with all times relative to `NOW`."""

from operator import attrgetter
from typing import NamedTuple

from domain.clock import SECOND
from pacing.leases import Lease
from pacing.protocol import Grants, Heartbeat, LeaseUse

TICK = 5 * SECOND
NOW = 1_000 * TICK
EXPIRY = TICK
OLD = NOW - 2 * TICK
"""Nothing tells times before this apart: a lease is over after two ticks, grace and expiry take one each."""


class Row(NamedTuple):
    """A `pacing.leases.Lease`: the columns of the store, and the two figures that a restart forgets."""

    id: int
    worker: int
    line_item: int
    opened_ns: int
    end_ns: int
    granted: int
    released: int
    closed_ns: int | None
    reserved: int | None
    used: int
    share: int


class Held(NamedTuple):
    """A worker's lease; its time counts from ``asked_ns``."""

    lease: int
    granted: int
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


FIELDS = attrgetter(*Row._fields)


def row_of(lease: Lease) -> Row:
    """Without what nobody asks for any more: figures of an open lease of a closed one, the end of a returned one."""
    row = Row._make(FIELDS(lease))
    if lease.reserved is not None:
        row = row._replace(end_ns=OLD)
    return row if lease.closed_ns is None else row._replace(opened_ns=OLD, used=0, share=0)


def become(s: State, place: int, worker: Worker) -> State:
    return s._replace(workers=(*s.workers[:place], worker, *s.workers[place + 1 :]))


def fresh(s: State, place: int) -> State:
    """Another process, or the same under a new number, takes a worker's place."""
    return become(s, place, Worker(s.registered + 1))._replace(registered=s.registered + 1)


def less(s: State, **spent: int) -> State:
    left = {name: getattr(s.left, name) - count for name, count in spent.items()}
    return s._replace(left=s.left._replace(**left))
