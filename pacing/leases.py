"""Leases: the parts of budgets that bidders may spend, granted so that no budget is ever exceeded.

This is the whole decision, in memory and without a clock or database of its own; `pacing.treasury` keeps it in the
control store. A budget is *held* from the grant on: an open lease holds all that was granted on it, a returned one what
was reserved from it, both less the reservations of bids that were billed or lost since. What no notice ever told of
is held until the longest time in which a billing can come has passed after the lease's end.

A line item spends from its own budgets, its campaign's, its advertiser's and its agency's at once, in money and, where
anyone limits them, in impressions; what the tightest has left is what can be granted.

Times are nanoseconds of business time (durations are real seconds times the clock's speed), money is nanos of the
advertiser's currency.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from domain.campaign import Snapshot
from domain.clock import SECOND
from pacing.lease import Lease, Unit
from pacing.protocol import DEAD_AFTER_S, LEASE_S, Grant, Grants, Heartbeat
from pacing.purse import Shape, straight
from pacing.purses import Line, Purses

HORIZON_S = 15.0
"""Real seconds of an even plan that may be let out at once, however small the budget."""

COVER_S = 60.0
"""Real seconds of a plan, or of what is used, that leases cover if that is a thousandth of the budget at most: so long
bids go on without control."""

AHEAD = 1.2
"""How much faster than its plan an ``ahead`` line item may spend."""

ROTATE_S = 30.0
"""Real seconds after which a lease is replaced by a new one, so that its forgotten reservations can expire. Some take
up to twice as long, so that not all are between two leases at once."""

GRACE_S = 5.0
"""Real seconds after a lease's end, and after its last bid's expiry, in which something of it may still come: a notice
that the tracker has and did not write yet, or all of it where clocks of machines differ."""

FIRST_BIDS = 16
"""Bids that the first grant of an ``asap`` line item covers. It doubles whenever more than half is used between two
looks."""


RETRY_S = 1.0
"""Real seconds after which a worker that could get nothing is thought of again."""

Known = tuple[int, int | None]
"""Nanos and bids that a worker has heard of as granted."""


@dataclass
class Leases:
    """All purses, and all leases on them. ``dirty`` and ``removed`` are ids of leases that changed since last saved."""

    speed: float = 1.0
    lease_s: float = LEASE_S
    """Real seconds that a lease may be bid from after it was topped up last."""
    expiry_s: float = 300.0
    """Real seconds after a lease's end in which one of its bids can still be billed."""
    next_id: int = 1
    purses: Purses = field(default_factory=Purses)
    leases: dict[int, Lease] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    """When each living worker was heard last."""
    dirty: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    shapes: Mapping[int, Shape] = field(default_factory=dict)
    """How the supply of a line item is spread over time, where that is known."""
    slack: float = 1.0
    """How much faster than a plan leases may let out; more than 1 where something else keeps bidders to it."""
    _open: dict[int, dict[int, Lease]] = field(default_factory=lambda: defaultdict(dict))
    """By worker and line item."""
    _refused: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    """When a worker could get nothing of a line item."""

    # --- what is told from outside

    def plan(self, snapshot: Snapshot) -> None:
        """Takes over budgets, flights and states from a snapshot. What is spent and held stays as it is."""
        self.purses.plan(snapshot)
        self.expiry_s = max((e.bid_expiry_s for e in snapshot.exchanges), default=self.expiry_s)

    def release(self, lease_id: int, amount: int) -> None:
        """A bid from this lease was billed or lost: its reservation is held no longer. To be told once a bid."""
        lease = self.leases.get(lease_id)
        if lease is not None:
            with self._changing(lease):
                lease.money.released += amount
                lease.bids.released += 1

    def restore(self, lease: Lease) -> None:
        """Takes a lease as it was saved. Its line item must be known."""
        self.leases[lease.id] = lease
        if lease.closed_ns is None:
            self._open[lease.worker][lease.line_item] = lease
        self.purses.hold(self.purses.lines[lease.line_item], lease.money.held, lease.bids.held)

    # --- the conversation with workers

    def heartbeat(self, beat: Heartbeat, now_ns: int, version: int) -> Grants:
        """Takes a worker's figures, and says what it may spend now."""
        self.seen[beat.worker] = now_ns
        for use in beat.returned:
            lease = self.leases.get(use.lease)
            if lease is not None and lease.worker == beat.worker and not lease.returned:
                self._close(lease, now_ns, (use.reserved, use.bids))
        closed = []
        known: dict[int, Known] = {}
        for use in beat.uses:
            lease = self.leases.get(use.lease)
            if lease is None or lease.worker != beat.worker or lease.closed_ns is not None:
                closed.append(use.lease)
            else:
                passed_s = (now_ns - (lease.heard_ns or lease.opened_ns)) / (self.speed * SECOND)
                lease.heard_ns = now_ns
                lease.money.use(use.reserved, passed_s)
                lease.bids.use(use.bids, passed_s)
                known[use.lease] = use.granted, use.granted_bids
        if beat.stopping:
            for lease in list(self._open[beat.worker].values()):
                self._close(lease, now_ns)
            del self.seen[beat.worker]
            self._refused.pop(beat.worker, None)
            return Grants(version, closed=tuple(closed))
        grants = []
        mine, refused = self._open[beat.worker], self._refused[beat.worker]
        for line in self.purses.lines.values():
            lease = mine.get(line.id)
            live = self.purses.is_live(line, now_ns)
            if lease is None:
                if not live or now_ns - refused.get(line.id, 0) < self._ns(RETRY_S):
                    continue
            elif live and self._is_served(line, lease, known, now_ns):
                continue
            if lease is not None and (not live or self._is_outdated(line, lease, now_ns)):
                self._close(lease, now_ns)
                closed.append(lease.id)
            if live:
                grant = self._grant(line, beat.worker, lease, known, now_ns)
                if grant is not None:
                    grants.append(grant)
                elif line.id not in mine:
                    refused[line.id] = now_ns
        return Grants(version, tuple(grants), tuple(closed))

    def expire(self, now_ns: int, settled_ns: int) -> None:
        """Closes what silent workers hold once its time is over, and lets go of what can no longer be billed.

        ``settled_ns``: all notices that came before have been told to `spend` and `release`.
        """
        for lease in list(self.leases.values()):
            if lease.closed_ns is None and now_ns >= lease.end_ns + self._ns(GRACE_S):
                self._close(lease, now_ns)
            if settled_ns >= self._over_ns(lease) or (lease.returned and not lease.holds):
                self._remove(lease)
        for worker in [w for w, at in self.seen.items() if now_ns - at > self._ns(DEAD_AFTER_S)]:
            del self.seen[worker]
            self._refused.pop(worker, None)
        self.purses.forget_before(now_ns)

    def _is_served(self, line: Line, lease: Lease, known: Mapping[int, Known], now_ns: int) -> bool:
        """Whether there is nothing to do: the worker has heard of all it was granted, with enough of it left to spend
        and enough time. This is the case of nearly all leases at nearly all heartbeats, so it is found out first.
        """
        money, bids = lease.money, lease.bids
        if not money.plenty(line.purse.money.least) or not self._is_told(lease, known, now_ns):
            return False
        if bids.granted is not None and not bids.plenty(1):
            return False
        return not self._is_outdated(line, lease, now_ns)

    def _is_told(self, lease: Lease, known: Mapping[int, Known], now_ns: int) -> bool:
        """Whether the worker has heard of all that it was granted, and has time enough."""
        heard = known.get(lease.id) == (lease.money.granted, lease.bids.granted)
        return heard and lease.end_ns - now_ns > self._ns(self.lease_s / 2)

    def _is_outdated(self, line: Line, lease: Lease, now_ns: int) -> bool:
        """Whether a lease is to be replaced: it is old, or bids began or ceased to be counted."""
        rotates_ns = lease.opened_ns + self._ns(ROTATE_S * (1 + lease.id % 16 / 16))
        return now_ns >= rotates_ns or line.counts_bids != (lease.bids.granted is not None)

    def _over_ns(self, lease: Lease) -> float:
        """When no bid of a lease can be billed any more. The last bid came before its return; failing that, its end."""
        if lease.closed_ns is None:
            return float("inf")
        last = lease.closed_ns if lease.returned else lease.end_ns
        return max(lease.closed_ns, last + self._ns(GRACE_S)) + self._ns(self.expiry_s)

    # --- how much

    def _grant(
        self,
        line: Line,
        worker: int,
        lease: Lease | None,
        known: Mapping[int, Known],
        now_ns: int,
    ) -> Grant | None:
        before = lease if lease is not None and lease.closed_ns is not None else None
        if before is not None:
            lease = None  # it is replaced
        counts = line.counts_bids
        money = self._need(line, "money", line.purse.money.least, lease, before, now_ns)
        bids = None
        if counts:
            payable = (money.free + money.more) // line.purse.money.least  # more would lie about for nothing
            bids = self._need(line, "bids", 1, lease, before, now_ns, payable)
        if lease is None:
            if money.more <= 0 or (bids is not None and bids.more <= 0):
                return None
            lease = Lease(self.next_id, worker, line.id, now_ns, now_ns)
            lease.bids.granted = 0 if counts else None
            if before is not None:
                lease.money.per_s, lease.bids.per_s = before.money.per_s, before.bids.per_s
            self.next_id += 1
            self.leases[lease.id] = self._open[worker][line.id] = lease
        lease.money.share = money.share
        more_bids = 0
        if bids is not None:
            lease.bids.share, more_bids = bids.share, bids.more
        if money.more > 0 or more_bids > 0:
            with self._changing(lease):
                lease.money.granted = (lease.money.granted or 0) + money.more
                if lease.bids.granted is not None:
                    lease.bids.granted += more_bids
        elif self._is_told(lease, known, now_ns):
            return None
        lease.end_ns = now_ns + self._ns(self.lease_s)
        self.dirty.add(lease.id)
        return Grant(lease.id, line.id, lease.money.granted or 0, self.lease_s, lease.bids.granted)

    def _need(
        self,
        line: Line,
        unit: Unit,
        least: int,
        lease: Lease | None,
        before: Lease | None,
        now_ns: int,
        highest: int | None = None,
    ) -> "Need":
        """What one worker should have free in one unit, at the highest, and how much more it gets for that."""
        demand, free, covers = 0, 0, 0.0
        if before is not None:
            demand = before.part(unit).share // 2  # what is needed shows again from here
        elif lease is not None:
            part = lease.part(unit)
            free = (part.granted or 0) - part.used
            demand = part.share * 2 if part.lately > part.share // 2 else part.share
            covers = part.per_s * COVER_S
        shape = self.shapes.get(line.id, straight)
        budgets = [(purse.budget(unit), purse) for purse in line.purses if purse.budget(unit).limited]
        workers = max(1, len(self.seen))
        nows = [(budget, purse, purse.now(now_ns)) for budget, purse in budgets]
        left = min((budget.left(now) or 0 for budget, _, now in nows), default=0)
        share, room = None, left
        if line.paced:
            ahead = AHEAD if line.pacing == "ahead" else 1.0
            for budget, purse, now in nows:
                burst = budget.burst(now, self._ns(HORIZON_S), self._ns(COVER_S), shape)
                if burst is None:
                    continue
                part_of_it = burst // (workers * purse.sharers)
                share = part_of_it if share is None else min(share, part_of_it)
                planned = budget.room(now, burst, shape, ahead * self.slack)
                room = room if planned is None else min(room, planned)
        if share is None:  # as fast as possible: as much as it proves to use
            tolerated = min((budget.tolerated(now) for budget, _, now in nows), default=0) // workers
            demand = max(demand, FIRST_BIDS * least, min(int(covers), tolerated))
            share = min(demand, (left + free) // (2 * workers))
        share = max(least, share)
        if highest is not None:
            share = min(share, highest)
        more = 0
        if free < max(share // 2, least):
            most = free + min(share - free, max(0, room))
            more = max(0, most // least * least - free)  # parts of bids would lie about for nothing
        return Need(share, free, more)

    # --- bookkeeping of what is held

    @contextmanager
    def _changing(self, lease: Lease) -> Iterator[None]:
        money, bids = lease.money.held, lease.bids.held
        yield
        self.dirty.add(lease.id)
        self.purses.hold(self.purses.lines[lease.line_item], lease.money.held - money, lease.bids.held - bids)

    def _close(self, lease: Lease, now_ns: int, reserved: tuple[int, int] | None = None) -> None:
        if lease.closed_ns is None:
            self._open[lease.worker].pop(lease.line_item, None)
        with self._changing(lease):
            lease.closed_ns = now_ns
            if reserved is not None:
                lease.money.reserved, lease.bids.reserved = reserved

    def _remove(self, lease: Lease) -> None:
        self.purses.hold(self.purses.lines[lease.line_item], -lease.money.held, -lease.bids.held)
        del self.leases[lease.id]
        self.dirty.discard(lease.id)
        self.removed.add(lease.id)

    def _ns(self, real_s: float) -> int:
        return int(real_s * self.speed * SECOND)


@dataclass(frozen=True)
class Need:
    """What is to be free on a lease in one unit, what is, and what it gets."""

    share: int
    free: int
    more: int
