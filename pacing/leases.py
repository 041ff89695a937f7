"""Leases: the parts of budgets that bidders may spend, granted so that no budget is ever exceeded.

This is the whole decision, in memory and without a clock or database of its own; `pacing.treasury` keeps it in the
control store. A budget is *held* from the grant on: an open lease holds all that was granted on it, a returned one what
was reserved from it, both less the reservations of bids that were billed or lost since. What no notice ever told of
is held until the longest time in which a billing can come has passed after the lease's end.

Times are nanoseconds of business time (durations are real seconds times the clock's speed), money is nanos of the
advertiser's currency.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from domain.campaign import Campaign, LineItem, Snapshot
from domain.clock import SECOND
from pacing.days import day_of
from pacing.protocol import DEAD_AFTER_S, LEASE_S, Grant, Grants, Heartbeat
from pacing.purse import Purse

HORIZON_S = 15.0
"""Real seconds of an even plan that are let out at most at once."""

ROTATE_S = 30.0
"""Real seconds after which a lease is replaced by a new one, so that its forgotten reservations can expire. Some take
up to twice as long, so that not all are between two leases at once."""

GRACE_S = 5.0
"""Real seconds after a lease's end, and after its last bid's expiry, in which something of it may still come: a notice
that the tracker has and did not write yet, or all of it where clocks of machines differ."""

FIRST_BIDS = 16
"""Bids that the first grant of an ``asap`` line item covers. It doubles whenever half is used up by the next look."""


@dataclass
class Lease:
    """``reserved`` is the worker's final figure; before there is one, all that was granted may have been reserved."""

    id: int
    worker: int
    line_item: int
    opened_ns: int
    end_ns: int
    granted: int = 0
    released: int = 0
    closed_ns: int | None = None
    reserved: int | None = None
    used: int = 0
    """The latest figure while it is open."""
    share: int = 0
    """What is to be free on it: of an ``asap`` line item it follows the use."""

    @property
    def held(self) -> int:
        return max(0, (self.granted if self.reserved is None else self.reserved) - self.released)


@dataclass
class Line:
    """A line item's part in the accounts; ``live`` while it may be bid on, if now is in its flight."""

    id: int
    campaign: int
    purse: Purse
    even: bool = True
    live: bool = False
    key: str = ""
    name: str = ""
    advertiser: str = ""
    currency: str = ""


@dataclass
class Leases:
    """All purses, and all leases on them. ``dirty`` and ``removed`` are ids of leases that changed since last saved."""

    speed: float = 1.0
    expiry_s: float = 300.0
    """Real seconds after a lease's end in which one of its bids can still be billed."""
    next_id: int = 1
    lines: dict[int, Line] = field(default_factory=dict)
    campaigns: dict[int, Purse] = field(default_factory=dict)
    leases: dict[int, Lease] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    """When each living worker was heard last."""
    dirty: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    _open: dict[int, dict[int, Lease]] = field(default_factory=lambda: defaultdict(dict))
    """By worker and line item."""

    # --- what is told from outside

    def plan(self, snapshot: Snapshot) -> None:
        """Takes over budgets, flights and states from a snapshot. What is spent and held stays as it is."""
        advertisers = {a.id: a for a in snapshot.advertisers}
        campaigns = {c.id: c for c in snapshot.campaigns}
        self.expiry_s = max((e.bid_expiry_s for e in snapshot.exchanges), default=self.expiry_s)
        for line in self.lines.values():
            line.live = False
        for item in snapshot.line_items:
            campaign = campaigns[item.campaign]
            owner = advertisers[campaign.advertiser]
            line = self.line(item.id, campaign.id)
            line.even, line.key, line.name = item.pacing == "even", item.key, item.name
            line.advertiser, line.currency = owner.key, owner.currency
            line.live = item.status == campaign.status == owner.status == "active"
            self._budget(line.purse, item, campaign, owner.time_zone)
            line.purse.least = item.bid_cpm
        for purse_id, purse in self.campaigns.items():
            lines = [line for line in self.lines.values() if line.campaign == purse_id]
            live = [line for line in lines if line.live]
            if purse_id in campaigns:
                owner = advertisers[campaigns[purse_id].advertiser]
                self._budget(purse, campaigns[purse_id], campaigns[purse_id], owner.time_zone)
            purse.activated_ns = min((line.purse.activated_ns for line in live), default=0)
            purse.least = max((line.purse.least for line in live), default=0)
            purse.sharers = max(1, sum(line.even for line in live))
            purse.paced = sum(line.purse.paced for line in lines if line.even)

    @staticmethod
    def _budget(purse: Purse, of: LineItem | Campaign, campaign: Campaign, zone: str) -> None:
        purse.zone, purse.start_ns, purse.end_ns = zone, campaign.start_ns, campaign.end_ns
        purse.daily, purse.total = of.limits.daily_budget, of.limits.total_budget
        purse.activated_ns = of.activated_ns if isinstance(of, LineItem) else 0

    def line(self, line_item: int, campaign: int) -> Line:
        """The line item's account, opened if it has none."""
        if line_item not in self.lines:
            self.campaigns.setdefault(campaign, Purse("UTC", 0, 1, None, None))
            self.lines[line_item] = Line(line_item, campaign, Purse("UTC", 0, 1, None, None))
        return self.lines[line_item]

    def spend(self, line_item: int, campaign: int, day: str, amount: int) -> None:
        """A bid was billed. ``day`` is the day of receiving in the advertiser's time zone."""
        line = self.line(line_item, campaign)
        for purse in (line.purse, self.campaigns[line.campaign]):
            purse.spent += amount
            purse.spent_on[day] = purse.spent_on.get(day, 0) + amount
        self._pace(line, amount)

    def release(self, lease_id: int, amount: int) -> None:
        """A bid from this lease was billed or lost: its reservation is held no longer. To be told once a bid."""
        lease = self.leases.get(lease_id)
        if lease is not None:
            self._change(lease, released=lease.released + amount)

    def restore(self, lease: Lease) -> None:
        """Takes a lease as it was saved. Its line item must be known."""
        self.leases[lease.id] = lease
        if lease.closed_ns is None:
            self._open[lease.worker][lease.line_item] = lease
        self._hold(self.lines[lease.line_item], lease.held)

    # --- the conversation with workers

    def heartbeat(self, beat: Heartbeat, now_ns: int, version: int) -> Grants:
        """Takes a worker's figures, and says what it may spend now."""
        self.seen[beat.worker] = now_ns
        for use in beat.returned:
            lease = self.leases.get(use.lease)
            if lease is not None and lease.worker == beat.worker and lease.reserved is None:
                self._close(lease, now_ns, use.reserved)
        closed = []
        known: dict[int, int] = {}
        for use in beat.uses:
            lease = self.leases.get(use.lease)
            if lease is None or lease.worker != beat.worker or lease.closed_ns is not None:
                closed.append(use.lease)
            else:
                lease.used = max(lease.used, use.reserved)
                known[use.lease] = use.granted
        if beat.stopping:
            for lease in list(self._open[beat.worker].values()):
                self._close(lease, now_ns)
            del self.seen[beat.worker]
            return Grants(version, closed=tuple(closed))
        grants = []
        for line in self.lines.values():
            lease = self._open[beat.worker].get(line.id)
            live = self.is_live(line, now_ns)
            if lease is not None and (not live or now_ns >= self._rotates_ns(lease)):
                self._close(lease, now_ns)
                closed.append(lease.id)
            if live:
                grant = self._grant(line, beat.worker, lease, known, now_ns)
                if grant is not None:
                    grants.append(grant)
        return Grants(version, tuple(grants), tuple(closed))

    def expire(self, now_ns: int, settled_ns: int) -> None:
        """Closes what silent workers hold once its time is over, and lets go of what can no longer be billed.

        ``settled_ns``: all notices that came before have been told to `spend` and `release`.
        """
        for lease in list(self.leases.values()):
            if lease.closed_ns is None and now_ns >= lease.end_ns + self._ns(GRACE_S):
                self._close(lease, now_ns)
            if settled_ns >= self._over_ns(lease) or (lease.reserved is not None and not lease.held):
                self._remove(lease)
        for worker in [w for w, at in self.seen.items() if now_ns - at > self._ns(DEAD_AFTER_S)]:
            del self.seen[worker]
        for purse in (*self.campaigns.values(), *(line.purse for line in self.lines.values())):
            purse.forget_days_before(day_of(now_ns, purse.zone))

    def is_live(self, line: Line, now_ns: int) -> bool:
        """Whether it may be bid on now. Without any budget nothing is: there would be no end of it."""
        limited = line.purse.limited or self.campaigns[line.campaign].limited
        return line.live and limited and line.purse.start_ns <= now_ns < line.purse.end_ns

    def _rotates_ns(self, lease: Lease) -> int:
        return lease.opened_ns + self._ns(ROTATE_S * (1 + lease.id % 16 / 16))

    def _over_ns(self, lease: Lease) -> float:
        """When no bid of a lease can be billed any more. The last bid came before its return; failing that, its end."""
        if lease.closed_ns is None:
            return float("inf")
        last = lease.closed_ns if lease.reserved is not None else lease.end_ns
        return max(lease.closed_ns, last + self._ns(GRACE_S)) + self._ns(self.expiry_s)

    # --- how much

    def _grant(self, line: Line, worker: int, lease: Lease | None, known: dict[int, int], now_ns: int) -> Grant | None:
        demand = free = 0
        if lease is not None and lease.closed_ns is not None:
            demand, lease = lease.share // 2, None  # it is replaced: what is needed shows again from here
        elif lease is not None:
            free = lease.granted - lease.used
            demand = lease.share * 2 if free < lease.share // 2 else lease.share
        share = self._share(line, demand, free, now_ns)
        more = 0
        if free < max(share // 2, line.purse.least):
            most = free + min(share - free, self._room(line, now_ns))
            more = most // line.purse.least * line.purse.least - free  # parts of bids would lie about for nothing
        if lease is None:
            if more <= 0:
                return None
            lease = Lease(self.next_id, worker, line.id, now_ns, now_ns)
            self.next_id += 1
            self.leases[lease.id] = self._open[worker][line.id] = lease
        lease.share = share
        if more > 0:
            self._change(lease, granted=lease.granted + more)
        elif known.get(lease.id) == lease.granted and lease.end_ns - now_ns > self._ns(LEASE_S / 2):
            return None  # the worker has it all, and time enough
        lease.end_ns = now_ns + self._ns(LEASE_S)
        self.dirty.add(lease.id)
        return Grant(lease.id, line.id, lease.granted, LEASE_S)

    def _share(self, line: Line, demand: int, free: int, now_ns: int) -> int:
        """What one worker should have free: its part of an even plan's horizon, else as much as it proves to use."""
        workers = max(1, len(self.seen))
        bid = line.purse.least
        purse = line.purse if line.purse.limited else self.campaigns[line.campaign]
        if line.even:
            return max(bid, purse.pace(now_ns, self._ns(HORIZON_S)) // (workers * purse.sharers))
        left = min(p.left(now_ns) or 0 for p in (line.purse, self.campaigns[line.campaign]) if p.limited)
        return max(bid, min(max(demand, FIRST_BIDS * bid), (left + free) // (2 * workers)))

    def _room(self, line: Line, now_ns: int) -> int:
        """How much may be let out for a line item, to whomever."""
        campaign = self.campaigns[line.campaign]
        purses = [purse for purse in (line.purse, campaign) if purse.limited]
        rooms = [left for purse in purses if (left := purse.left(now_ns)) is not None]
        if line.even:
            rooms += [purse.room(now_ns, self._ns(HORIZON_S)) for purse in purses]
        return max(0, min(rooms, default=0))

    # --- bookkeeping of what is held

    def _change(self, lease: Lease, **fields: int) -> None:
        before = lease.held
        for name, value in fields.items():
            setattr(lease, name, value)
        self.dirty.add(lease.id)
        self._hold(self.lines[lease.line_item], lease.held - before)

    def _close(self, lease: Lease, now_ns: int, reserved: int | None = None) -> None:
        if lease.closed_ns is None:
            self._open[lease.worker].pop(lease.line_item, None)
        self._change(lease, closed_ns=now_ns)
        if reserved is not None:
            self._change(lease, reserved=reserved)

    def _remove(self, lease: Lease) -> None:
        self._hold(self.lines[lease.line_item], -lease.held)
        del self.leases[lease.id]
        self.dirty.discard(lease.id)
        self.removed.add(lease.id)

    def _hold(self, line: Line, amount: int) -> None:
        line.purse.held += amount
        self.campaigns[line.campaign].held += amount
        self._pace(line, amount)

    def _pace(self, line: Line, amount: int) -> None:
        line.purse.paced += amount
        if line.even:
            self.campaigns[line.campaign].paced += amount

    def _ns(self, real_s: float) -> int:
        return int(real_s * self.speed * SECOND)
